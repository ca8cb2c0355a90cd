"""What runs in the sandbox: the student's kernel, after its limits are set and, where no sandbox
is around it, it has confined itself.

Started by kernel.py as `python -m byhand.grading.sandbox.inside <JSON>`, see Orders.
"""

import gc
import json
import os
import shutil
import socket
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Orders:
    """home: the working folder, into which `files` is copied; limits: values of the resource
    module's RLIMIT_ names; view: a landlock.View as a dictionary, None where there is a sandbox or
    none is wanted; most: bytes that may be written, where the kernel has to confine itself;
    autograd: False is to find PyTorch without autograd."""

    home: str
    files: str
    limits: dict[str, int]
    view: dict[str, Any] | None = None
    most: int = 0
    autograd: bool = True

    def dumps(self) -> str:
        return json.dumps(asdict(self))


def main(orders: Orders) -> None:
    """Set the limits, then be the kernel until the judge has gone."""
    gc.disable()  # loading is quicker without; serve() puts it on again
    limit(orders.limits)
    del sys.path[0]  # the working folder: no file of a student's goes for a module that we import
    with suppress(shutil.Error):  # a file named like one of ours, which stays
        shutil.copytree(orders.files, orders.home, dirs_exist_ok=True)
    os.chdir(orders.home)
    if orders.view is not None:
        confine(orders)
    channel = socket.socket(fileno=os.dup(0))  # what the judge handed in as our standard input
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    installed = (i for i, path in enumerate(sys.path) if path.endswith("-packages"))
    sys.path.insert(next(installed, len(sys.path)), "")  # the student's modules, as in Jupyter

    if not orders.autograd:
        import torch

        if torch.ones(1, requires_grad=True).sum().requires_grad:
            sys.exit("PyTorch records for autograd, which was to be switched off")

    from byhand.grading.sandbox.student_side import Shell, Undeterred, serve
    from byhand.protocol.channel import Channel

    serve(Channel(channel), Shell if orders.autograd else Undeterred)


def confine(orders: Orders) -> None:
    """Become a child of a keeper, and give up what a student's kernel does not need."""
    from byhand.grading.sandbox import keeper, landlock

    keeper.stay_behind([orders.home, os.environ["TMPDIR"]], orders.most)
    landlock.restrict(landlock.View(**orders.view))


def limit(limits: dict[str, int]) -> None:
    """Set the limits that this platform knows, permanently."""
    import resource  # Windows has none

    for name, value in limits.items():
        if (kind := getattr(resource, name, None)) is None:
            continue
        _, ceiling = resource.getrlimit(kind)
        if ceiling != resource.RLIM_INFINITY:
            value = min(value, ceiling)
        resource.setrlimit(kind, (value, value))


if __name__ == "__main__":
    main(Orders(**json.loads(sys.argv[1])))
