"""release/ is what source/ gives, the same bytes each time, and gives nothing away."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest

from byhand.grading.course import release
from byhand.grading.course.commands import nbgrader
from byhand.grading.course.notebooks import CourseError, given_beside, read

from .tiny import COURSE, cell, tiny_notebook

HIDDEN = re.compile(
    r"### BEGIN (SOLUTION|HIDDEN TESTS)\n(?P<text>.*?)### END \1", re.DOTALL | re.MULTILINE
)


def make(course: Path) -> dict[str, bytes]:
    release.write_release(course, tell=lambda name: None)
    return {p.name: p.read_bytes() for p in (course / "release").rglob("*") if p.is_file()}


def test_the_same_source_gives_the_same_bytes(source: Path):
    course = source.parents[2]
    (source.parent / "data.txt").write_text("for students")
    (source.parent / "weights.npz").write_text("of the maintainer's own run")
    (course / "release" / "0-without-source").mkdir(parents=True)
    first = make(course)
    assert set(first) == {"data.txt", "tiny.ipynb"}
    assert make(course) == first
    assert [path.name for path in (course / "release").iterdir()] == ["1-tiny"]
    assert not (course / "gradebook.db").exists()


def test_every_difference_is_named(source: Path):
    course = source.parents[2]
    make(course)
    nb = tiny_notebook()
    nb.cells.insert(0, nbformat.v4.new_markdown_cell("new", id="new"))
    nbformat.write(nb, source)
    (source.parent / "data.txt").write_text("new")
    (course / "release" / "1-tiny" / "stray.txt").write_text("")
    assert release.differences(course) == [
        "release/1-tiny/data.txt: missing",
        "release/1-tiny/stray.txt: not in source/",
        "release/1-tiny/tiny.ipynb: not what source/ gives",
    ]


def test_a_source_that_nbgrader_refuses_is_said_and_changes_nothing(source: Path):
    course = source.parents[2]
    (course / "release" / "1-tiny").mkdir(parents=True)
    (course / "release" / "1-tiny" / "tiny.ipynb").write_text("the old one")
    nb = tiny_notebook()
    nb.cells.append(cell("### BEGIN SOLUTION\nx = 1", "open", solution=True))
    nbformat.write(nb, source)
    with pytest.raises(CourseError, match="`nbgrader generate_assignment 1-tiny` failed"):
        make(course)
    assert (course / "release" / "1-tiny" / "tiny.ipynb").read_text() == "the old one"


SOLVED = {"solution": True}
EARLIER = """\
class Once:
    def times(self, x):
        ### BEGIN SOLUTION
        return math.prod([1, x])
        ### END SOLUTION


def helper():
    ### BEGIN SOLUTION
    return 0
    ### END SOLUTION"""
LATER = """\
class Twice(Once):
    def times(self, x):
        ### BEGIN SOLUTION
        return 2 * x
        ### END SOLUTION"""


def write(course: Path, name: str, *cells: nbformat.NotebookNode) -> None:
    nb = tiny_notebook()
    nb.cells = list(cells)
    (course / "source" / name).mkdir()
    nbformat.write(nb, course / "source" / name / "tiny.ipynb")


