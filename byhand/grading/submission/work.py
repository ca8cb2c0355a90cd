"""What a worker does: it runs one submission, the student's cells in a confined kernel and the test
cells in its own process.

A job holds all that is needed for that and what comes back is data, so a worker may be any process
on any machine that has the same packages.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from byhand.grading.course.notebooks import given
from byhand.grading.sandbox.bubblewrap import SandboxError
from byhand.grading.sandbox.kernel_session import Allowed
from byhand.grading.sandbox.rungs import confinement
from byhand.grading.sandbox.torch_session import open_session

ALONE = "check.speed("  # a test cell with this measures time


@dataclass(frozen=True)
class Cell:
    """A code cell to be run. task: its grade_id, empty for one of the student's own; test: whether
    it belongs to the course and is run here."""

    source: str
    task: str
    test: bool


@dataclass(frozen=True)
class Job:
    """A submission to be run.

    files: those beside the notebook, by their paths; setup: the source of the course's setup cell;
    given: of the course's given.py; entropy: of the numbers that the checks draw, one for a class.
    """

    cells: tuple[Cell, ...]
    files: dict[str, bytes]
    setup: str
    given: str
    allowed: Allowed
    entropy: int


@dataclass
class Ran:
    """How a submission went.

    outputs: of each cell of the job; causes: what went wrong, with the cell where it did; seconds;
    peak_memory, bytes; confinement: in a line; no_sandbox: why nothing was run; fault: of the
    course, with its traceback, then the rest does not count.
    """

    outputs: list[list[NotebookNode]] = field(default_factory=list)
    causes: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    peak_memory: int = 0
    confinement: str = "unknown"
    no_sandbox: str = ""
    fault: str = ""

    @property
    def why_not(self) -> str:
        """Why there are no grades, in a line; empty if there are."""
        return (self.no_sandbox or self.fault).strip().rpartition("\n")[2][:1000]


def run(job: Job) -> Ran:
    """Run a submission. Raises nothing but what is a fault of the course."""
    from byhand.grading.submission.test_cells import GradedCells  # brings PyTorch

    ran, began = Ran(), time.monotonic()
    try:
        with open_session(job.files, job.allowed) as student, given(job.given):
            tests = GradedCells(job.setup, student, job.entropy)
            for cell in job.cells:
                student.at = cell.task
                with _alone(cell.test and ALONE in cell.source) as waited:
                    student.began += waited  # nobody loses time to the others
                    ran.outputs.append(
                        tests.run(cell.source)
                        if cell.test
                        else student.run_cell(cell.source, own=not cell.task)
                    )
    except SandboxError as error:
        ran.no_sandbox = str(error)
        return ran
    ran.confinement = confinement(job.allowed.rung)
    ran.causes, ran.peak_memory = student.causes, student.peak_memory
    ran.seconds = round(time.monotonic() - began, 2)
    return ran


@contextmanager
def _alone(alone: bool) -> Iterator[float]:
    """While workers of this machine hold it, none of them measures time; one that measures waits
    for the others and they for it. The seconds waited."""
    import fcntl  # Windows has none; it grades in WSL

    began, gate, room = time.monotonic(), _lock_file("gate"), _lock_file("room")
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)  # whoever waits for the room keeps others from entering
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield time.monotonic() - began
    finally:
        os.close(gate)
        os.close(room)


def _lock_file(name: str) -> int:
    path = Path(tempfile.gettempdir(), f"byhand-{os.getuid()}-{name}")
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
