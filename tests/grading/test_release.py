"""release/ is what source/ gives, the same bytes each time, and gives nothing away."""

import re
from pathlib import Path

import nbformat
import pytest

from byhand.grading.course import release
from byhand.grading.course.notebooks import CourseError, read

from .tiny import COURSE, cell, make, tiny_notebook

HIDDEN = re.compile(
    r"### BEGIN (SOLUTION|HIDDEN TESTS)\n(?P<text>.*?)### END \1", re.DOTALL | re.MULTILINE
)


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
    assert release.differences(course, []) == [
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


def lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines()}


def notebook_text(path: Path) -> str:
    return "\n".join(cell.source for cell in read(path).cells)


# Lines long enough to count that give nothing away: loops, imports, openings.
EVERYDAY = {
    "for _ in range(steps):",
    "for _ in run.epochs():",
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
    given = [p for p in COURSE.glob("source/*/given.py") if p.parent.name <= source.parent.name]
    secret = secret_lines(source).difference(*(lines(path.read_text()) for path in given))
    assert secret
    for path in [*(COURSE / "release").rglob("*.*"), *(COURSE / "byhand").rglob("*.py")]:
        if path.name == "given.py" and path.parent.name > source.parent.name:
            continue
        text = notebook_text(path) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
        assert lines(text) & secret == set(), path
