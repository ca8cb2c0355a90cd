"""The weights that students hand in beside their notebook, made by the reference solutions."""

import contextlib
import io
from pathlib import Path

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
TRAINING = "mnist-run", "sorter-run"  # the ids of the cells that train and write the files


def write_weights(
    course: Path, assignment: str, folder: Path, seed: int = 0
) -> training.History | None:
    """Run the training cell of an assignment on the data at hand; its file lies in `folder` then.

    Returns the history, or None for an assignment without such a file: nothing is done for it.
    """
    if assignment not in FILES:
        return None
    path = source_notebook(course, assignment)
    cells = read(path).cells
    [setup] = [cell.source for cell in cells if grade_id(cell) == "setup"]
    [run] = [cell.source for cell in cells if cell.id in TRAINING]
    (folder / FILES[assignment]).unlink(missing_ok=True)
    with given_beside(path):
        program = "\n\n".join([setup, *solution_cells(path).values()])
        module = module_from(program, f"byhand_trained_{path.stem}")
    module.digits = data.at_hand()
    np.random.seed(seed)
    # On a busy machine more threads wait for each other; what it shows is for notebooks.
    quiet = contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO())
    with threadpool_limits(1), contextlib.chdir(folder), quiet[0], quiet[1]:
        exec(compile(run, module.__file__, "exec"), vars(module))
    return module.run.history
