"""Notebooks whose cells are not where, what or how many they should be."""

import copy
from collections.abc import Callable

import nbformat
from nbformat import NotebookNode

from .base import FULL, NOTHING, Recipe, Sheet, without


def _tests(sheet: Sheet) -> list[NotebookNode]:
    return [sheet.cell(f"test_{task}") for task in FULL]


def _untouched(sheet: Sheet) -> None:
    for task in FULL:
        stub = "# YOUR CODE HERE\nraise NotImplementedError"
        sheet.write(task, stub)


def _deleted(sheet: Sheet) -> None:
    sheet.average()
    for cell in _tests(sheet):
        sheet.nb.cells.remove(cell)


def _solution_deleted(sheet: Sheet) -> None:
    sheet.nb.cells.remove(sheet.cell("relu"))


def _setup_deleted(sheet: Sheet) -> None:
    sheet.nb.cells.remove(sheet.cell("setup"))


def _duplicated(sheet: Sheet) -> None:
    for cell in _tests(sheet):
        twin = copy.deepcopy(cell)
        twin.id += "-copy"
        sheet.nb.cells.insert(sheet.nb.cells.index(cell), twin)


def _solution_duplicated(sheet: Sheet) -> None:
    twin = copy.deepcopy(sheet.cell("linear"))
    twin.id, twin.source = "linear-first-try", "class Linear(Module):\n    pass"
    sheet.nb.cells.insert(sheet.index("linear"), twin)


def _edited(sheet: Sheet) -> None:
    sheet.average()
    sheet.cell("test_linear").source = "print('all right')"
    sheet.cell("setup").source += "\ncheck.layer = print"


def _unlocked(sheet: Sheet) -> None:
    sheet.average()
    sheet.cell("test_linear").metadata.nbgrader |= {"locked": False, "grade": False}
    sheet.cell("test_linear").source = "pass"


def _reversed(sheet: Sheet) -> None:
    sheet.nb.cells.reverse()


def _to_markdown(*grade_ids: str) -> Callable[[Sheet], None]:
    def make(sheet: Sheet) -> None:
        for grade_id in grade_ids:
            cell = sheet.cell(grade_id)
            text = nbformat.v4.new_markdown_cell(cell.source, id=cell.id, metadata=cell.metadata)
            sheet.nb.cells[sheet.index(grade_id)] = text

    return make


CELLS = [
    Recipe("untouched", "notebook", "nothing is solved", _untouched, NOTHING),
    Recipe(
        "tests-deleted",
        "notebook",
        "all test cells are gone, and linear is wrong",
        _deleted,
        without("linear"),
        repairs=("test_linear", "test_sgd"),
    ),
    Recipe(
        "solution-deleted",
        "notebook",
        "a solution cell is gone",
        _solution_deleted,
        without("relu"),
        repairs=("relu",),
    ),
    Recipe("setup-deleted", "notebook", "no setup cell", _setup_deleted, repairs=("setup",)),
    Recipe(
        "tests-duplicated",
        "notebook",
        "every test cell is there twice",
        _duplicated,
        repairs=("test_linear", "test_sgd"),
    ),
    Recipe(
        "solution-duplicated",
        "notebook",
        "a first try with the same grade_id stands ahead of a solution",
        _solution_duplicated,
        repairs=("linear",),
    ),
    Recipe(
        "tests-edited",
        "notebook",
        "a test cell and the setup say that all is right, and linear is wrong",
        _edited,
        without("linear"),
        repairs=("test_linear", "setup"),
    ),
    Recipe(
        "test-unlocked",
        "notebook",
        "a test cell is no test any more, and linear is wrong",
        _unlocked,
        without("linear"),
        repairs=("test_linear",),
    ),
    Recipe("reversed", "notebook", "the last cell comes first", _reversed, repairs=None),
    Recipe(
        "test-markdown",
        "notebook",
        "a test cell is Markdown",
        _to_markdown("test_linear"),
        repairs=("test_linear",),
    ),
    Recipe(
        "solution-markdown",
        "notebook",
        "a solution cell and the setup are Markdown",
        _to_markdown("relu", "setup"),
        repairs=("relu", "setup"),
    ),
]
