"""What a recipe is: a submission made from the released notebook, and what it has to score."""

import json
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

NOTEBOOK = "small.ipynb"
FULL = {"linear": 4.0, "relu": 3.0, "mse_loss": 2.0, "sgd": 3.0}
NOTHING = dict.fromkeys(FULL, 0.0)

# A line of each right solution, before which a recipe puts what it wants to have run.
HEADS = {
    "linear": "y = x @ self.weight.T",
    "relu": "return np.maximum(x, ",
    "mse_loss": "return float(((prediction",
    "sgd": "pairs = zip(",
}


@dataclass(frozen=True)
class World:
    """Where the machine that grades keeps what students must not see.

    course: its folder; home: of the user who grades; port: a TCP listener on its loopback;
    socket: the name of an abstract Unix socket that listens.
    """

    course: Path
    home: Path
    port: int
    socket: str


class Sheet:
    """The released notebook with the right solutions filled in, for a recipe to spoil.

    nb: the notebook; right: task -> solution cell; files: what else is handed in, by path; a Path
    as content stands for a symbolic link to it. An entry NOTEBOOK takes the notebook's place.
    """

    def __init__(self, released: str, right: dict[str, str], world: World):
        self.nb = nbformat.reads(released, as_version=4)
        self.right, self.world = right, world
        self.files: dict[str, bytes | Path] = {}
        for task, source in right.items():
            self.write(task, source)

    def cell(self, grade_id: str) -> NotebookNode:
        """The cell that nbgrader knows by this name."""
        return self.nb.cells[self.index(grade_id)]

    def index(self, grade_id: str) -> int:
        """The place of that cell in the notebook."""
        marks = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in self.nb.cells]
        return marks.index(grade_id)

    def write(self, task: str, source: str) -> None:
        """Fill in a solution cell."""
        self.cell(task).source = source

    def average(self) -> None:
        """Solve linear wrongly: the gradient of the bias is averaged over the batch."""
        right, wrong = "grad_output.sum(axis=0)", "grad_output.mean(axis=0)"
        assert right in self.right["linear"]
        self.write("linear", self.right["linear"].replace(right, wrong))

    def inside(self, task: str, code: str) -> None:
        """Let code run at the beginning of the graded method of a task; the rest stays right."""
        source, head = self.right[task], " " * 8 + HEADS[task]
        assert source.count(head) == 1, f"{task}: the solution has no line {head!r}"
        body = textwrap.indent(code.strip("\n"), " " * 8)
        self.write(task, source.replace(head, f"{body}\n{head}"))

    def add(self, code: str, before: str = "linear") -> None:
        """Put a cell of the student's own into the notebook."""
        number = sum(cell.id.startswith("own-") for cell in self.nb.cells)
        cell = nbformat.v4.new_code_cell(code.strip("\n"), id=f"own-{number}")
        self.nb.cells.insert(self.index(before), cell)

    def json(self) -> dict[str, Any]:
        """The notebook as plain JSON, for what nbformat would not write."""
        return json.loads(nbformat.writes(self.nb))

    def hand_in(self, content: bytes | str | dict) -> None:
        """Hand in these bytes, this text or this JSON as the notebook."""
        if isinstance(content, dict):
            content = json.dumps(content)
        self.files[NOTEBOOK] = content.encode() if isinstance(content, str) else content

    def content(self) -> dict[str, bytes | Path]:
        """Everything that is handed in, by path."""
        written = {} if self.nb is None else {NOTEBOOK: nbformat.writes(self.nb).encode()}
        return written | self.files


@dataclass(frozen=True)
class Cause:
    """What went wrong, as a pattern for the outcome's word, and the tasks that it touched."""

    words: str
    tasks: tuple[str, ...] = ()


UNREADABLE = (Cause("unreadable notebook", tuple(FULL)),)


def without(*tasks: str) -> dict[str, float]:
    """Full marks for all tasks but these."""
    return FULL | dict.fromkeys(tasks, 0.0)


@dataclass(frozen=True)
class Recipe:
    """A submission and what has to come of it.

    name: also the student's; about: what it does; make: spoils the sheet; scores: task -> points;
    causes: what the outcome names; repairs: words that the outcome's repairs contain; both None
    where more than one way is right; unseen: what outputs and feedback page must not contain.
    """

    name: str
    kind: str
    about: str
    make: Callable[[Sheet], None]
    scores: dict[str, float] = field(default_factory=FULL.copy)
    causes: tuple[Cause, ...] | None = ()
    repairs: tuple[str, ...] | None = ()
    unseen: tuple[str, ...] = ()
