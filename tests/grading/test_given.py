"""given.py holds what a later assignment uses of earlier ones, and is made along with them."""

import shutil
from pathlib import Path

import nbformat
import pytest

from byhand.grading.course import release
from byhand.grading.course.commands import nbgrader
from byhand.grading.course.notebooks import CourseError, given_beside, read

from .tiny import cell, make, tiny_notebook


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of nbgrader: copies the source."""

    def copy(course: Path, names: list[str]) -> None:
        for name in names:
            shutil.copytree(course / "source" / name, course / "release" / name)

    monkeypatch.setattr(release, "generate", copy)


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
def chain(source: Path) -> Path:
    """A course of 2-once, 3-twice, which builds on it, and 4-last, which builds on 3-twice."""
    course = source.parents[2]
    shutil.rmtree(source.parent)
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


def test_given_holds_what_is_imported_of_earlier_assignments(chain: Path):
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


NEEDS = """\
FACTOR = 3
OTHER = 4


def unused():
    pass


def helper(x):
    return FACTOR * x


class Base:
    unit: int = 1


class Unused:
    pass


@dataclass
class Once(Base):
    unit: int = 2

    def times(self, x):
        unused = helper(x)
        return self.unit * unused"""


@pytest.mark.usefixtures("quick")
def test_given_holds_what_a_class_needs_and_nothing_else(chain: Path):
    source = chain / "source" / "2-once" / "tiny.ipynb"
    nb = read(source)
    nb.cells[0].source = "import math\nfrom dataclasses import dataclass"
    nb.cells[1].source = NEEDS
    nbformat.write(nb, source)
    make(chain)
    with given_beside(chain / "source" / "3-twice" / "tiny.ipynb"):
        import given

        names = {name for name in vars(given) if not name.startswith("__")}
        assert names == {"dataclass", "FACTOR", "helper", "Base", "Once"}
        assert given.Once(unit=5).times(3) == 45


@pytest.mark.usefixtures("quick")
def test_a_cell_that_is_not_the_setup_imports_from_given_too(chain: Path):
    source = chain / "source" / "4-last" / "tiny.ipynb"
    nb = read(source)
    nb.cells.append(
        nbformat.v4.new_code_cell("%matplotlib inline\nfrom given import helper", id="plot")
    )
    nbformat.write(nb, source)
    make(chain)
    assert "def helper" in source.with_name("given.py").read_text()


@pytest.mark.usefixtures("quick")
def test_a_name_that_no_earlier_solution_defines_is_named(chain: Path):
    source = chain / "source" / "3-twice" / "tiny.ipynb"
    nb = read(source)
    nb.cells[0].source = "from given import Once, Twice"
    nbformat.write(nb, source)
    with pytest.raises(CourseError, match=r"^source/3-twice: no earlier solution defines Twice"):
        make(chain)


@pytest.mark.usefixtures("quick")
def test_one_assignment_is_made_and_others_get_their_given_only(chain: Path):
    make(chain)
    source = chain / "source" / "2-once" / "tiny.ipynb"
    source.write_text(source.read_text().replace("math.prod([1, x])", "math.prod([x, 1])"))
    (chain / "release" / "3-twice" / "stray.txt").write_text("")
    (chain / "source" / "4-last" / "given.py").write_text("# it does not build on 2-once")
    wanted = ["source/3-twice/given.py", "release/3-twice/given.py", "release/2-once"]
    differ = [line.split(":")[0] for line in release.differences(chain, ["2-once"])]
    assert differ == [*wanted[:2], "release/2-once/tiny.ipynb"]
    before = {path: path.read_bytes() for path in chain.rglob("*") if path.is_file()}
    told: list[str] = []
    release.write_release(chain, ["2-once"], told.append)
    assert told == wanted
    changed = {path for path, content in before.items() if path.read_bytes() != content}
    assert changed == {chain / path for path in wanted[:2]} | {chain / differ[2]}
    assert release.differences(chain, ["2-once"]) == []
    assert len(release.differences(chain, [])) == 3


@pytest.mark.usefixtures("quick")
def test_an_assignment_that_is_not_there_is_named(chain: Path):
    with pytest.raises(CourseError, match=r"^No assignment 9-none: there are 2-once, 3-twice, 4-l"):
        release.write_release(chain, ["9-none", "2-once"], print)


def test_a_given_that_is_not_in_step_is_named(chain: Path):
    make(chain)
    (chain / "release" / "4-last" / "__pycache__").mkdir()
    (chain / "release" / "4-last" / "__pycache__" / "given.pyc").write_bytes(b"")
    assert release.differences(chain, []) == []
    (chain / "source" / "3-twice" / "given.py").write_text("Once = None")
    (chain / "source" / "4-last" / "given.py").unlink()
    assert [line.split(":")[0] for line in release.differences(chain, [])] == [
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
