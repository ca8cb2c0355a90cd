"""`byhand check`: a student's notebook from top to bottom in a fresh kernel, and its scoreboard."""

import logging
import os
import subprocess
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from byhand.grading.course.normal_form import SCOREBOARD, scoreboard, with_worth
from byhand.grading.course.notebooks import (
    BONUS,
    NO_NOTEBOOK,
    UNGRADED,
    CourseError,
    grade_id,
    is_test,
    read,
    tags,
)

SECONDS = 60  # for a cell
PATIENCE = 10  # seconds that a kernel has to stop when it is told to
STOPPED = "TimeLimit"
AGAIN = "Take the notebook that was handed out and copy your solutions into it."


def check_notebook(path: Path, seconds: int = SECONDS) -> tuple[str, bool]:
    """The scoreboard of a notebook as text, and whether all checks without a bonus pass."""
    shown, stopped, passed = run_notebook(path, seconds)
    lines = [f"{_named(cell)} ran longer than {seconds} s and was stopped." for cell in stopped]
    return "\n".join([*lines, shown["text/plain"]]), passed


def run_notebook(
    path: Path, seconds: int = SECONDS
) -> tuple[dict[str, str], list[NotebookNode], bool]:
    """The scoreboard of a notebook, by MIME type; the cells that took too long; whether all checks
    without a bonus pass.

    Cells run in a kernel of their own, in the notebook's folder, each for so many seconds at most.
    The file is not changed. Raises CourseError when there is nothing to show.
    """
    nb, tests = _prepared(path)
    stopped = _run(nb, path, seconds)
    shown = [out.data for out in nb.cells[-1].outputs if "data" in out]
    if not shown:
        raise CourseError(f"{path}: there is no scoreboard: {_errors(nb.cells[-1])[0]}")
    own = [cell for cell in tests if BONUS not in tags(cell)]
    return shown[0], stopped, not any(map(_errors, own))


def _prepared(path: Path) -> tuple[NotebookNode, list[NotebookNode]]:
    """The notebook, its test cells named and its scoreboard made anew; and its test cells."""
    nb = read(path)
    try:
        nb.cells = [cell for cell in nb.cells if cell.get("id") != SCOREBOARD]
        tests = [cell for cell in nb.cells if is_test(cell)]
        for cell in tests:
            cell.source = with_worth(cell)
        nb.cells.append(new_code_cell(f"from byhand import check\n{scoreboard(nb)}"))
        nb.cells.insert(0, new_code_cell("import byhand.check"))  # which watches from here on
    except NO_NOTEBOOK as error:
        raise CourseError(f"{path}: nbgrader's marks in it are damaged. {AGAIN}") from error
    if not tests:
        raise CourseError(f"{path}: not the notebook of an assignment: it has no checks. {AGAIN}")
    return nb, tests


def _run(nb: NotebookNode, path: Path, seconds: int) -> list[NotebookNode]:
    """Run the cells of a notebook in place; returns those that were stopped."""
    started: list[NotebookNode] = []
    stopped: list[NotebookNode] = []

    def executed(cell: NotebookNode, execute_reply: dict[str, Any], **_: Any) -> None:
        if execute_reply["content"].get("ename") == STOPPED:
            stopped.append(cell)

    client = NotebookClient(
        nb,
        kernel_name="python3",
        timeout_func=lambda cell: None if cell is nb.cells[0] else seconds,  # that loads PyTorch
        interrupt_on_timeout=True,
        error_on_timeout={"ename": STOPPED, "evalue": "", "traceback": []},
        iopub_timeout=PATIENCE,
        raise_on_iopub_timeout=True,
        allow_errors=True,
        skip_cells_with_tag=UNGRADED,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=lambda cell, **_: started.append(cell),
        on_cell_executed=executed,
    )
    # Its stand-in for the widget Output may miss the end of a cell: nbclient's issue 312.
    client.widget_registry = {}
    client.log = logging.Logger(__name__, logging.CRITICAL)  # what it would say is said below
    try:
        environment = os.environ | {"NBGRADER_EXECUTION": "validate"}
        client.execute(env=environment, stderr=subprocess.DEVNULL)
    except DeadKernelError as error:
        raise CourseError(
            f"{path}: the Python process ended at {_named(started[-1])}: it or a cell before it "
            "calls exit(), or there was not enough memory."
        ) from error
    except CellTimeoutError as error:
        raise CourseError(
            f"{path}: {_named(started[-1])} ran longer than {seconds} s and cannot be stopped."
        ) from error
    return stopped


def _named(cell: NotebookNode) -> str:
    name = grade_id(cell)
    return f"the cell {name}" if name else f"the cell that begins with {cell.source.strip()[:40]!r}"


def _errors(cell: NotebookNode) -> list[str]:
    """What the cell raised, in words."""
    return [f"{out.ename}: {out.evalue}" for out in cell.outputs if out.output_type == "error"]
