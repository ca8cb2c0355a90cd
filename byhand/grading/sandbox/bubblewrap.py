"""The sandbox as arguments of `bwrap`: what the student's kernel sees of this machine."""

import ctypes
import functools
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import byhand

HOME = "/home/student"
FILES = "/opt/files"  # the submission's files, before the kernel copies them into its home
LIBRARY = "/opt/library"  # holds the package byhand and nothing else
UID = "1000"

NAMESPACES = "--unshare-user --unshare-ipc --unshare-pid --unshare-net --unshare-uts".split()
CONFINED = [
    *NAMESPACES,
    "--unshare-cgroup",
    "--disable-userns",  # a user namespace of its own would give a student capabilities in it
    *("--uid", UID, "--gid", UID, "--cap-drop", "ALL"),
    *("--hostname", "sandbox", "--new-session", "--die-with-parent"),
]
SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"]
SETTINGS = "ld.so.cache ld.so.conf ld.so.conf.d alternatives fonts localtime timezone".split()
ACCOUNTS = {
    "passwd": f"student:x:{UID}:{UID}::{HOME}:/bin/sh\n",
    "group": f"student:x:{UID}:\n",
    "hosts": "127.0.0.1 localhost sandbox\n",
}
# Of /proc: files about the machine as a whole that are open to root, also to one without rights.
MASKED = "kallsyms kcore key-users keys kmsg kpagecgroup kpagecount kpageflags".split()
MASKED += "pagetypeinfo sched_debug slabinfo timer_list vmallocinfo".split()
TORCH, COMPANIONS = "torch", ["torchgen", "functorch"]  # installed with PyTorch, and part of it
# All of PyTorch asks this function of its smallest library whether autograd records. By machine,
# code that says no: xor eax, eax; ret, and mov w0, 0; ret.
CORE, RECORDS = "lib/libc10.so", "_ZN3c108GradMode10is_enabledEv"
NEVER = {"x86_64": bytes.fromhex("31c0c3"), "aarch64": bytes.fromhex("00008052c0035fd6")}

STUB = '''"""Stands in for PyTorch while a solution is graded: it can be imported, not used."""

_ABSENT = "PyTorch is not there while a solution is graded"


class Tensor:
    """For SciPy and scikit-learn, which ask of each array whether it is a tensor."""

    def __new__(cls, *args, **kwargs):
        raise AttributeError(f"torch.Tensor: {_ABSENT}")


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(f"torch.{name}: {_ABSENT}")
'''


class SandboxError(Exception):
    """There can be no sandbox on this machine; the message says why and what to do."""


@functools.cache
def program() -> str:
    """The path of bwrap, once it has built an empty sandbox like ours.

    Raises SandboxError where it is missing, too old, or not allowed to.
    """
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxError(
            "the sandbox needs bubblewrap, which is not installed: apt-get install bubblewrap"
        )
    mounts = "--ro-bind / / --proc /proc --dev /dev --size 4096 --tmpfs /tmp".split()
    trial = subprocess.run(
        [found, *CONFINED, *mounts, "true"], capture_output=True, text=True, check=False
    )
    if trial.returncode:
        said = (trial.stderr.strip().splitlines() or [f"it ended with {trial.returncode}"])[-1]
        raise SandboxError(
            f"bubblewrap cannot make a sandbox here ({said}): it must be 0.8 or newer, and the "
            f"system must let it make user namespaces"
        )
    return found


