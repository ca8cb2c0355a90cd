"""Landlock: what a kernel without namespaces sees of this machine's files, and whom it may signal.

Needs no rights: a process gives up what it does not need, for itself and all its children, and no
way leads back. What Landlock does not see, such as modes and times of files and Unix sockets, is
left to the filter of system calls (seccomp.py).
"""

import ctypes
import errno
import functools
import os
import platform
import shutil
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import byhand
from byhand.grading.sandbox import bubblewrap, seccomp
from byhand.grading.sandbox.bubblewrap import SandboxError

OLDEST = 3  # the ABI of Linux 6.2: before it, any file of the user could be cut to nothing
SIGNALS = 6  # the ABI from which on signals stay inside
CREATE, ADD, RESTRICT = 444, 445, 446  # Landlock's system calls, on every machine
VERSION, BENEATH = 1, 1  # LANDLOCK_CREATE_RULESET_VERSION, LANDLOCK_RULE_PATH_BENEATH
RIGHTS = (  # of struct landlock_ruleset_attr, in the order of their bits
    "execute write read list remove_dir remove_file char dir file socket fifo block link "
    "refer truncate ioctl"
).split()
SINCE = {"refer": 2, "truncate": 3, "ioctl": 5}  # the ABI that brought them; the others came first
OF_FILES = {"execute", "write", "read", "truncate", "ioctl"}  # the others are rights of folders
TCP, TCP_SINCE = 0b11, 4  # bind, connect
SCOPES = 0b11  # abstract Unix sockets, signals
CAPABILITIES = 0x20080522  # the version of struct __user_cap_header that this file writes

# What may be done in a path and below it.
GRANTS = {
    "list": {"list"},
    "read": {"execute", "read", "list"},
    "write": set(RIGHTS) - {"char", "block", "ioctl"},
}
DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]
MACHINE = ["/proc/cpuinfo", "/proc/meminfo"]  # for libraries that count cores


@dataclass(frozen=True)
class View:
    """What a process may use from now on. abi: Landlock's; paths: one of GRANTS -> paths."""

    abi: int
    paths: dict[str, list[str]]


