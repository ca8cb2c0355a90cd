"""`byhand handin`: packs what an assignment needs into one file that the instructor can collect."""

import getpass
import json
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path

from byhand import sorting
from byhand.checkpoints import CheckpointError, History, read_checkpoint
from byhand.grading.submission.names import why_not
from byhand.grading.submission.reading import UnreadableError, submitted_cells

# What is handed in beside the notebook: what its cells have trained or measured.
TRAINED = {
    "1-autograd": [],
    "2-backprop": [],
    "3-layers": [],
    "4-optimizers": ["mnist_mlp.npz"],
    "5-convnet": ["mnist_convnet.npz", "comparison.json"],
    "6-attention": ["sorter.npz"],
}

MNIST = "MNIST"  # what counts, as data.mnist() calls it


class HandInError(Exception):
    """What keeps an assignment from being handed in; one line that says how to fix it."""

    def _render_traceback_(self) -> list[str]:
        return [f"HandInError: {self}"]


def hand_in(
    assignment: str,
    student: str = "",
    anyway: bool = False,
    tell: Callable[[str], object] = print,
) -> None:
    """Write <student>_<assignment>.zip beside the notebook, all of it or nothing.

    The notebook is looked for in the current folder, in the assignment's, and in release/. It is
    read, not run: what can only be known by running it is a note, not an error.

    student: the name that the instructor knows; empty: of the account on this machine;
    anyway: hand in although a file that training writes is missing or damaged; tell: is called
    with each line of what was found. Raises HandInError; an earlier file is kept then.
    """
    notebook, student = _notebook(assignment), _student(student)
    files, notes = {notebook: f"saved {_when(notebook)}"}, list(_unshown(notebook, assignment))
    for name in TRAINED[assignment]:
        path = notebook.with_name(name)
        try:
            files[path] = _weights(path, notes) if path.suffix == ".npz" else _comparison(path)
        except (CheckpointError, HandInError) as error:
            if not anyway:
                without = f"To hand in without it: `byhand handin {assignment} --anyway`."
                raise HandInError(f"{error} {without}") from error
            notes.append(str(error))
        else:
            if path.stat().st_mtime > notebook.stat().st_mtime:
                notes.append(f"{name} is newer than the saved notebook: run what follows and save.")
    target = notebook.with_name(f"{student}_{assignment}.zip")
    _write(target, list(files))
    tell(f"{target}: hand in this file.")
    for path, what in files.items():
        tell(f"  {path.name:20} {what}")
    for note in notes:
        tell(f"  note: {note}")
    tell(f"  Not {student}? byhand handin {assignment} --student NAME")


def _student(name: str) -> str:
    """The student's name, of the account if it is empty. Raises HandInError."""
    try:
        name = name or os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (OSError, KeyError, ImportError) as error:  # an account without a name
        raise HandInError("Say who you are: `--student NAME`.") from error
    why = "it has a slash" if set(name) & set("/\\") else why_not(name)
    if why:
        raise HandInError(f"No submission can be called {name!r}: {why}.")
    return name


def _notebook(assignment: str) -> Path:
    """The notebook, readable and the assignment's. Raises HandInError."""
    if assignment not in TRAINED:
        close = get_close_matches(assignment, TRAINED, n=1, cutoff=0.3)
        known = f"Did you mean {close[0]}?" if close else f"There are {', '.join(TRAINED)}."
        raise HandInError(f"There is no assignment {assignment!r}. {known}")
    name = assignment.partition("-")[2] + ".ipynb"
    places = [Path(), Path(assignment), Path("release", assignment)]
    path = next((place / name for place in places if (place / name).is_file()), None)
    if path is None:
        stem = Path(name).stem
        alike = [path.name for path in Path().glob("*.ipynb") if stem in path.stem.lower()]
        fix = f"Rename {alike[0]} to {name}." if alike else "Change to the folder that it is in."
        raise HandInError(f"{name} is not in {Path.cwd()}. {fix}")
    try:
        cells = submitted_cells(path)
    except UnreadableError as error:
        raise HandInError(
            f"{path} {error}. Open it in JupyterLab and save it, or take an older copy from "
            ".ipynb_checkpoints."
        ) from error
    except OSError as error:
        raise HandInError(f"{path} cannot be read: {error.strerror}.") from error
    if not any(cell.grade_id for cell in cells):
        raise HandInError(f"{path} has none of the assignment's cells: is it another notebook?")
    return path


def _weights(path: Path, notes: list[str]) -> str:
    """What a checkpoint holds, in words. Raises CheckpointError."""
    found = read_checkpoint(path)
    if found.data not in (MNIST, sorting.NAME):
        notes.append(f"{path.name} was trained on {found.data}, and counts on {MNIST}.")
    return f"{len(found.history.seconds)} epochs on {found.data}"


def _comparison(path: Path) -> str:
    """What comparison.json holds, in words. Raises HandInError."""
    fix = "Delete it, run the cell that compares optimizers, and look at its curves."
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        runs = {name: History(**lists) for name, lists in found["runs"].items()}
    except FileNotFoundError as error:
        raise HandInError(f"{path} is missing: run the cell that compares optimizers.") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise HandInError(f"{path} is not what the notebook writes. {fix}") from error
    if not runs:
        raise HandInError(f"{path} holds no run. {fix}")
    return f"{len(runs)} runs: {', '.join(runs)}"


def _unshown(path: Path, assignment: str) -> Iterator[str]:
    """Which checks that read a trained file the saved notebook does not show to have passed."""
    for cell in json.loads(path.read_bytes()).get("cells", []):
        try:
            name, source = cell["metadata"]["nbgrader"]["grade_id"], "".join(cell["source"])
            failed = not cell["outputs"] or any("ename" in output for output in cell["outputs"])
            named = [file for file in TRAINED[assignment] if f'"{file}"' in source]
        except (KeyError, TypeError):
            continue  # no test cell
        if named and failed and str(name).startswith("test_"):
            yield (
                f"{name} has not passed in the saved notebook: {named[0]} may be of another "
                "network. Run all cells, look at the card, save."
            )


def _when(path: Path) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(path.stat().st_mtime))


def _write(target: Path, files: list[Path]) -> None:
    """Zip the files. Raises HandInError; what stood at target is kept then."""
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".handin-") as scratch:
            part = Path(scratch) / target.name
            with zipfile.ZipFile(
                part, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False
            ) as archive:
                for path in files:
                    archive.write(path, path.name)
            os.replace(part, target)
    except OSError as error:
        raise HandInError(f"{target} cannot be written: {error.strerror or error}.") from error