@pytest.fixture
def chain(source: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of 2-once, 3-twice and 4-last; the last two build on those before."""
    course = source.parents[2]
    shutil.rmtree(source.parent)
    monkeypatch.setattr(
        release, "BUILDS_ON", {"3-twice": ["2-once"], "4-last": ["2-once", "3-twice"]}
    )
    write(
        course, "2-once", cell("import math", "setup", locked=True), cell(EARLIER, "once", **SOLVED)
    )
    setup = cell("from fractions import Fraction\nfrom given import Once", "setup", locked=True)
    again = EARLIER.replace("math.prod([1, x])", "x + Fraction(0)")
    write(course, "3-twice", setup, cell(f"{LATER}\n\n\n{again}", "twice", **SOLVED))
    test = {"grade": True, "locked": True, "points": 10.0}
    write(
        course,
        "4-last",
        cell("from given import Twice", "setup", locked=True),
        cell(
            "def four():\n    ### BEGIN SOLUTION\n    return 4\n    ### END SOLUTION",
            "four",
            **SOLVED,
        ),
        cell("assert Twice().times(2) == four()", "test_four", **test),
    )
    return course


def test_given_holds_the_classes_of_earlier_assignments(chain: Path):
    make(chain)
    with given_beside(chain / "source" / "3-twice" / "tiny.ipynb"):
        import given

        assert type(given.Once().times(3)) is int
        assert not {"helper", "Twice"} & vars(given).keys()
    with given_beside(chain / "source" / "4-last" / "tiny.ipynb"):
        import given

        assert type(given.Once().times(3)).__name__ == "Fraction"  # the later one
        assert given.Twice().times(3) == 6
    for name in ("3-twice", "4-last"):
        text = (chain / "source" / name / "given.py").read_text()
        assert (chain / "release" / name / "given.py").read_text() == text
        assert "import Once" not in text
        assert "SOLUTION" not in text
    assert not (chain / "source" / "2-once" / "given.py").exists()


def test_a_given_that_is_not_in_step_is_named(chain: Path):
    make(chain)
    (chain / "release" / "4-last" / "__pycache__").mkdir()
    (chain / "release" / "4-last" / "__pycache__" / "given.pyc").write_bytes(b"")
    assert release.differences(chain) == []
    (chain / "source" / "3-twice" / "given.py").write_text("Once = None")
    (chain / "source" / "4-last" / "given.py").unlink()
    assert [line.split(":")[0] for line in release.differences(chain)] == [
        "source/3-twice/given.py",
        "source/4-last/given.py",
        "release/3-twice/given.py",
        "release/4-last/given.py",
    ]


FORGED = "class Twice:\n    def times(self, x):\n        return 0"
PLACES = ["given.py", "given/__init__.py", "given.py/__init__.py", "given.pyc"]


def test_a_given_of_the_students_own_gains_nothing(chain: Path):
    make(chain)
    nbgrader(chain, "generate_assignment", "4-last", "--force")
    released = (chain / "release" / "4-last" / "tiny.ipynb").read_text()
    for number, place in enumerate(PLACES):
        for student, answer in (("right", "Twice().times(2)"), ("wrong", "Twice().times(0)")):
            folder = chain / "submitted" / f"{student}-{number}" / "4-last"
            (folder / place).parent.mkdir(parents=True)
            (folder / place).write_text(FORGED)
            solved = released.replace("raise NotImplementedError", f"return {answer}")
            (folder / "tiny.ipynb").write_text(solved)
    log = nbgrader(chain, "autograde", "4-last")
    for number in range(len(PLACES)):
        assert f"right-{number}: 10 of 10" in log
        assert f"wrong-{number}: 0 of 10" in log


def lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines()}


def notebook_text(path: Path) -> str:
    return "\n".join(cell.source for cell in read(path).cells)


# Lines long enough to count that give nothing away: loops, imports, openings.
EVERYDAY = {
    "for _ in range(steps):",
    "for weight in weights:",
    "CrossEntropyLoss,",
    "network = Sequential(",
    "optimizer.zero_grad()",
    "pairs = zip(self.module.parameters(), self.module.parameters_grad(), strict=True)",
}


def secret_lines(source: Path) -> set[str]:
    """Lines of solutions and hidden tests that say something (not `else:`) and stand only there."""
    text = notebook_text(source)
    hidden = set().union(*(lines(match["text"]) for match in HIDDEN.finditer(text)))
    telling = {line for line in hidden if len(re.sub(r"\W", "", line)) >= 15}
    return telling - EVERYDAY - lines(HIDDEN.sub("", text))


@pytest.mark.parametrize(
    "source", sorted((COURSE / "source").glob("*/*.ipynb")), ids=lambda path: path.stem
)
def test_students_get_no_line_of_a_solution_or_a_hidden_test(source: Path):
    """Before the deadline, that is: later assignments hand out the solutions of earlier ones."""
    given = source.with_name("given.py")
    secret = secret_lines(source) - (lines(given.read_text()) if given.exists() else set())
    assert secret
    for path in [*(COURSE / "release").rglob("*.*"), *(COURSE / "byhand").rglob("*.py")]:
        if path.name == "given.py" and path.parent.name > source.parent.name:
            continue
        text = notebook_text(path) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
        assert lines(text) & secret == set(), path
