"""Where there is no process namespace: the parent of a student's kernel, which ends all of it.

The keeper is outside of what confines the kernel, so that no student can stop it. Processes whose
parents have gone become its children. When the kernel ends, or the judge goes or says so, it kills
whatever has come of the kernel. It also looks how much the kernel has written.
"""

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress

PARENT_GONE, ADOPT = 1, 36  # PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER
LOOK = 0.1  # seconds between looks at what was written
LEAST = 4096  # bytes that an empty file counts
ENOUGH = 100  # times that processes are stopped before they are killed


def stay_behind(folders: list[str], most: int) -> None:
    """Fork: the child returns and becomes the kernel, this process keeps it and never returns.

    folders: what is written in these together must stay below `most` bytes.
    """
    libc, waited = ctypes.CDLL(None), {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    libc.prctl(ADOPT, ctypes.c_ulong(1))
    libc.prctl(PARENT_GONE, ctypes.c_ulong(signal.SIGTERM))
    kernel = os.fork()
    if kernel == 0:
        os.setsid()  # signals to its process group do not reach the keeper
        signal.pthread_sigmask(signal.SIG_UNBLOCK, waited)
        return
    os.close(0)  # the judge's channel is the kernel's alone: when it ends, the judge sees it
    try:
        while kernel not in _ended():
            got = signal.sigtimedwait(waited, LOOK)
            if got is not None and got.si_signo == signal.SIGTERM:
                break
            if holds_more(folders, most):
                print("stopped: it has written more than allowed", file=sys.stderr, flush=True)
                break
    finally:
        end_children()
        os._exit(0)


def holds_more(folders: list[str], most: int) -> bool:
    """Whether there is more in these folders than so many bytes, or what cannot be counted."""
    total, todo = 0, list(folders)
    try:
        while todo:
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(todo.pop()) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):
                        total += LEAST + 512 * entry.stat(follow_symlinks=False).st_blocks
                    if total > most:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
    except OSError:  # folders that cannot be opened, or with a path that is too long
        return True
    return False


def end_children() -> None:
    """Kill all descendants of this process, and return when none is left."""
    while True:
        stopped: set[int] = set()
        for _ in range(ENOUGH):  # what is stopped cannot fork while the next is looked for
            running = set(descendants(os.getpid())) - stopped
            if not running:
                break
            for pid in running:
                _signal(pid, signal.SIGSTOP)
            stopped |= running
        for pid in descendants(os.getpid()):
            _signal(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def descendants(pid: int) -> list[int]:
    """The process ids of children, their children and so on."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{name}/stat", "rb") as f:
            parent = int(f.read().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found, todo = [], [pid]
    while todo:
        todo += (new := children.get(todo.pop(), []))
        found += new
    return found


def _ended() -> set[int]:
    """The children that have ended since the last call."""
    ended = set()
    with suppress(ChildProcessError):
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            ended.add(pid)
    return ended


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
