"""The weights that students hand in beside their notebook, made by the reference solutions."""

import ast
import contextlib
import io
from pathlib import Path
from types import ModuleType

import numpy as np
from threadpoolctl import threadpool_limits

from byhand import data, training
from byhand.grading.course.notebooks import (
    given_beside,
    grade_id,
    module_from,
    read,
    solution_cells,
    source_notebook,
)
from byhand.handin import TRAINED

FILES = {name: file for name in TRAINED for file in TRAINED[name] if file.endswith(".npz")}
# The ids of the cells that write files: the weights, and what was measured of optimizers.
TRAINING, COMPARING = ("mnist-run", "sorter-run"), ("compare-run",)
HELPERS = "why"  # the cell with the loop that the comparison uses


def write_weights(
    course: Path, assignment: str, folder: Path, seed: int = 0
) -> training.History | None:
    """Run the training cell of an assignment on the data at hand; its file lies in `folder` then.

    Returns the history, or None for an assignment without such a file: nothing is done for it.
    """
    if assignment not in FILES:
        return None
    (folder / FILES[assignment]).unlink(missing_ok=True)
    return _run(source_notebook(course, assignment), TRAINING, folder, seed).run.history


def write_comparison(course: Path, assignment: str, folder: Path) -> None:
    """Run the cell of an assignment that compares optimizers, if it has one, into `folder`."""
    if "comparison.json" in TRAINED.get(assignment, []):
        _run(source_notebook(course, assignment), COMPARING, folder, seed=0)


def _run(path: Path, which: tuple[str, ...], folder: Path, seed: int) -> ModuleType:
    """Run one of these cells of a notebook in a folder, after its setup and its solutions."""
    cells = read(path).cells
    [setup] = [cell.source for cell in cells if grade_id(cell) == "setup"]
    [run] = [cell.source for cell in cells if cell.id in which]
    with given_beside(path):
        program = "\n\n".join([setup, *solution_cells(path).values()])
        module = module_from(program, f"byhand_trained_{path.stem}")
    module.digits = data.at_hand()
    np.random.seed(seed)
    # On a busy machine more threads wait for each other; what it shows is for notebooks.
    quiet = contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO())
    defined = [ast.parse(cell.source).body for cell in cells if cell.id == HELPERS]
    kept = [n for body in defined for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    with threadpool_limits(1), contextlib.chdir(folder), quiet[0], quiet[1]:
        exec(compile(ast.Module(kept, []), "<helpers>", "exec"), vars(module))
        exec(compile(run, module.__file__, "exec"), vars(module))
    return module
