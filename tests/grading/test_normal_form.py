"""The form in which source notebooks are committed, and what `byhand normalise` writes in it."""

import re

import nbformat
import pytest

from byhand.check.progress import NAMED
from byhand.check.progress import scoreboard as shown
from byhand.grading.course.normal_form import HINTS, normalise, scoreboard, with_worth
from byhand.grading.course.notebooks import CourseError, grade_id, is_test, read

from .tiny import COURSE, cell, tiny_notebook

SOURCES = sorted((COURSE / "source").glob("*/*.ipynb"))


def normalised(nb: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return nbformat.reads(normalise(nb), as_version=4).cells


def test_normalising_removes_what_running_leaves():
    nb = tiny_notebook()
    wanted = normalise(nb)
    nb.cells[1].outputs = [nbformat.v4.new_output("stream", text="hello")]
    nb.cells[1].execution_count = 7
    nb.cells[1].metadata["collapsed"] = True
    nb.cells[2].metadata.nbgrader["checksum"] = "0123"
    nb.metadata["widgets"] = {"state": {}}
    nb.metadata.kernelspec = {"display_name": "mine", "language": "python", "name": "mine"}
    assert normalise(nb) == wanted


def test_normalising_twice_changes_nothing():
    once = normalise(tiny_notebook())
    assert normalise(nbformat.reads(once, as_version=4)) == once


def test_normalising_leaves_its_argument_alone():
    nb = tiny_notebook()
    nb.cells[1].execution_count = 7
    normalise(nb)
    assert nb.cells[1].execution_count == 7


def test_ids_are_grade_ids_own_ids_or_first_words():
    nb = tiny_notebook()
    nb.cells[2].id = "random1"
    nb.cells += [
        nbformat.v4.new_markdown_cell("## What *comes* next?", id="tiny"),
        nbformat.v4.new_markdown_cell("## What comes next"),
        nbformat.v4.new_markdown_cell("kept", id="a1b2c3d4"),
        nbformat.v4.new_markdown_cell("takes the id of a task", id="root"),
    ]
    nb.cells[-3].id = "not valid!"
    ids = [c["id"] for c in normalised(nb)]
    assert ids[:3] == ["tiny", "setup", "double"]
    assert ids[-4:] == ["what-comes-next", "what-comes-next-2", "a1b2c3d4", "takes-the-id-of-a"]
    assert len(set(ids)) == len(ids)


def test_two_cells_with_one_grade_id_are_named():
    nb = tiny_notebook()
    nb.cells.append(cell("pass", "double", solution=True))
    with pytest.raises(CourseError, match="grade_id double"):
        normalise(nb)


def test_run_all_goes_on_after_every_cell_but_the_setup():
    nb = tiny_notebook()
    nb.cells[1].metadata["tags"] = ["kept"]
    nb.cells[3].metadata["tags"] = ["bonus"]
    nb.cells.append(nbformat.v4.new_code_cell("1 / 0", id="own"))
    tags = {c.id: c.metadata.get("tags", []) for c in normalised(nb)}
    goes_on = ["raises-exception"]
    assert tags == {
        "tiny": [],
        "setup": ["kept"],
        "double": goes_on,
        "test_double": ["bonus", *goes_on],
        "root": goes_on,
        "test_root_exact": goes_on,
        "test_root_close": goes_on,
        "own": goes_on,
    }


def test_a_test_cell_begins_with_its_name_and_what_it_is_worth():
    nb = tiny_notebook()
    nb.cells[3].metadata["tags"] = ["bonus"]
    nb.cells[5].source = f"# test_old: 7 points\n{nb.cells[5].source}"
    nb.cells[6].source += "\n# test_x: 1 point\n"
    nb.cells[6].metadata.nbgrader.points = 1
    made = {c.id: c.source.splitlines() for c in normalised(nb)}
    assert made["test_double"][0] == "# test_double: 5 bonus points"
    assert made["test_root_exact"] == ["# test_root_exact: 3 points", "assert root(4) == 2"]
    assert made["test_root_close"] == [
        "# test_root_close: 1 point",
        "assert abs(root(2) ** 2 - 2) < 1e-9",
        "# test_x: 1 point",
    ]
    assert made["setup"] == ["import math"]


def test_the_scoreboard_cell_gets_the_table_of_tasks():
    nb = tiny_notebook()
    nb.cells[0].source = "# Tiny\n\n### Doubling (5 points)"
    nb.cells[5].metadata["tags"] = ["bonus"]
    by_person = {"grade": True, "solution": True, "points": 1.5}
    why = nbformat.v4.new_markdown_cell("because", metadata=cell("", "why", **by_person).metadata)
    nb.cells[6:7] = [
        nb.cells[6],
        nbformat.v4.new_markdown_cell("<details><summary>Stuck? ...", id="root-hints"),
        nbformat.v4.new_markdown_cell("### Why? (1.5 points)", id="why-text"),
        why,
        nbformat.v4.new_code_cell("old", id="scoreboard"),
    ]
    made = normalised(nb)[-1]
    assert made.source.splitlines() == [
        'check.scoreboard("""',
        "double #tiny #tiny Doubling",
        "    test_double 5",
        "root #tiny #root-hints Doubling",
        "    test_root_exact 3 bonus",
        "    test_root_close 2",
        "why #why-text #why-text Why?",
        "    why 1.5 person",
        '""")',
    ]
    assert made.metadata.jupyter == {"source_hidden": True}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_notebook_ends_in_a_scoreboard_in_step_with_it(path):
    released = COURSE / "release" / path.relative_to(COURSE / "source")
    for nb in (read(path), read(released)):
        assert [c.id for c in nb.cells[-2:]] == ["hand-in", "scoreboard"]
        last = nb.cells[-1]
        assert "ungraded" in last.metadata.tags
        assert last.source == scoreboard(nb)
        tests = [c for c in nb.cells if is_test(c)]
        assert [NAMED.match(c.source)[1] for c in tests] == [grade_id(c) for c in tests]
        assert all(c.source == with_worth(c) for c in tests)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_links_and_points_of_a_scoreboard_are_those_of_the_text(path):
    cells = {c.id: c.source for c in read(path).cells}
    tasks = shown(cells["scoreboard"].split('"""')[1]).tasks
    assert len(tasks) > 5
    for task in tasks:
        worth = re.findall(r"^#+ (.+) \(([\d.]+) (?:bonus )?points?\)$", cells[task.head], re.M)
        assert worth[-1] == (task.title, f"{sum(part.points for part in task.parts):g}")
        assert HINTS in cells[task.hints] or {part.kind for part in task.parts} == {"person"}
    own = [part for task in tasks for part in task.parts if part.kind != "bonus"]
    assert sum(part.points for part in own) == pytest.approx(10)
