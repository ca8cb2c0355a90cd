"""Running nbgrader's own commands, as an instructor does."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from byhand.grading.course.notebooks import CourseError


def path_of_tools() -> str:
    """PATH for nbgrader, which calls `alembic` by its bare name, also from an environment that is
    not activated."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def nbgrader(
    course: Path, *arguments: str, each_line: Callable[[str], None] = lambda line: None
) -> str:
    """Run `nbgrader <arguments>` in a course and return what it printed.

    The gradebook is gradebook.db in that folder, whatever its nbgrader_config.py says: this is
    for courses that are made and thrown away. each_line is called with every line as it comes.
    Raises CourseError with the end of the log when the command fails.
    """
    # After a fault in nbgrader_config.py, nbgrader would go on without the rest of it.
    strict = {"TRAITLETS_APPLICATION_RAISE_CONFIG_FILE_ERROR": "1"}
    own = [
        f"--CourseDirectory.root={course}",
        f"--CourseDirectory.db_url=sqlite:///{course / 'gradebook.db'}",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "nbgrader", *arguments, *own],
        cwd=course,
        env=os.environ | strict | {"PATH": path_of_tools()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    log = []
    with process:
        for line in process.stdout:
            log.append(line)
            each_line(line)
    if process.returncode:
        raise CourseError(
            f"`nbgrader {' '.join(arguments)}` failed with exit code {process.returncode}. "
            f"Its last lines:\n{''.join(log[-15:])}"
        )
    return "".join(log)
