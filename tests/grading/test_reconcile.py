"""Whatever was done to a notebook, it comes back in the course's form."""

from copy import deepcopy

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from byhand.grading.submission.reconcile import MARK, Submitted, released, repair

from .tiny import tiny_notebook


def submitted(nb: NotebookNode) -> list[Submitted]:
    return [
        Submitted(c.cell_type, c.source, c.metadata.get("nbgrader", {}).get("grade_id", ""), c.id)
        for c in nb.cells
    ]


def repaired(cells: list[Submitted]) -> tuple[NotebookNode, list[str]]:
    nb = tiny_notebook()
    return repair(cells, nb, released(nb, ClearSolutions()))


def ids(nb: NotebookNode) -> list[str]:
    return [c.metadata.get("nbgrader", {}).get("grade_id", "") for c in nb.cells]


def place(grade_id: str) -> int:
    return ids(tiny_notebook()).index(grade_id)


def test_an_orderly_notebook_stays_as_it_is():
    nb, repairs = repaired(submitted(tiny_notebook()))
    assert repairs == []
    assert [c.source for c in nb.cells] == [c.source for c in tiny_notebook().cells]


def test_the_students_own_cells_stay_where_they_are():
    cells = submitted(tiny_notebook())
    cells.insert(place("double") + 1, Submitted("code", "helper = 1"))
    nb, repairs = repaired(cells)
    assert repairs == []
    assert nb.cells[place("double") + 1].source == "helper = 1"


def test_only_the_students_own_cells_are_marked_as_theirs():
    cells = submitted(tiny_notebook())
    cells[0].source += ", and better"
    cells.append(Submitted("markdown", "my notes"))
    nb, _ = repaired(cells)
    marked = [c.source for c in nb.cells if c.metadata.get(MARK) == "own"]
    assert marked == ["# Tiny, and better", "my notes"]


def test_given_cells_keep_their_ids_as_links_lead_to_them():
    cells = submitted(tiny_notebook())
    cells.insert(1, Submitted("markdown", cells[0].source))
    cells.append(Submitted("markdown", "my notes", cell_id="tiny"))
    nb, _ = repaired(cells)
    assert nb.cells[0].id == "tiny"
    assert len({cell.id for cell in nb.cells}) == len(nb.cells)
    nbformat.validate(nb)


def test_an_empty_notebook_has_all_cells_of_the_course_and_no_solution():
    nb, repairs = repaired([])
    assert [name for name in ids(nb) if name] == [n for n in ids(tiny_notebook()) if n]
    assert "return 2 * x" not in nbformat.writes(nb)
    assert "the solution cell double is not there" in repairs


@pytest.mark.parametrize("change", ["edited", "retyped", "deleted", "twice", "first"])
def test_a_test_cell_comes_from_the_course(change):
    cells = submitted(tiny_notebook())
    test = cells[place("test_double")]
    match change:
        case "edited":
            test.source = "assert True"
        case "retyped":
            test.kind = "markdown"
        case "deleted":
            cells.remove(test)
        case "twice":
            cells.append(deepcopy(test))
        case "first":
            cells.remove(test)
            cells.insert(0, test)
    nb, repairs = repaired(cells)
    assert [name for name in ids(nb) if name] == [n for n in ids(tiny_notebook()) if n]
    original = tiny_notebook().cells[place("test_double")]
    assert nb.cells[ids(nb).index("test_double")] == original
    assert len(repairs) == 1


def test_a_solution_that_stands_twice_runs_twice_in_its_order():
    cells = submitted(tiny_notebook())
    cells.insert(place("double") + 1, Submitted("code", "def double(x): return 3", "double"))
    nb, repairs = repaired(cells)
    at = ids(nb).index("double")
    assert nb.cells[at + 1].source == "def double(x): return 3"
    assert "nbgrader" not in nb.cells[at + 1].metadata
    assert repairs == ["double stands twice: both were run, in their order"]


def test_cells_are_known_by_their_id_or_by_what_they_define():
    for strip in ("grade_id", "both"):
        cells = submitted(tiny_notebook())
        for cell in cells:
            cell.grade_id = ""
            cell.cell_id = "" if strip == "both" else cell.cell_id
        cells[place("double")].source = "def double(x):\n    return x + x"
        nb, _ = repaired(cells)
        assert nb.cells[ids(nb).index("double")].source == "def double(x):\n    return x + x"


def test_a_solution_turned_into_markdown_is_read_as_code():
    cells = submitted(tiny_notebook())
    cells[place("double")].kind = "markdown"
    nb, repairs = repaired(cells)
    assert nb.cells[ids(nb).index("double")].cell_type == "code"
    assert repairs == ["double was a markdown cell: it was read as code"]
