"""What runs in the sandbox: the student's kernel, after its limits are set.

Started by kernel.py as `python -m byhand.grading.sandbox.inside <JSON>`, see Orders.
"""

import json
import os
import shutil
import socket
import sys
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Orders:
    """home: the working folder, into which `files` is copied; limits: values of the resource
    module's RLIMIT_ names."""

    home: str
    files: str
    limits: dict[str, int]

    def dumps(self) -> str:
        return json.dumps(asdict(self))


def main(orders: Orders) -> None:
    """Set the limits, then be the kernel until the judge has gone."""
    limit(orders.limits)
    del sys.path[0]  # the working folder: no file of a student's goes for a module that we import
    shutil.copytree(orders.files, orders.home, dirs_exist_ok=True)
    os.chdir(orders.home)
    channel = socket.socket(fileno=os.dup(0))  # what the judge handed in as our standard input
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    installed = (i for i, path in enumerate(sys.path) if path.endswith("-packages"))
    sys.path.insert(next(installed, len(sys.path)), "")  # the student's modules, as in Jupyter

    from byhand.grading.sandbox.student_side import serve
    from byhand.protocol.channel import Channel

    serve(Channel(channel))


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


if __name__ == "__main__":
    main(Orders(**json.loads(sys.argv[1])))
