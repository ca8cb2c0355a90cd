"""Control groups: limits on the memory and the processes of a whole sandbox, and its sure end.

Linux has two layouts of /sys/fs/cgroup: v1, one tree for each controller, and v2, one tree for
all. A group is made below this process's own (v1), or where the memory and pids controllers are
handed down: below this process's own group or beside it (v2).
"""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from byhand.grading.sandbox.leftovers import claim, sweep

PATIENCE = 2.0  # seconds that killed processes may take to be gone
LIMITS = {  # the files that take a limit; swap is none of a student's business
    "v1": {"memory": ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"], "pids": "pids.max"},
    "v2": {"memory": ["memory.max"], "pids": "pids.max"},
}
PEAK = {"v1": "memory.max_usage_in_bytes", "v2": "memory.peak"}
EVENTS = {"v1": "memory.oom_control", "v2": "memory.events"}


@dataclass(frozen=True)
class Place:
    """Where groups can be made: the version, and for both controllers the folder to make it in."""

    version: str
    memory: Path
    pids: Path


@dataclass(frozen=True)
class Group:
    """One group: a folder for each controller (v1), or one for both (v2)."""

    version: str
    memory: Path
    pids: Path
    locks: tuple[int, ...]

    @property
    def folders(self) -> list[Path]:
        return list(dict.fromkeys([self.memory, self.pids]))

    @property
    def entrances(self) -> list[Path]:
        """A process that writes 0 to each of these files is in the group, with all its children."""
        return [folder / "cgroup.procs" for folder in self.folders]

    def peak(self) -> int | None:
        """The most memory in bytes that the group has used, file cache included; None: not kept."""
        path = self.memory / PEAK[self.version]
        return int(path.read_text()) if path.exists() else None

    def out_of_memory(self) -> bool:
        """Whether a process of the group was killed at the group's memory limit."""
        lines = (self.memory / EVENTS[self.version]).read_text().splitlines()
        counts = dict(line.split() for line in lines)
        return int(counts.get("oom_kill", 0)) > 0

    def kill(self) -> None:
        """Kill every process of the group and wait until they are gone.

        Raises TimeoutError when one is not (it hangs in the operating system).
        """
        (self.pids / "pids.max").write_text("0")  # from here on nothing can fork
        _kill(self.folders)

    def remove(self) -> None:
        """Remove the group, which is empty by now."""
        for folder in self.folders:
            _remove(folder)
        for lock in self.locks:
            os.close(lock)


def create(name: str, memory: int, processes: int) -> Group | None:
    """A new, empty group with limits in bytes and in tasks; None where groups cannot be had.

    A task is a process or a thread. Groups that dead runs have left are removed on the way.
    """
    for place in places():
        for parent in {place.memory, place.pids}:
            sweep(parent, _clear)
        try:
            return _create(place, name, memory, processes)
        except OSError:  # a read-only tree, or one that belongs to someone else
            continue
    return None


def _create(place: Place, name: str, memory: int, processes: int) -> Group:
    folders = [place.memory / name, place.pids / name]
    made: list[Path] = []
    try:
        for folder in dict.fromkeys(folders):
            folder.mkdir()
            made.append(folder)
        group = Group(place.version, *folders, tuple(lock for f in made if (lock := claim(f))))
        limits = LIMITS[place.version]
        (group.pids / limits["pids"]).write_text(str(processes))
        for file in limits["memory"]:
            if (group.memory / file).exists():
                (group.memory / file).write_text(str(memory))
        if place.version == "v2":
            for file, value in [("memory.swap.max", "0"), ("memory.oom.group", "1")]:
                if (group.memory / file).exists():
                    (group.memory / file).write_text(value)
        return group
    except OSError:
        for folder in made:
            _remove(folder)
        raise


def clear(run: str) -> None:
    """Remove what is left of the groups whose names begin so, of a run that is over."""
    for place in places():
        for parent in {place.memory, place.pids}:
            for folder in parent.glob(f"{run}*"):
                _clear(folder)


def _clear(folder: Path) -> None:
    """Kill what is in a dead run's group and remove it, or leave it to the next run."""
    try:
        _kill([folder])
        _remove(folder)
    except (OSError, TimeoutError):
        return  # nobody's grading has to wait for it


def _kill(folders: list[Path]) -> None:
    """Kill processes until there are none. Raises TimeoutError if there still are some."""
    end = time.monotonic() + PATIENCE
    while pids := _members(folders):
        if time.monotonic() > end:
            raise TimeoutError(f"processes {pids} do not end when killed")
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.002)


def _members(folders: list[Path]) -> list[int]:
    pids: set[str] = set()
    for folder in folders:
        pids.update((folder / "cgroup.procs").read_text().split())
    return [int(pid) for pid in pids]


def _remove(folder: Path) -> None:
    """Remove an empty group. The last of its killed processes may still be on their way out."""
    end = time.monotonic() + PATIENCE
    while folder.exists():
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.005)


def places(proc: Path = Path("/proc/self")) -> list[Place]:
    """Where groups might be made, the best first. Empty on a system without control groups."""
    if not (proc / "cgroup").exists():
        return []
    own = _own_paths((proc / "cgroup").read_text())
    trees = _trees((proc / "mountinfo").read_text())
    found = []
    if "" in own and "" in trees:
        group = _below(trees[""], own[""])
        for parent in (group, group.parent):
            control = parent / "cgroup.subtree_control"
            if control.exists() and {"memory", "pids"} <= set(control.read_text().split()):
                found.append(Place("v2", parent, parent))
    if {"memory", "pids"} <= own.keys() and {"memory", "pids"} <= trees.keys():
        memory, pids = (_below(trees[c], own[c]) for c in ("memory", "pids"))
        found.append(Place("v1", memory, pids))
    return found


def _own_paths(text: str) -> dict[str, str]:
    """/proc/self/cgroup: this process's path in the tree of each controller; v2's key is ''."""
    paths = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        paths.update(dict.fromkeys(controllers.split(","), path))
    return paths


def _trees(text: str) -> dict[str, tuple[str, Path]]:
    """/proc/self/mountinfo: of each controller's tree, the path mounted and where it is mounted."""
    trees = {}
    for line in text.splitlines():
        before, after = line.split(" - ", 1)
        root, where = before.split()[3:5]
        kind, _, options = after.split()[:3]
        if kind == "cgroup2":
            trees[""] = (root, Path(where))
        elif kind == "cgroup":
            trees.update(dict.fromkeys(options.split(","), (root, Path(where))))
    return trees


def _below(tree: tuple[str, Path], path: str) -> Path:
    """The folder of a group's path. In a container only a part of the tree is mounted."""
    root, where = tree
    path = path.removeprefix(root) if root != "/" else path
    return where / path.lstrip("/")
