"""Running nbgrader's own commands, as an instructor does."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from byhand.grading.course.notebooks import CourseError

GENERATE = """
import sys
from nbgrader.apps import GenerateAssignmentApp

end = sys.argv.index("--")
for name in sys.argv[1:end]:
    app = GenerateAssignmentApp()
    app.initialize([name, *sys.argv[end + 1 :]])
    app.start()
"""


def path_of_tools() -> str:
    """PATH for nbgrader, which calls `alembic` by its bare name, also from an environment that is
    not activated."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def nbgrader(
    course: Path, *arguments: str, each_line: Callable[[str], None] = lambda line: None
) -> str:
    """Run `nbgrader <arguments>` in a course and return what it printed.

    each_line is called with every line as it comes; for the rest see _run.
    """
    return _run(
        course, ["-m", "nbgrader", *arguments], f"nbgrader {' '.join(arguments)}", each_line
    )


def generate(course: Path, names: Sequence[str]) -> str:
    """Run `nbgrader generate_assignment` for each of these, all in one process: to start takes as
    long as to make several; see _run."""
    name = f"nbgrader generate_assignment {' '.join(names)}"
    return _run(course, ["-c", GENERATE, *names, "--"], name)


def _run(
    course: Path,
    program: Sequence[str],
    name: str,
    each_line: Callable[[str], None] = lambda line: None,
) -> str:
    """Run a Python program of nbgrader's in a course and return what it printed.

    The gradebook is gradebook.db in that folder, whatever its nbgrader_config.py says: this is
    for courses that are made and thrown away. Raises CourseError with the end of the log when it
    fails; name: what it is called there.
    """
    # After a fault in nbgrader_config.py, nbgrader would go on without the rest of it.
    strict = {"TRAITLETS_APPLICATION_RAISE_CONFIG_FILE_ERROR": "1"}
    own = [
        f"--CourseDirectory.root={course}",
        f"--CourseDirectory.db_url=sqlite:///{course / 'gradebook.db'}",
    ]
    process = subprocess.Popen(
        [sys.executable, *program, *own],
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
            f"`{name}` failed with exit code {process.returncode}. "
            f"Its last lines:\n{''.join(log[-15:])}"
        )
    return "".join(log)
