"""The confined process in which a student's code runs.

    kernel = start_kernel({"numbers.csv": b"1,2"}, Limits())
    kernel.channel.send({"cell": "1 + 1", "seconds": 10, "id": "1"})
    kernel.channel.receive(...)
    kernel.stop()

Around the process stand bubblewrap, or Landlock and a keeper (what it sees), a filter of system
calls (what it may ask of Linux) and control groups (what it uses), or resource limits where there
are no such groups. rungs.py says which of these this machine can give.
"""

import ctypes
import os
import signal
import socket
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from typing import Any

import byhand
from byhand.grading.sandbox import bubblewrap, cgroups, inside, landlock, seccomp
from byhand.grading.sandbox.leftovers import PREFIX, claim, remove, sweep
from byhand.grading.sandbox.limits import Limits, resident, rlimits
from byhand.grading.sandbox.staging import write_files
from byhand.protocol.channel import Channel, FrameError

STUDENT_SIDE = "BYHAND_STUDENT_SIDE"  # tells byhand.check where it is; importing that is slow
WORDS = 8192  # bytes kept of what a kernel said on its own stderr
PATIENCE = 5.0  # seconds that a killed kernel may take to be gone
GOING = 1.0  # seconds between the end of its channel and its own
POLL = 0.1  # seconds between looks whether the kernel is alive
SLACK = 2  # times `written` that a keeper lets pass: it cannot stop a write, only the kernel
# What the judge takes of one frame: no right answer comes near it.
MOST_JSON, MOST_BYTES, MOST_BUFFERS = 6 * 2**20, 32 * 2**20, 10_000


class Kernel:
    """A student's process, and what it has on this machine: a folder and its lock, a group."""

    def __init__(self, folder: Path):
        self.folder, self.lock = folder, claim(folder)
        self.kept = False  # whether the process is a keeper
        self.process: Popen | None = None
        self.group: cgroups.Group | None = None
        self.channel: Channel | None = None
        self.peak: int | None = None  # bytes
        self.out_of_memory = False

    def wait(self) -> None:
        """Let a process that is about to end do so."""
        with suppress(TimeoutExpired):
            self.process.wait(GOING)

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def peak_memory(self) -> int | None:
        """The most memory in bytes it has used, also after its end; None: unknown.

        In a control group: of all processes together, with the files they have read or written.
        Otherwise: the most that was resident at a call of this method.
        """
        self._look()
        return self.peak

    def memory_limit_hit(self) -> bool:
        """Whether a process was killed at the memory limit, also after the kernel's end.

        Without control groups always False: there the limit is a MemoryError in student code.
        """
        self._look()
        return self.out_of_memory

    def last_words(self) -> str:
        """The end of what the process itself said on stderr, such as why it could not start."""
        path = self.folder / "stderr"
        if not path.exists():
            return ""
        with path.open("rb") as file:
            file.seek(-min(WORDS, path.stat().st_size), os.SEEK_END)
            return file.read(WORDS).decode(errors="replace").strip()

    def wait_until_ready(self, seconds: float = 60.0) -> None:
        """Wait for the first frame.

        Raises RuntimeError with the kernel's last words when it dies before, TimeoutError when it
        does not answer in time.
        """
        try:
            self.receive(time.monotonic() + seconds)
        except TimeoutError:
            text = f"the student's kernel did not answer within {seconds:g} s"
            raise TimeoutError(text) from None
        except (EOFError, FrameError):
            self.wait()
            said = self.last_words() or "it said nothing"
            text = f"the student's kernel died when it was started: {said}"
            raise RuntimeError(text) from None

    def receive(self, deadline: float) -> tuple[Any, list[memoryview]]:
        """The next frame.

        Raises TimeoutError at the deadline, EOFError when the kernel has ended, and FrameError.
        """
        while True:
            try:
                return self.channel.receive(min(deadline, time.monotonic() + POLL))
            except TimeoutError:  # what it has started may still hold the other end
                if not self.is_alive():
                    raise EOFError from None
                if time.monotonic() >= deadline:
                    raise

    def stop(self) -> int:
        """Kill it with all its processes and leave nothing behind; return peak_memory(), or 0."""
        self._look()
        if self.process is not None:
            if self.kept and self.group is None:
                self.process.terminate()
                with suppress(TimeoutExpired):
                    self.process.wait(timeout=PATIENCE)
            if self.process.poll() is None:
                # The outer bwrap takes the inner one along, and that the whole process namespace.
                os.killpg(self.process.pid, signal.SIGKILL)
            if self.group is not None:
                self.group.kill()
            self.process.wait(timeout=PATIENCE)
            self.process = None
        if self.group is not None:
            self._look()
            self.group.remove()
            self.group = None
        if self.channel is not None:
            self.channel.close()
        remove(self.folder)
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None
        return self.peak or 0

    def _look(self) -> None:
        """Note what can be seen only while the kernel and its group are there."""
        if self.group is not None:
            self.peak, self.out_of_memory = self.group.peak(), self.group.out_of_memory()
        elif self.is_alive():
            self.peak = max(self.peak or 0, resident(self.process.pid))