def arguments(
    folder: Path, written: int, torch: bool, env: dict[str, str], hidden: list[Path]
) -> list[str]:
    """The arguments of bwrap for a kernel, up to the command that is to run.

    folder: the kernel's private folder, as kernel.py lays it out; written: bytes that fit into
    its writable folders together; torch: whether PyTorch is there; env: the environment; hidden:
    folders that must not be seen.
    Raises SandboxError when one of these lies in what the sandbox shows of the system.
    """
    mounts = [
        *("--proc", "/proc", "--dev", "/dev"),
        *_tmpfs("/dev/shm", written // 8),
        *_tmpfs("/tmp", written // 8),
        *_tmpfs(HOME, written - 2 * (written // 8)),
    ]
    for path in shown(hidden):
        mounts += _show(path)
    for name in SETTINGS:
        mounts += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for name in ACCOUNTS:
        mounts += ["--ro-bind", str(folder / "etc" / name), f"/etc/{name}"]
    mounts += ["--ro-bind", str(Path(byhand.__file__).parent), f"{LIBRARY}/byhand"]
    mounts += ["--ro-bind", str(folder / "files"), FILES]
    if not torch:
        mounts += _hide_torch(folder)
    if (core := folder / CORE).exists():
        mounts += ["--ro-bind", str(core), str(torch_places()[0] / CORE)]
    for path in answers():
        mounts += ["--ro-bind", "/dev/null", str(path)]
    if (fonts := font_cache()) is not None:
        mounts += ["--ro-bind", str(fonts), f"{HOME}/.cache/matplotlib/{fonts.name}"]
    for name in MASKED:
        if os.path.exists(f"/proc/{name}"):
            mounts += ["--ro-bind", "/dev/null", f"/proc/{name}"]
    # A root user without capabilities still owns /proc/sys: writing there would be the way out.
    mounts += ["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"]
    variables = [word for key, value in env.items() for word in ("--setenv", key, value)]
    return [*CONFINED, *mounts, "--clearenv", *variables, "--chdir", HOME]


def answers() -> list[Path]:
    """Installed files that hold the labels of images which a network is graded by."""
    spec = importlib.util.find_spec("sklearn")
    folders = [Path(place, "datasets", "data") for place in spec.submodule_search_locations]
    return [path for folder in folders for path in folder.glob("digits.*")]


def shown(hidden: list[Path]) -> list[str]:
    """The folders of the system that every kernel sees, Python's included.

    Raises SandboxError when one of the folders that must not be seen lies there.
    """
    found = [*SYSTEM, *map(str, _python())]
    for path in hidden:
        _refuse_if_shown(path.resolve(), found)
    return found


def furnish(folder: Path, autograd: bool = True) -> None:
    """Put into a kernel's private folder what the sandbox shows in place of the real thing."""
    (folder / "empty").mkdir()
    if not autograd:
        (folder / CORE).parent.mkdir()
        (folder / CORE).write_bytes(core_without_autograd())
    for name in [TORCH, *COMPANIONS]:
        (folder / "stub" / name).mkdir(parents=True)
        (folder / "stub" / name / "__init__.py").write_text(STUB if name == TORCH else "")
    (folder / "etc").mkdir()
    for name, text in ACCOUNTS.items():
        (folder / "etc" / name).write_text(text)


@functools.cache
def font_cache() -> Path | None:
    """matplotlib's list of fonts, which takes a second to make: made once, for all kernels."""
    import matplotlib
    from matplotlib import font_manager

    name = f"fontlist-v{font_manager.FontManager.__version__}.json"
    path = Path(matplotlib.get_cachedir(), name)
    return path if path.exists() else None


def _tmpfs(path: str, size: int) -> list[str]:
    return ["--size", str(size), "--tmpfs", path]


def _show(path: str) -> list[str]:
    """Read-only, and a link as a link: /lib is usr/lib on most systems."""
    if os.path.islink(path) and path in SYSTEM:
        return ["--symlink", os.readlink(path), path]
    return ["--ro-bind-try", path, path]


def _python() -> list[Path]:
    """The folders of this Python: its installation and its environment, wherever they are."""
    folders = [Path(sys.base_prefix), Path(sys.base_prefix).resolve(), Path(sys.prefix)]
    found: list[Path] = []
    for folder in folders:
        if not any(folder.is_relative_to(other) for other in [Path("/usr"), *found]):
            found.append(folder)
    return found


def _refuse_if_shown(path: Path, shown: list[str]) -> None:
    for folder in shown:
        if path.is_relative_to(folder) or path.is_relative_to(Path(folder).resolve()):
            raise SandboxError(
                f"{path} would be visible to student code, for the sandbox shows {folder}: "
                f"move the course elsewhere"
            )


@functools.cache
def core_without_autograd() -> bytes:
    """PyTorch's library CORE, changed so that nothing is ever recorded for autograd.

    A file and not a setting: it holds for all threads and child processes. Raises SandboxError
    where PyTorch is built in another way.
    """
    path = Path(*torch_places()[:1], CORE)
    try:
        never, content = NEVER[platform.machine()], path.read_bytes()
        function = ctypes.cast(ctypes.CDLL(str(path))[RECORDS], ctypes.c_void_p).value
        start = content.index(ctypes.string_at(function, 64))
    except (KeyError, OSError, AttributeError, ValueError) as error:
        raise SandboxError(f"autograd cannot be switched off in {path}: {error}") from error
    return content[:start] + never + content[start + len(never) :]


def torch_places() -> list[Path]:
    """The folders of PyTorch, which comes first, and of what is installed with it."""
    found = []
    for name in [TORCH, *COMPANIONS]:
        spec = importlib.util.find_spec(name)
        for place in map(Path, (spec.submodule_search_locations or []) if spec else []):
            found += [place, *place.parent.glob(f"{name}-*.dist-info")]
    return found


def _hide_torch(folder: Path) -> list[str]:
    """Mount the stub over PyTorch, and nothing over what is installed with it."""
    mounts = []
    for place in torch_places():
        stub = folder / "stub" / place.name
        mounts += ["--ro-bind", str(stub if stub.exists() else folder / "empty"), str(place)]
    return mounts
