"""Which rung of the sandbox there is on this machine, and what each of them cannot promise.

From the best down: "bubblewrap", "landlock" (for machines that allow no namespaces), and "none",
an ordinary process. SECURITY.md has the table.
"""

import functools
import os
import secrets

from byhand.grading.sandbox import bubblewrap, cgroups, landlock
from byhand.grading.sandbox.bubblewrap import SandboxError
from byhand.grading.sandbox.leftovers import PREFIX
from byhand.grading.sandbox.limits import Limits

RUNGS = ("bubblewrap", "landlock", "none")
ACCEPTED = ["bubblewrap", "landlock"]  # where c.Judge.rungs says nothing
UNSEEN = (
    "that paths, process numbers, the user's number and the machine's name stay unknown, "
    "a hard limit on what is written"
)
UNCONFINED = "anything but that the tests run elsewhere: students' code has your rights"
ONE_BY_ONE = "a limit on memory beyond each process by itself"
BY_ROOT = "a limit on processes, since root grades"


def choose(acceptable: tuple[str, ...]) -> tuple[str, list[str]]:
    """The first of the acceptable rungs that this machine gives, and why it is none before it.

    Raises SandboxError, with all reasons, when there is none.
    """
    passed = []
    for rung in acceptable:
        if not (why := trouble(rung)):
            return rung, passed
        passed.append(f"{rung}: {why}")
    said = "; ".join(passed) or "none is named"
    raise SandboxError(f"this machine gives none of the sandboxes that are acceptable ({said})")


@functools.cache
def trouble(rung: str) -> str:
    """Why this machine does not give a rung, in a line; empty if it does."""
    if os.name != "posix":
        return "submissions are graded on Linux or macOS; on Windows, use WSL"
    try:
        if rung == "bubblewrap":
            bubblewrap.program()
        elif rung == "landlock":
            landlock.abi()
    except SandboxError as error:
        return str(error)
    return ""


def confinement(rung: str) -> str:
    """What confines a kernel here, and what that does not promise, in a line."""
    if rung == "none":
        return f"none; not promised: {UNCONFINED}"
    words = [rung if rung != "landlock" else f"landlock (version {landlock.abi()}) and seccomp"]
    missing = [UNSEEN] if rung == "landlock" else []
    if version := group_version():
        words.append(f"cgroups {version}")
    else:
        words.append("rlimits")
        missing.append(ONE_BY_ONE)
        if os.getuid() == 0:
            missing.append(BY_ROOT)
    return ", ".join(words) + (f"; not promised: {', '.join(missing)}" if missing else "")


def group_version() -> str:
    """The version of the control groups that can be made here; empty if none can."""
    name = f"{PREFIX}{secrets.token_hex(4)}"
    group = cgroups.create(name, Limits.memory, Limits.processes)
    if group is None:
        return ""
    group.remove()
    return group.version