def start_kernel(
    files: Mapping[str, bytes],
    limits: Limits,
    torch: bool = False,
    rung: str = "bubblewrap",
    hidden: Sequence[str] = (),
    autograd: bool = True,
) -> Kernel:
    """A new kernel, started and not yet ready.

    files: what lies in its working folder, by their paths;
    torch: whether PyTorch can be used; rung: one of rungs.RUNGS, "none" for an ordinary process;
    hidden: folders that must not be seen, beside the working folder;
    autograd: False, which needs a sandbox, for a PyTorch that cannot differentiate backwards.
    The kernel ends when the thread that called this ends (an ordinary process: when it reads that
    the judge has gone). Raises SandboxError where the rung is not to be had.
    """
    if rung == "bubblewrap":
        bubblewrap.program()
    elif rung == "landlock":
        landlock.abi()
    sweep(Path(tempfile.gettempdir()), remove)
    kernel = Kernel(Path(tempfile.mkdtemp(prefix=PREFIX)))
    weakref.finalize(kernel, remove, kernel.folder)
    try:
        for name in ["files", "home", "tmp"]:
            (kernel.folder / name).mkdir(mode=0o700)
        bubblewrap.furnish(kernel.folder, autograd)
        write_files(files, kernel.folder / "files")
        _launch(kernel, limits, torch, rung, [Path.cwd(), *map(Path, hidden)])
    except BaseException:
        kernel.stop()
        raise
    return kernel


def _launch(kernel: Kernel, limits: Limits, torch: bool, rung: str, hidden: list[Path]) -> None:
    folder, env = kernel.folder, _environment(kernel.folder, torch, rung)
    boxed, kernel.kept = rung == "bubblewrap", rung == "landlock"
    if rung != "none":
        name, run = folder.name, folder.parent.name
        if run.startswith(PREFIX):  # a crew's folder: its groups can be told by the name
            name = f"{run}-{name.removeprefix(PREFIX)}"
        kernel.group = cgroups.create(name, limits.memory, limits.processes)
    view = None
    if kernel.kept:
        landlock.furnish(folder)
        view = asdict(landlock.view(folder, torch, hidden))
    orders = inside.Orders(
        home=env["HOME"],
        files=bubblewrap.FILES if boxed else str(folder / "files"),
        limits=rlimits(limits, grouped=kernel.group is not None, shared=not boxed),
        view=view,
        most=SLACK * limits.written,
        autograd=not (folder / bubblewrap.CORE).exists(),
    )
    command, passed = [sys.executable, "-m", inside.__name__, orders.dumps()], []
    if boxed:
        words = bubblewrap.arguments(folder, limits.written, torch, env, hidden)
        if (program := seccomp.program()) is not None:
            passed.append(_memory_file(program))
            words = ["--seccomp", str(passed[0]), *words]
        # Not on the command line, which is seen in the sandbox.
        passed.append(_memory_file(b"".join(os.fsencode(word) + b"\0" for word in words)))
        command = [bubblewrap.program(), "--args", str(passed[-1]), "--", *command]
    ours, theirs = socket.socketpair()
    how = {"cwd": folder / "empty", "env": env, "pass_fds": passed, "start_new_session": True}
    entrances = kernel.group.entrances if kernel.group else []
    try:
        with (folder / "stderr").open("ab") as said:
            kernel.process = Popen(
                command, stdin=theirs, stdout=DEVNULL, stderr=said, **how,
                preexec_fn=_before(entrances),
            )  # fmt: skip
    finally:
        theirs.close()
        for file in passed:
            os.close(file)
        kernel.channel = Channel(ours, MOST_JSON, MOST_BYTES, MOST_BUFFERS)


def _before(entrances: list[Path]) -> Callable[[], None]:
    """What the new process does before it becomes bwrap: everything after it is in the groups, and
    has a session keyring of its own."""
    libc, files = ctypes.CDLL(None), [os.fsencode(path) for path in entrances]

    def prepare() -> None:
        for path in files:
            file = os.open(path, os.O_WRONLY)
            os.write(file, b"0")
            os.close(file)
        if (number := seccomp.number("keyctl")) is not None:
            libc.syscall(number, seccomp.JOIN_SESSION_KEYRING, None)

    return prepare


def _memory_file(content: bytes) -> int:
    """A descriptor of a file that is nowhere on the disk, to be read from its beginning."""
    file = os.memfd_create("byhand")
    with open(file, "wb", closefd=False) as writing:
        writing.write(content)
    os.lseek(file, 0, os.SEEK_SET)
    return file


def _environment(folder: Path, torch: bool, rung: str) -> dict[str, str]:
    """All of the kernel's environment; nothing of this process's gets through."""
    libraries = {
        "bubblewrap": bubblewrap.LIBRARY,
        "landlock": str(folder / "library"),
        "none": str(Path(byhand.__file__).parents[1]),
    }
    packages, boxed = [libraries[rung]], rung == "bubblewrap"
    if not (torch or boxed):
        packages.insert(0, str(folder / "stub"))
    programs = [str(Path(sys.executable).parent), "/usr/bin", "/bin"]
    env = {
        "HOME": bubblewrap.HOME if boxed else str(folder / "home"),
        "USER": "student",
        "TMPDIR": "/tmp" if boxed else str(folder / "tmp"),
        "PATH": os.pathsep.join(programs),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(packages),
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        STUDENT_SIDE: "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # as in Jupyter
        "MALLOC_ARENA_MAX": "2",  # fewer address ranges set aside, where these are limited
    }
    if rung == "landlock":
        env["JOBLIB_MULTIPROCESSING"] = "0"  # it would warn: there are no named semaphores
    env["IPYTHONDIR"] = os.path.join(env["TMPDIR"], "ipython")
    return env | dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")
