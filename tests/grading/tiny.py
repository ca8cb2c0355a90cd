"""A tiny course: two tasks, three test cells, 10 points, nothing to import."""

from pathlib import Path

import nbformat

from byhand.grading.course import release
from byhand.grading.course.commands import nbgrader
from byhand.grading.course.normal_form import GOES_ON

COURSE = Path(__file__).parents[2]
ASSIGNMENT = "1-tiny"
CONFIG = f"""\
from byhand.grading.plugins.late_policy import deadlines

c = get_config()
load_subconfig("nbgrader_config.py", path={str(COURSE)!r})
c.LatePolicy.deadlines = deadlines(
    "Europe/Paris", {{"{ASSIGNMENT}": ("2026-03-02 19:00", "2026-03-09 19:00")}}
)
"""
SETUP = "import math"
DOUBLE = '''\
def double(x):
    """2 x"""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION'''
ROOT = '''\
def root(x):
    """The square root of x."""
    ### BEGIN SOLUTION
    return math.sqrt(x)
    ### END SOLUTION'''
TEST_DOUBLE = """\
assert double(1) == 2, "double(1) should be 2"
### BEGIN HIDDEN TESTS
assert double(-31) == -62, "a negative number"
### END HIDDEN TESTS"""


def cell(source: str, grade_id: str, **marks: bool | float) -> nbformat.NotebookNode:
    """A code cell as nbgrader marks it."""
    own = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    own |= {"grade_id": grade_id} | marks
    tags = {"tags": [GOES_ON]} if own["grade"] else {}
    return nbformat.v4.new_code_cell(source, id=grade_id, metadata={"nbgrader": own} | tags)


def tiny_notebook() -> nbformat.NotebookNode:
    """The source notebook of the tiny course."""
    test = {"grade": True, "locked": True}
    nb = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Tiny", id="tiny"),
            cell(SETUP, "setup", locked=True),
            cell(DOUBLE, "double", solution=True),
            cell(TEST_DOUBLE, "test_double", points=5.0, **test),
            cell(ROOT, "root", solution=True),
            cell("assert root(4) == 2", "test_root_exact", points=3.0, **test),
            cell("assert abs(root(2) ** 2 - 2) < 1e-9", "test_root_close", points=2.0, **test),
        ]
    )
    nb.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nb


def write_course(folder: Path) -> Path:
    """Write the tiny course into a folder; returns the path of its source notebook."""
    path = folder / "source" / ASSIGNMENT / "tiny.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(tiny_notebook(), path)
    (folder / "nbgrader_config.py").write_text(CONFIG)
    return path


def hand_in(course: Path, student: str, content: str | bytes, timestamp: str | None = None) -> None:
    """Put a file where `nbgrader collect` would."""
    folder = course / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    data = content if isinstance(content, bytes) else content.encode()
    (folder / "tiny.ipynb").write_bytes(data)
    if timestamp:
        (folder / "timestamp.txt").write_text(timestamp)


def generate(course: Path) -> str:
    """`nbgrader generate_assignment`; returns the released notebook's text."""
    nbgrader(course, "generate_assignment", ASSIGNMENT)
    return (course / "release" / ASSIGNMENT / "tiny.ipynb").read_text()


def make(course: Path) -> dict[str, bytes]:
    """`byhand release`; returns what is in release/, by the names of the files."""
    release.write_release(course, [], tell=lambda path: None)
    return {p.name: p.read_bytes() for p in (course / "release").rglob("*") if p.is_file()}
