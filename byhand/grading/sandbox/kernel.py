"""The confined process in which a student's code runs.

    kernel = start_kernel(Path("submitted/student-01/3-layers"), Limits())
    kernel.channel.send({"cell": "1 + 1", "seconds": 10, "id": "1"})
    kernel.channel.receive(...)
    kernel.stop()

Around the process stand bubblewrap (what it sees), a filter of system calls (what it may ask of
Linux) and control groups (what it uses), or resource limits where there are no such groups.
"""

import ctypes
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired

import psutil

import byhand
from byhand.grading.sandbox import bubblewrap, cgroups, inside, seccomp
from byhand.grading.sandbox.leftovers import PREFIX, claim, sweep
from byhand.grading.sandbox.staging import copy_files
from byhand.protocol.channel import Channel, FrameError

STUDENT_SIDE = "BYHAND_STUDENT_SIDE"  # tells byhand.check where it is; importing that is slow
WORDS = 8192  # bytes kept of what a kernel said on its own stderr
PATIENCE = 5.0  # seconds that a killed kernel may take to be gone
GOING = 1.0  # seconds between the end of its channel and its own
POLL = 0.1  # seconds between looks whether the kernel is alive
# What the judge takes of one frame: no right answer comes near it.
MOST_JSON, MOST_BYTES, MOST_BUFFERS = 6 * 2**20, 32 * 2**20, 10_000


@dataclass(frozen=True)
class Limits:
    """What one student's kernel may use, together with all its children."""

    memory: int = 2 * 2**30  # bytes, of all processes together where there are control groups
    processes: int = 64  # processes and threads
    written: int = 64 * 2**20  # bytes in the writable folders together
    cpu_seconds: int = 600  # of one process; the last resort


class Kernel:
    """A student's process, and what it has on this machine: a folder and its lock, a group."""

    def __init__(self, folder: Path):
        self.folder, self.lock = folder, claim(folder)
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
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.channel.receive(time.monotonic() + POLL)
                return
            except TimeoutError:
                if self.is_alive():
                    continue
            except (EOFError, FrameError):
                self.wait()
            said = self.last_words() or "it said nothing"
            raise RuntimeError(f"the student's kernel died when it was started: {said}")
        raise TimeoutError(f"the student's kernel did not answer within {seconds:g} s")

    def stop(self) -> int:
        """Kill it with all its processes and leave nothing behind; return peak_memory(), or 0."""
        self._look()
        if self.process is not None:
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
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None
        return self.peak or 0

    def _look(self) -> None:
        """Note what can be seen only while the kernel and its group are there."""
        if self.group is not None:
            self.peak, self.out_of_memory = self.group.peak(), self.group.out_of_memory()
        elif self.is_alive():
            self.peak = max(self.peak or 0, _resident(self.process.pid))


def start_kernel(files: Path, limits: Limits, torch: bool = False, sandbox: bool = True) -> Kernel:
    """A new kernel for the submission in the folder `files`, started and not yet ready.

    torch: whether PyTorch can be used; sandbox: False for an ordinary process. The kernel ends
    when the thread that called this ends. Raises SandboxError where no sandbox can be made, and
    NotADirectoryError when there is no folder `files`.
    """
    if sandbox:
        bubblewrap.program()
    sweep(Path(tempfile.gettempdir()), shutil.rmtree)
    kernel = Kernel(Path(tempfile.mkdtemp(prefix=PREFIX)))
    weakref.finalize(kernel, shutil.rmtree, kernel.folder, ignore_errors=True)
    try:
        for name in ["files", "home", "tmp"]:
            (kernel.folder / name).mkdir(mode=0o700)
        bubblewrap.furnish(kernel.folder)
        copy_files(files, kernel.folder / "files", limits.written // 2)
        _launch(kernel, files, limits, torch, sandbox)
    except BaseException:
        kernel.stop()
        raise
    return kernel


def _launch(kernel: Kernel, files: Path, limits: Limits, torch: bool, sandbox: bool) -> None:
    folder, env = kernel.folder, _environment(kernel.folder, torch, sandbox)
    if sandbox:
        name = f"{PREFIX}{secrets.token_hex(4)}"
        kernel.group = cgroups.create(name, limits.memory, limits.processes)
    orders = inside.Orders(
        home=env["HOME"],
        files=bubblewrap.FILES if sandbox else str(folder / "files"),
        limits=_rlimits(limits, grouped=kernel.group is not None),
    )
    command, passed = [sys.executable, "-m", inside.__name__, orders.dumps()], []
    if sandbox:
        words = bubblewrap.arguments(folder, limits.written, torch, env, [Path.cwd(), files])
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


def confinement(sandbox: bool) -> str:
    """What confines a kernel on this machine, in words."""
    if not sandbox:
        return "an ordinary process"
    bubblewrap.program()
    name = f"{PREFIX}{secrets.token_hex(4)}"
    if (group := cgroups.create(name, Limits.memory, Limits.processes)) is not None:
        group.remove()
        return f"bubblewrap, cgroups {group.version}"
    words = "bubblewrap, rlimits (memory of each process by itself"
    return words + ("; no limit on processes, run by root)" if os.getuid() == 0 else ")")


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


def _environment(folder: Path, torch: bool, sandbox: bool) -> dict[str, str]:
    """All of the kernel's environment; nothing of this process's gets through."""
    library = Path(byhand.__file__).parents[1]
    packages = [bubblewrap.LIBRARY if sandbox else str(library)]
    if not (torch or sandbox):
        packages.insert(0, str(folder / "stub"))
    programs = [str(Path(sys.executable).parent), "/usr/bin", "/bin"]
    env = {
        "HOME": bubblewrap.HOME if sandbox else str(folder / "home"),
        "TMPDIR": "/tmp" if sandbox else str(folder / "tmp"),
        "PATH": os.pathsep.join(programs),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(packages),
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        STUDENT_SIDE: "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # as in Jupyter
        "MALLOC_ARENA_MAX": "2",  # fewer address ranges set aside, where these are limited
    }
    env["IPYTHONDIR"] = os.path.join(env["TMPDIR"], "ipython")
    return env | dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")


def _rlimits(limits: Limits, grouped: bool) -> dict[str, int]:
    """Limits of each process by itself: always a last resort, and all there is without a group."""
    values = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": limits.written, "RLIMIT_CPU": limits.cpu_seconds}
    if not grouped:
        values |= {"RLIMIT_AS": limits.memory, "RLIMIT_NPROC": limits.processes}
    return values


def _resident(pid: int) -> int:
    """The memory in bytes that is resident now, of a process and its children together."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family)
    except psutil.NoSuchProcess:
        return 0
