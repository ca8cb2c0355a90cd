"""Starts a student's kernel for jupyter_client, confined or not, and ends all of it."""

import os
import secrets
import shutil
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import psutil
from jupyter_client import KernelManager
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Instance

from byhand.grading.sandbox import bubblewrap, cgroups, inside
from byhand.grading.sandbox.leftovers import PREFIX

POSIX = os.name == "posix"
PATIENCE = 5.0  # seconds that a killed kernel may take to be gone
# The shell that starts bwrap joins the groups, so that everything after it is in them.
JOIN = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 1; shift; done; shift; exec "$@"'


@dataclass(frozen=True)
class Limits:
    """What one student's kernel may use, together with all its children."""

    memory: int = 2 * 2**30  # bytes, of all processes together where there are control groups
    processes: int = 64  # processes and threads, of which an idle kernel has about 12
    written: int = 64 * 2**20  # bytes in the writable folders together
    cpu_seconds: int = 600  # of one process; the last resort


@dataclass(frozen=True)
class Plan:
    """How to start a kernel. folder: its private folder on the host; bwrap: the arguments of the
    sandbox, None for an ordinary process; env: the kernel's environment."""

    folder: Path
    limits: Limits
    env: dict[str, str]
    bwrap: list[str] | None


class Remains:
    """What a kernel has on this machine: a folder and its lock, a process, a control group."""

    def __init__(self, folder: Path, lock: int | None):
        self.folder, self.lock = folder, lock
        self.process: Popen | None = None
        self.group: cgroups.Group | None = None
        self.peak: int | None = None  # bytes
        self.out_of_memory = False

    def kill(self) -> None:
        """End every process, whatever state it is in, and forget them."""
        self.look()
        if self.process is not None:
            if POSIX and self.process.poll() is None:
                # The outer bwrap takes the inner one along, and that the whole process namespace.
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
        if self.group is not None:
            self.group.kill()
        if self.process is not None:
            self.process.wait(timeout=PATIENCE)
            self.process = None
        if self.group is not None:
            self.look()
            self.group.remove()
            self.group = None

    def look(self) -> None:
        """Note what can be seen only while the kernel and its group are there."""
        if self.group is not None:
            self.peak, self.out_of_memory = self.group.peak(), self.group.out_of_memory()
        elif self.process is not None and self.process.poll() is None:
            self.peak = max(self.peak or 0, _resident(self.process.pid))

    def clear(self) -> None:
        """Leave nothing behind."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None


class SandboxProvisioner(LocalProvisioner):
    """Starts the kernel of a Plan, and ends it with every process that it has started."""

    plan = Instance(Plan)
    remains = Instance(Remains)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Write the connection file, open the sockets, make the group, and build the command."""
        plan, limits = self.plan, self.plan.limits
        kwargs = await super().pre_launch(**{**kwargs, "env": {}})
        self.sockets = _listen(self.parent) if plan.bwrap else {}
        if plan.bwrap:
            name = f"{PREFIX}{secrets.token_hex(4)}"
            self.remains.group = cgroups.create(name, limits.memory, limits.processes)
        orders = inside.Orders(
            connection=self.parent.connection_file,
            home=plan.env["HOME"],
            files=bubblewrap.FILES if plan.bwrap else str(plan.folder / "files"),
            limits=_rlimits(limits, grouped=self.remains.group is not None),
            sockets={address: s.fileno() for address, s in self.sockets.items()},
        )
        cmd = [sys.executable, "-m", inside.__name__, orders.dumps()]
        return {**kwargs, "cmd": cmd, "env": dict(plan.env), "cwd": str(plan.folder / "empty")}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        """Start the kernel, in the sandbox if the plan has one."""
        if POSIX:
            kwargs["pass_fds"] = [s.fileno() for s in self.sockets.values()]
        with (self.plan.folder / "stderr").open("ab") as stderr:
            kwargs |= {"stdin": DEVNULL, "stdout": DEVNULL, "stderr": stderr}
            if self.plan.bwrap is None:
                info = await super().launch_kernel(cmd, **kwargs)
            else:
                info = await self._launch_in_sandbox(cmd, kwargs)
        for listening in self.sockets.values():
            listening.close()
        self.remains.process = self.process
        return info

    async def _launch_in_sandbox(self, cmd: list[str], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments go through a file: the command line of bwrap is seen in the sandbox, and
        so is its environment, which therefore is the kernel's."""
        with open(os.memfd_create("bwrap"), "wb") as file:
            file.write(b"".join(os.fsencode(word) + b"\0" for word in self.plan.bwrap))
            file.flush()
            file.seek(0)
            entrances = self.remains.group.entrances if self.remains.group else []
            kwargs["pass_fds"].append(file.fileno())
            bwrap = [bubblewrap.program(), "--args", str(file.fileno()), "--", *cmd]
            shell = ["/bin/sh", "-c", JOIN, "sh", *map(str, entrances), "--"]
            return await super().launch_kernel([*shell, *bwrap], independent=True, **kwargs)

    async def kill(self, restart: bool = False) -> None:
        """End every process of the kernel. One that has left an ordinary kernel's process group
        gets away; nothing gets away from a sandbox."""
        self.remains.kill()
        self.process = None

    async def terminate(self, restart: bool = False) -> None:
        """The same as kill."""
        await self.kill(restart=restart)

    async def cleanup(self, restart: bool = False) -> None:
        """Leave nothing behind, or only what a restart needs."""
        if restart:
            self.remains.kill()
        else:
            self.remains.clear()
        await super().cleanup(restart=restart)


def _rlimits(limits: Limits, grouped: bool) -> dict[str, int]:
    """Limits of each process by itself: always a last resort, and all there is without a group."""
    values = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": limits.written, "RLIMIT_CPU": limits.cpu_seconds}
    if not grouped:
        values |= {"RLIMIT_AS": limits.memory, "RLIMIT_NPROC": limits.processes}
    return values


def _listen(kernel: KernelManager) -> dict[str, socket.socket]:
    """A listening socket for each channel, by the address at which the kernel looks for it."""
    sockets = {}
    for port in kernel.ports:
        path = f"{kernel.ip}-{port}"
        listening = socket.socket(socket.AF_UNIX)
        listening.setblocking(False)
        listening.bind(path)
        listening.listen()
        sockets[f"ipc://{path}"] = listening
    return sockets


def _resident(pid: int) -> int:
    """The memory in bytes that is resident now, of a process and its children together."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family)
    except psutil.NoSuchProcess:
        return 0