@functools.cache
def abi() -> int:
    """The ABI of Landlock, once a process has confined itself with it.

    Raises SandboxError where there is none, an old one, or one that does not hold.
    """
    if platform.system() != "Linux":
        raise SandboxError(f"Landlock is a part of Linux, and this is {platform.system()}")
    if seccomp.program() is None:
        raise SandboxError(f"no filter of system calls is known for {platform.machine()}")
    libc = ctypes.CDLL(None, use_errno=True)
    found = libc.syscall(CREATE, None, ctypes.c_size_t(0), VERSION)
    if found < 0 and ctypes.get_errno() == errno.EOPNOTSUPP:
        raise SandboxError("Landlock is switched off: add landlock to lsm= where Linux is booted")
    if found < OLDEST:
        what = "no Landlock" if found < 0 else f"version {found} of Landlock"
        raise SandboxError(
            f"Linux {platform.release()} has {what} for this process: Linux 6.2 or newer has what "
            f"is needed (version {OLDEST}), unless a container forbids it"
        )
    trial = subprocess.run(
        [sys.executable, "-m", __name__, str(found)],
        cwd=Path(byhand.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    if trial.returncode:
        said = (trial.stderr.strip().splitlines() or [f"it ended with {trial.returncode}"])[-1]
        raise SandboxError(f"a process cannot confine itself here ({said})")
    return found


def furnish(folder: Path) -> None:
    """Put into a kernel's private folder what a mount would show elsewhere. Comes after
    bubblewrap.furnish()."""
    (folder / "library").mkdir()
    (folder / "library" / "byhand").symlink_to(Path(byhand.__file__).resolve().parent)
    if (fonts := bubblewrap.font_cache()) is not None:
        place = folder / "home" / ".cache" / "matplotlib"
        place.mkdir(parents=True)
        shutil.copy(fonts, place)
    if (core := folder / bubblewrap.CORE).exists():  # beside links to the rest of PyTorch
        torch, again = bubblewrap.torch_places()[0], folder / "library" / bubblewrap.TORCH
        (again / "lib").mkdir(parents=True)
        for path in [core, *torch.iterdir(), *(torch / "lib").iterdir()]:
            link = again / path.relative_to(folder if path == core else torch)
            if not link.exists():
                link.symlink_to(path)


def view(folder: Path, torch: bool, hidden: list[Path]) -> View:
    """What a kernel may use; folder, torch and hidden as for bubblewrap.arguments().

    Raises SandboxError when a hidden folder would be seen.
    """
    unseen = bubblewrap.answers() + ([] if torch else bubblewrap.torch_places())
    read = [f"/etc/{name}" for name in bubblewrap.SETTINGS] + MACHINE
    if (core := folder / bubblewrap.CORE).exists():
        unseen.append(bubblewrap.torch_places()[0] / bubblewrap.CORE)
        read += [str(core), str(folder / "library" / bubblewrap.TORCH)]
    unseen = [path.resolve() for path in unseen]
    read += [str(Path(byhand.__file__).resolve().parent), str(folder / "stub")]
    listed = [str(folder / "library")]
    for top in bubblewrap.shown(hidden):
        for path, whole in _without(Path(top).resolve(), unseen):
            (read if whole else listed).append(str(path))
    write = [str(folder / "home"), str(folder / "tmp"), *DEVICES]
    return View(abi(), {"list": listed, "read": read, "write": write})


def restrict(view: View) -> None:
    """Confine this process, which has one thread, and its children. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    none = struct.pack("@IIIIII", *[0] * 6)  # effective, permitted, inheritable; two words of each
    _ask(libc.capset(struct.pack("@Ii", CAPABILITIES, 0), none))
    known = [name for name in RIGHTS if SINCE.get(name, 1) <= view.abi]
    tcp = TCP if view.abi >= TCP_SINCE else 0
    scopes = SCOPES if view.abi >= SIGNALS else 0
    head = struct.pack("@QQQ", _bits(known), tcp, scopes)
    rules = _ask(libc.syscall(CREATE, head, ctypes.c_size_t(len(head)), 0))
    for grant, paths in view.paths.items():
        for path in paths:
            _grant(libc, rules, path, GRANTS[grant] & set(known))
    seccomp.install(seccomp.program(namespaces=False, signals_to=None if scopes else os.getpid()))
    _ask(libc.syscall(RESTRICT, rules, 0))
    os.close(rules)


def _grant(libc: ctypes.CDLL, rules: int, path: str, rights: set[str]) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # not every system has every folder
    if not stat.S_ISDIR(os.fstat(place).st_mode):
        rights = rights & OF_FILES
    _ask(libc.syscall(ADD, rules, BENEATH, struct.pack("=Qi", _bits(rights), place), 0))
    os.close(place)


def _ask(answer: int) -> int:
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock refuses: {os.strerror(code)}")
    return answer


def _bits(rights: list[str] | set[str]) -> int:
    return sum(1 << RIGHTS.index(name) for name in rights)


def _without(top: Path, unseen: list[Path]) -> Iterator[tuple[Path, bool]]:
    """A folder, and whether all of it is meant; where something unseen lies below, its parts."""
    if any(top.is_relative_to(path) for path in unseen) or not top.exists():
        return
    if not any(path.is_relative_to(top) for path in unseen):
        yield top, True
        return
    yield top, False
    for path in top.iterdir():
        if not path.is_symlink():  # what it leads to is shown where it lies, or not at all
            yield from _without(path, unseen)


def _try(found: int) -> None:
    """Confine this process and see whether it holds. Exits with what does not."""
    import socket

    restrict(View(found, {"read": ["/usr"]}))
    for what, attempt in {
        "files": lambda: os.listdir("/"),
        "the network": lambda: socket.socket().close(),
    }.items():
        try:
            attempt()
        except PermissionError:
            continue
        sys.exit(f"{what} can still be reached")


if __name__ == "__main__":
    _try(int(sys.argv[1]))
