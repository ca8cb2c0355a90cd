"""What runs in the sandbox: the student's kernel, after its limits are set.

Started by kernel.py as `python -m byhand.grading.sandbox.inside <JSON>`, see Orders.
"""

import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass

ARGUMENTS = [
    "--HistoryManager.enabled=False",  # the history stays in memory: no database, no thread
    "--IPKernelApp.extensions=byhand.grading.sandbox.student_side",
    "--InteractiveShell.colors=nocolor",
]


@dataclass(frozen=True)
class Orders:
    """connection: the connection file; home: the working folder, into which `files` is copied;
    limits: values of the resource module's RLIMIT_ names; sockets: listening sockets to use, by
    the address at which the kernel would bind one of its own.
    """

    connection: str
    home: str
    files: str
    limits: dict[str, int]
    sockets: dict[str, int]

    def dumps(self) -> str:
        return json.dumps(asdict(self))


def main(orders: Orders) -> None:
    """Set the limits, then be the kernel until it is shut down."""
    limit(orders.limits)
    del sys.path[0]  # the working folder: no file of a student's goes for a module that we import
    shutil.copytree(orders.files, orders.home, dirs_exist_ok=True)
    os.chdir(orders.home)
    sys.modules["debugpy"] = None  # the debugger takes a fifth of the start and has no use here
    from ipykernel.kernelapp import IPKernelApp

    bind_to(orders.sockets)
    sys.argv = sys.argv[:1]
    IPKernelApp.launch_instance(argv=["-f", orders.connection, *ARGUMENTS])


def limit(limits: dict[str, int]) -> None:
    """Set the limits that this platform knows, permanently. Windows knows none."""
    try:
        import resource
    except ImportError:
        return
    for name, value in limits.items():
        if (kind := getattr(resource, name, None)) is None:
            continue
        _, ceiling = resource.getrlimit(kind)
        if ceiling != resource.RLIM_INFINITY:
            value = min(value, ceiling)
        resource.setrlimit(kind, (value, value))


def bind_to(sockets: dict[str, int]) -> None:
    """Let ZeroMQ take the listening sockets that were handed in, where it would bind its own.

    So the sandbox needs no folder that it shares with the host and may write to. The sockets
    listen already, and what is sent to a kernel that is still starting waits for it.
    """
    import zmq

    bind = zmq.Socket.bind

    def bind_inherited(socket: zmq.Socket, address: str) -> object:
        if address in sockets:
            socket.setsockopt(zmq.USE_FD, sockets[address])
        return bind(socket, address)

    zmq.Socket.bind = bind_inherited


if __name__ == "__main__":
    main(Orders(**json.loads(sys.argv[1])))
