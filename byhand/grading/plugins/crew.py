"""The workers of a run: they run submissions ahead of nbgrader, which takes them one by one."""

import compileall
import gc
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from weakref import finalize

from pebble import ProcessExpired, ProcessPool

import byhand
from byhand.grading.plugins.cluster import Cluster
from byhand.grading.plugins.watch import Watch
from byhand.grading.sandbox import cgroups
from byhand.grading.sandbox.leftovers import PREFIX, claim, remove, sweep
from byhand.grading.submission import work
from byhand.grading.submission.work import Cell, Job, Ran

AHEAD = 3  # submissions a worker that may wait for nbgrader: their outputs are kept in memory
TRIES = 2  # for a submission whose worker dies
SHORT = 60  # characters
PATIENCE = 300.0  # seconds beyond what a submission may take


class Crew:
    """jobs: how many workers, 0 for as many as there are cores; scheduler: the address of a Dask
    scheduler whose workers are taken in their place; todo: the submitted notebooks in nbgrader's
    order; job: makes the job of one of them."""

    def __init__(self, jobs: int, scheduler: str, todo: Sequence[Path], job: Callable[[Path], Job]):
        self.todo, self.job = deque(todo), job
        gc.freeze()  # what nbgrader has loaded stays: nobody looks through it for what can go
        sweep(Path(tempfile.gettempdir()), remove)
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        if scheduler:
            self.pool = Cluster(scheduler)
            self.size = self.pool.size
        else:
            from joblib import cpu_count  # slow to import, and not needed by the workers

            self.size = max(min(jobs or cpu_count(), len(todo)), 1)
            self.pool = _processes(self.size, self.folder)
        self.running: dict[Path, tuple[Job, Future]] = {}
        self.watch = Watch(len(todo))
        self.stop = finalize(self, _stop, self.pool, self.folder, claim(self.folder))
        _heed_signals()
        self._go_on()

    def take(self, path: Path, cells: tuple[Cell, ...], make: Callable[[], Job]) -> Ran:
        """What became of a submitted notebook with these cells. Waits for it; if it was not begun
        ahead of its turn, or with other cells, its job is made and run now."""
        job, future = self.running.pop(path, (None, None))
        if job is None or job.cells != cells:
            job = make()
            future = self._begin(job)
        self._go_on()
        try:
            for left in reversed(range(TRIES)):
                try:
                    return future.result()
                except ProcessExpired:
                    future = self._begin(job) if left else None
                except TimeoutError:
                    return Ran(fault="the submission took longer than its limits allow")
                except Exception:  # noqa: BLE001 - whatever it is, it must not cost points
                    return Ran(fault=traceback.format_exc())
        except BaseException:  # Ctrl-C
            self.stop()
            raise
        return Ran(fault=f"the submission ended {TRIES} workers")

    def _begin(self, job: Job) -> Future:
        seconds = job.allowed.submission_seconds + PATIENCE
        return self.pool.schedule(_run, args=[job], timeout=seconds)

    def _go_on(self) -> None:
        """Begin as many submissions as may be under way."""
        while self.todo and len(self.running) < AHEAD * self.size:
            path = self.todo.popleft()
            try:
                job = self.job(path)
            except Exception:  # noqa: BLE001 - when its turn comes, it will be told
                continue
            self.running[path] = job, self._begin(job)
        self.watch.tell(len(self.running))


def load_ahead() -> str:
    """Begin to load what the workers have in common, in the server whose forks they are: it takes
    as long as loading nbgrader, and the two can go on together. How workers are started."""
    _compile()
    # The server's socket is below the folder for temporary files, and its path must be short.
    if len(tempfile.gettempdir()) >= SHORT:
        return "spawn"
    multiprocessing.set_forkserver_preload(["byhand.grading.plugins.common"])
    # Else each worker would run this program's script, which loads all of nbgrader.
    vars(sys.modules["__main__"]).pop("__file__", None)
    forkserver.ensure_running()
    return "forkserver"


@cache
def _compile() -> None:
    """Compile the package: a kernel cannot keep what it compiles, and each would do it anew."""
    compileall.compile_dir(Path(byhand.__file__).parent, quiet=2)


def _processes(size: int, folder: Path) -> ProcessPool:
    """Workers on this machine."""
    context = multiprocessing.get_context(load_ahead())
    return ProcessPool(size, context=context, initializer=_settle, initargs=[str(folder)])


def _heed_signals() -> None:
    """Stop as cleanly when told to end, or when the terminal is closed, as after Ctrl-C. A program
    with ways of its own, such as formgrader's server, keeps them."""
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup has it ignored
        signal.signal(signal.SIGHUP, signal.default_int_handler)


def _settle(folder: str) -> None:
    """What a new worker does: all that it may leave behind is in one folder."""
    tempfile.tempdir = folder
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def _run(job: Job) -> Ran:
    try:
        return work.run(job)
    except SystemExit:  # told to stop, and the kernel is gone
        os._exit(1)


def _stop(pool: ProcessPool | Cluster, folder: Path, lock: int) -> None:
    """End the workers, whatever they do, and remove what they have left."""
    pool.stop()
    pool.join()
    cgroups.clear(folder.name)
    remove(folder)
    os.close(lock)
