"""`byhand check`: what it says of a student's notebook, and its exit code, with real kernels."""

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner, Result

from byhand.__main__ import app
from byhand.grading.course import fresh_run
from byhand.grading.course.notebooks import CourseError

from .tiny import tiny_notebook

SECONDS = 4  # for a cell; the first, which loads PyTorch, has no limit
OWN = nbformat.v4.new_code_cell


def notebook(folder: Path, change: Callable[[list], object] = len) -> Path:
    """A student's notebook, solved, after change(its cells)."""
    nb = tiny_notebook()
    change(nb.cells)
    path = folder / "tiny.ipynb"
    nbformat.write(nb, path)
    return path


def byhand_check(path: Path) -> Result:
    return CliRunner().invoke(app, ["check", str(path)])


def test_a_right_notebook_passes_and_stays_as_it_is(tmp_path: Path):
    path = notebook(tmp_path)
    before = path.read_bytes()
    done = byhand_check(path)
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "3 of 3 visible checks, 10 of 10 points so far; hidden cases decide the rest",
        "  ✓ double  5 of 5",
        "  ✓ root    5 of 5",
    ]
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["tiny.ipynb"]


def test_what_fails_is_named_and_what_it_does_not_touch_is_not(tmp_path: Path):
    def change(cells):
        cells[2].source = "def double(x):\n    return 3 * x"
        cells[4].source = "def root(x):\n    return x // 2"
        cells.insert(0, OWN("1 / 0  # a cell of the student's own"))

    done = byhand_check(notebook(tmp_path, change))
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        "1 of 3 visible checks, 3 of 10 points so far; hidden cases decide the rest",
        "  ✗ double  0 of 5",
        "      AssertionError: double(1) should be 2",
        "  ✗ root    3 of 5",
        "      ✓ exact, 3",
        "      ✗ close, 2: AssertionError",
    ]


def test_a_bonus_that_is_missing_fails_nothing_and_training_is_left_out(tmp_path: Path):
    def change(cells):
        cells[3].metadata["tags"] = ["bonus"]
        cells[2].source = "raise NotImplementedError"
        cells.append(OWN("root = None\n1 / 0", metadata={"tags": ["ungraded"]}))
        cells.append(OWN("an older scoreboard", id="scoreboard"))
        cells[3].source = "raise NotImplementedError"

    done = byhand_check(notebook(tmp_path, change))
    assert done.exit_code == 0
    assert "2 of 2 visible checks, 5 of 5 points so far, bonus 0 of 5;" in done.output
    assert "  ○ double  0 of 5 bonus  not begun" in done.output


def test_cells_run_beside_the_notebook_and_download_nothing(tmp_path: Path):
    (tmp_path / "given.py").write_text("two = 2")

    def change(cells):
        cells[1].source += "\nimport os\nfrom given import two"
        cells[5].source = "assert two == 2\nassert os.environ['NBGRADER_EXECUTION'] == 'validate'"

    assert byhand_check(notebook(tmp_path, change)).exit_code == 0


def test_a_cell_that_runs_for_ever_is_stopped_and_the_rest_goes_on(tmp_path: Path):
    def change(cells):
        cells[2].source = "while True:\n    pass"

    said, passed = fresh_run.check_notebook(notebook(tmp_path, change), SECONDS)
    assert not passed
    assert said.splitlines()[:3] == [
        f"the cell double ran longer than {SECONDS} s and was stopped.",
        "2 of 3 visible checks, 5 of 10 points so far; hidden cases decide the rest",
        "  ✗ double  0 of 5",
    ]


STUBBORN = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (STUBBORN, f"the cell double ran longer than {SECONDS} s and cannot be stopped."),
        (
            "import os\nos._exit(1)",
            "the Python process ended at the cell double: it or a cell before it calls exit(), "
            "or there was not enough memory.",
        ),
        (
            "import sys, byhand\ndel byhand.check\nsys.modules['byhand.check'] = None",
            "there is no scoreboard: ModuleNotFoundError: import of byhand.check halted",
        ),
    ],
)
def test_where_there_is_no_scoreboard_one_line_says_why(tmp_path: Path, source: str, said: str):
    def change(cells):
        cells[2].source = source

    path = notebook(tmp_path, change)
    with pytest.raises(CourseError) as caught:
        fresh_run.check_notebook(path, SECONDS)
    assert str(caught.value).startswith(f"{path}: {said}")
    assert "\n" not in str(caught.value)


MARKED = '{"nbgrader": {"grade": true, "grade_id": "test_x"}}'
CELL = '{"cell_type": "code", "id": "a", "source": "1", "outputs": [], "execution_count": null'
NOTEBOOK = '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": '


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be opened: No such file or directory."),
        ("", "not a notebook. Take an earlier copy of it."),
        ("{", "not a notebook. Take an earlier copy of it."),
        ("[1, 2]", "not a notebook. Take an earlier copy of it."),
        ('{"nbformat": "x"}', "not a notebook. Take an earlier copy of it."),
        (NOTEBOOK + "[1]}", "not a notebook. Take an earlier copy of it."),
        ("\x89PNG\r\n", "not a notebook. Take an earlier copy of it."),
        (NOTEBOOK + "[]}", "not the notebook of an assignment: it has no checks."),
        (NOTEBOOK + f'[{CELL}, "metadata": {{}}}}]}}', "not the notebook of an assignment:"),
        (NOTEBOOK + f'[{CELL}, "metadata": {MARKED}}}]}}', "nbgrader's marks in it are damaged."),
    ],
)
def test_a_file_that_is_no_assignment_is_one_line(tmp_path: Path, content: str | None, said: str):
    path = tmp_path / "tiny.ipynb"
    if content is not None:
        path.write_text(content, encoding="latin-1")
    done = byhand_check(path)
    assert done.exit_code == 1
    message = str(done.exception)
    assert message.startswith(f"byhand: {path}: {said}")
    assert "\n" not in message
