"""The confined process in which a student's kernel runs.

    kernel = start_kernel(Path("submitted/student-01/3-layers"), Limits())
    client = connect(kernel)
    client.execute_interactive("1 + 1")
    client.stop_channels()
    kernel.stop()

A KernelManager of jupyter_client with a provisioner of its own: around the kernel stand bubblewrap
(what it sees) and control groups (what it uses), or resource limits where there are no such groups.
"""

import os
import secrets
import shutil
import sys
import tempfile
import time
import weakref
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from queue import Empty

from jupyter_client import BlockingKernelClient, KernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import KernelProvisionerFactory
from traitlets import Instance

import byhand
from byhand.grading.sandbox import bubblewrap, cgroups
from byhand.grading.sandbox.leftovers import PREFIX, claim, sweep
from byhand.grading.sandbox.provisioner import POSIX, Limits, Plan, Remains, SandboxProvisioner
from byhand.grading.sandbox.staging import copy_files

PROVISIONER = "byhand-sandbox"
STUDENT_SIDE = "BYHAND_STUDENT_SIDE"  # tells byhand.check where it is; importing that is slow
WORDS = 8192  # bytes kept of what a kernel said on its own stderr
TICK = 0.05  # seconds
WINDOWS_NEEDS = "SYSTEMROOT WINDIR COMSPEC PATHEXT".split()


class SandboxedKernel(KernelManager):
    """A student's kernel."""

    spec = Instance(KernelSpec)
    remains = Instance(Remains)

    @property
    def kernel_spec(self) -> KernelSpec:
        """Always ours: no kernel spec of the machine plays a part."""
        return self.spec

    def peak_memory(self) -> int | None:
        """The most memory in bytes it has used, also after its end; None: unknown.

        In a control group: of all processes together, with the files they have read or written.
        Otherwise: the most that was resident at a call of this method.
        """
        self.remains.look()
        return self.remains.peak

    def memory_limit_hit(self) -> bool:
        """Whether a process was killed at the memory limit, also after the kernel's end.

        Without control groups always False: there the limit is a MemoryError in student code.
        """
        self.remains.look()
        return self.remains.out_of_memory

    def last_words(self) -> str:
        """The end of what the process itself said on stderr, such as why it could not start."""
        path = self.remains.folder / "stderr"
        if not path.exists():
            return ""
        with path.open("rb") as file:
            file.seek(-min(WORDS, path.stat().st_size), os.SEEK_END)
            return file.read(WORDS).decode(errors="replace").strip()

    def stop(self) -> int:
        """Kill it with all its processes and leave nothing behind; return peak_memory(), or 0."""
        self.remains.kill()
        self.provisioner.process = None
        self.cleanup_resources()
        return self.remains.peak or 0


def start_kernel(
    files: Path, limits: Limits, torch: bool = False, sandbox: bool = True
) -> SandboxedKernel:
    """A new kernel for the submission in the folder `files`, started and not yet ready.

    torch: whether PyTorch can be used; sandbox: False for an ordinary process. The kernel ends
    when the thread that called this ends. Raises SandboxError where no sandbox can be made, and
    NotADirectoryError when there is no folder `files`.
    """
    if sandbox:
        bubblewrap.program()
    sweep(Path(tempfile.gettempdir()), shutil.rmtree)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    remains = Remains(folder, claim(folder))
    try:
        for name in ["files", "home", "link", "tmp"]:
            (folder / name).mkdir(mode=0o700)
        bubblewrap.furnish(folder)
        copy_files(files, folder / "files", limits.written // 2)
        env = _environment(folder, torch, sandbox)
        bwrap = None
        if sandbox:
            hidden = [Path.cwd(), files]
            bwrap = bubblewrap.arguments(folder, limits.written, torch, env, hidden)
        plan = Plan(folder, limits, env, bwrap)
        kernel = SandboxedKernel(
            spec=_spec(plan, remains),
            remains=remains,
            connection_file=str(folder / "link" / "kernel.json"),
            transport="ipc" if POSIX else "tcp",
        )
        kernel.start_kernel()
    except BaseException:
        remains.clear()
        raise
    weakref.finalize(kernel, remains.clear)
    return kernel


def connect(kernel: SandboxedKernel, seconds: float = 60.0) -> BlockingKernelClient:
    """A client of the kernel, once that answers on all channels.

    Raises RuntimeError with the kernel's last words when it dies before, TimeoutError when it
    does not answer in time.
    """
    client = kernel.client()
    client.start_channels(hb=False)
    end, request, answered, heard = time.monotonic() + seconds, client.kernel_info(), False, False
    try:
        while not (answered and heard):
            if not kernel.is_alive():
                said = kernel.last_words() or "it said nothing"
                raise RuntimeError(f"the student's kernel died when it was started: {said}")
            if time.monotonic() > end:
                raise TimeoutError(f"the student's kernel did not answer within {seconds:g} s")
            answered = answered or _came(client.get_shell_msg, request)
            heard = heard or _came(client.get_iopub_msg)
    except BaseException:
        client.stop_channels()
        raise
    return client


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
        "MALLOC_ARENA_MAX": "2",  # fewer address ranges set aside, where these are limited
    }
    env["IPYTHONDIR"] = os.path.join(env["TMPDIR"], "ipython")
    env |= dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")
    if not POSIX:
        env |= {name: os.environ[name] for name in WINDOWS_NEEDS if name in os.environ}
    return env


def _spec(plan: Plan, remains: Remains) -> KernelSpec:
    """A kernel specification that leads to our provisioner, which needs no entry point so."""
    provisioners = KernelProvisionerFactory.instance().provisioners
    place = f"{SandboxProvisioner.__module__}:{SandboxProvisioner.__qualname__}"
    provisioners[PROVISIONER] = EntryPoint(PROVISIONER, place, KernelProvisionerFactory.GROUP_NAME)
    config = {"plan": plan, "remains": remains}
    return KernelSpec(
        argv=[],
        display_name="Student",
        language="python",
        interrupt_mode="message" if POSIX else "signal",
        metadata={"kernel_provisioner": {"provisioner_name": PROVISIONER, "config": config}},
    )


def _came(get: Callable[..., dict], request: str | None = None) -> bool:
    """Whether a message comes within a tick; with a request, whether it is the answer to that."""
    try:
        message = get(timeout=TICK)
    except Empty:
        return False
    return request is None or message["parent_header"].get("msg_id") == request
