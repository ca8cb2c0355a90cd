"""Kernels in a sandbox, with limits so small that nothing can hurt the machine."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from byhand.grading.sandbox import kernel
from byhand.grading.sandbox.kernel import Limits, start_kernel
from byhand.grading.sandbox.staging import read_files

MiB = 2**20
SMALL = Limits(memory=300 * MiB, processes=30, written=8 * MiB, cpu_seconds=60)
RUNGS = pytest.mark.parametrize("rung", ["bubblewrap", "landlock"])
SECRET = "a-secret-of-the-host"


class Kernel:
    """A started kernel, in which a test runs code."""

    def __init__(self, files: Path, limits: Limits = SMALL, **options: bool | str):
        handed_in = read_files(files, limits.written // 2)
        self.kernel: kernel.Kernel = start_kernel(handed_in, limits, **options)
        self.folder, self.process = self.kernel.folder, self.kernel.process
        self.groups = self.kernel.group.folders if self.kernel.group else []
        self.kernel.wait_until_ready()

    def start(self, code: str, seconds: float = 60) -> None:
        """Have the code run, and do not wait for it. It is interrupted after so many seconds."""
        self.kernel.channel.send({"cell": code, "seconds": seconds, "id": code})

    def run(self, code: str, seconds: float = 20) -> str:
        """What the code printed, and its error."""
        said, end = [], time.monotonic() + seconds
        self.start(code)
        while True:
            frame, _ = self.kernel.channel.receive(end)
            output = frame.get("output", {"output_type": ""})
            if frame.get("done") == code:
                return "".join(said).strip()
            if output["output_type"] == "stream":
                said.append(output["text"])
            elif output["output_type"] == "error":
                said.append(f"{output['ename']}: {output['evalue']}")

    def die(self, code: str, seconds: float = 20) -> None:
        """Run code that ends the kernel, and wait for its end."""
        self.start(code)
        wait_until(lambda: not self.kernel.is_alive(), seconds, "the kernel to die")

    def members(self) -> list[int]:
        """The process ids of all that runs in the sandbox, as the host sees them."""
        return [int(pid) for pid in (self.groups[0] / "cgroup.procs").read_text().split()]

    def stop(self) -> int:
        return self.kernel.stop()


def wait_until(done: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.01)


def runs(process: psutil.Process) -> bool:
    """Whether it is alive. The dead may wait for the host's first process to take note of them."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
