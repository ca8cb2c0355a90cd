"""Workers on other machines: those of a running Dask scheduler."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import byhand
from byhand.grading.submission.outcome import mark

PACKAGES = ["numpy", "scipy", "torch", "ipython", "nbformat", "matplotlib"]
SECONDS = 10  # for a scheduler to answer


class Cluster:
    """The workers of the scheduler at an address, with the methods of pebble's ProcessPool that a
    crew uses.

    Raises SystemExit, with one line, if nothing answers there, if there are no workers, or if one
    has other versions than this machine or more than one thread.
    """

    def __init__(self, address: str):
        from distributed import Client  # slow to import

        try:
            self.client = Client(address, timeout=SECONDS, set_as_default=False)
            self.client.wait_for_workers(1, timeout=SECONDS)
        except (OSError, ValueError, TimeoutError) as error:
            self._refuse(f"no Dask workers at {address} ({type(error).__name__}: {error})")
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        self.size, ours = len(workers), environment()
        for worker, theirs in self._theirs().items():
            names = [name for name in ours if theirs[name] != ours[name]]
            if other := [f"{name} {theirs[name]} (here {ours[name]})" for name in names]:
                self._refuse(f"the worker {worker} has {'; '.join(other)}: give it the same")
            if workers[worker]["nthreads"] != 1:
                self._refuse(f"the worker {worker} has several threads: start it with --nthreads 1")

    def _theirs(self) -> dict[str, dict[str, str]]:
        return self.client.run(environment)

    def schedule(self, function: Any, args: list, timeout: float) -> Any:
        """A future of function(*args). timeout: kept by the worker's own limits."""
        return self.client.submit(function, *args, pure=False)

    def stop(self) -> None:
        """Let go of everything that was begun."""
        self.client.close(timeout=SECONDS)

    def join(self) -> None:
        """Nothing is left to wait for."""

    def _refuse(self, why: str) -> None:
        if hasattr(self, "client"):
            self.client.close(timeout=SECONDS)
        raise SystemExit(f"byhand: nothing is graded: {why}")


def environment() -> dict[str, str]:
    """What has to be the same on all machines, so that they give the same grades."""
    package = Path(byhand.__file__).parent
    return {
        "Python": platform.python_version(),
        "byhand": mark(package)[:12],
        **{name: version(name) for name in PACKAGES},
    }
