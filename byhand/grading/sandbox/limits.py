"""What one student's kernel may use, and how each of its processes is held to it."""

import os
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Limits:
    """What one student's kernel may use, together with all its children."""

    memory: int = 2 * 2**30  # bytes, of all processes together where there are control groups
    processes: int = 64  # processes and threads
    written: int = 64 * 2**20  # bytes in the writable folders together, see SECURITY.md
    cpu_seconds: int = 600  # of one process; the last resort


def rlimits(limits: Limits, grouped: bool, shared: bool) -> dict[str, int]:
    """Limits of each process by itself: always a last resort, and all there is without a group.

    shared: whether the limit on processes counts all of this user's, as without namespaces.
    """
    values = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": limits.written, "RLIMIT_CPU": limits.cpu_seconds}
    if not grouped:
        others = _running() if shared else 0
        values |= {"RLIMIT_AS": limits.memory, "RLIMIT_NPROC": limits.processes + others}
    return values


def _running() -> int:
    """How many processes and threads of this user there are."""
    wanted = ["uids", "num_threads"]
    found = [process.info for process in psutil.process_iter(wanted, ad_value=None)]
    own = [info for info in found if info["uids"] and info["uids"].real == os.getuid()]
    return sum(info["num_threads"] or 1 for info in own)


def resident(pid: int) -> int:
    """The memory in bytes that is resident now, of a process and its children together."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family)
    except psutil.NoSuchProcess:
        return 0
