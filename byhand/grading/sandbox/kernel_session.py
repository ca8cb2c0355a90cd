"""The student's side as the judge sees it: a kernel that may die, hang, lie or flood.

Whatever happens to it ends in outputs, outcomes and a cause, never in an exception.
"""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from byhand.grading.sandbox.kernel import Limits, start_kernel
from byhand.grading.sandbox.readable import Reader
from byhand.protocol.channel import FrameError, LargeFrameError
from byhand.protocol.experiment import Experiment, Failure, Step, StepResult
from byhand.protocol.source_text import Program, program_of_cells
from byhand.protocol.wire import WireError, answer, clean, pack_experiment, unpack_outcomes

GRACE = 2.0  # seconds for an interrupted kernel to answer, and for an answer past its own limit
MESSAGE_COST = 256  # bytes that a message counts beyond its content
MOST_CUT = 100  # outputs that are shown of a cell that was cut off
MOST_OF_ERROR = 20_000  # characters that are shown of an error


@dataclass(frozen=True)
class Allowed:
    """What a submission may use up: seconds, and bytes of output.

    own_seconds: for the cells of the student's own together, so that tasks have the rest;
    output_bytes: what is kept of a submission's output, and what one cell or experiment may send;
    torch, hidden, autograd: as for start_kernel().
    """

    limits: Limits
    cell_seconds: float = 30
    experiment_seconds: float = 10
    submission_seconds: float = 300
    own_seconds: float = 100
    output_bytes: int = 5 * 2**20
    rung: str = "bubblewrap"
    torch: bool = False
    hidden: tuple[str, ...] = ()
    autograd: bool = True


class LostError(Exception):
    """The kernel cannot be used any more; the text is the cause."""


@dataclass
class KernelSession:
    """A runner of experiments, and of cells, in a kernel of its own.

    files: the submission's, by their paths; causes: what went wrong, with the cell where it did.
    """

    files: dict[str, bytes]
    allowed: Allowed
    causes: list[tuple[str, str]] = field(default_factory=list)
    peak_memory: int = 0

    def __post_init__(self):
        self.at = ""  # the grade_id of the cell at work
        self.began = time.monotonic()
        self.to_keep = self.allowed.output_bytes
        self.cell_ran_at: str | None = None  # where the kernel last ran a cell, and nothing since
        self.done: list[tuple[str, bool]] = []  # cells to run again in a new kernel, own or not
        self.own_left = self.allowed.own_seconds
        self.cells: list[str] = []  # all cells that can be read, for the rules
        self.reader = Reader()
        self.kernel, self.starting = None, False

    def __enter__(self) -> "KernelSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def run_cell(self, source: str, own: bool = False) -> list[NotebookNode]:
        """Run one of the student's cells; its outputs. own: it belongs to no task."""
        if self.reader.reads(source):
            self.cells.append(source)
        else:
            self._blame("text too long to read")
        return self._kept(self.outputs(source, own))

    def outputs(self, source: str, own: bool) -> list[NotebookNode]:
        """Those of run_cell, all of them; the text is not kept for the rules."""
        outputs: list[NotebookNode] = []
        try:
            self._ready()
            if self._execute(source, outputs, own):
                self._blame("time limit")
        except LostError as lost:
            self._lose(str(lost))
            outputs = [*outputs[:MOST_CUT], _error(str(lost))]
        else:
            self.done.append((source, own))
            self.cell_ran_at = self.at
        return outputs

    def run(self, experiment: Experiment) -> list[StepResult]:
        """Carry an experiment out; if the kernel is lost on the way, every step has failed."""
        try:
            self._ready()
            outcomes = self._exchange(experiment)
        except LostError as lost:
            self._lose(str(lost))
            failure = Failure("time", message=f"stopped: {lost}")
            return [StepResult(failure=failure) for _ in experiment.steps]
        late = any(o.failure is not None and o.failure.kind == "time" for o in outcomes)
        if late and self._limit(experiment) == self.allowed.experiment_seconds:
            self._blame("time limit")
        return outcomes

    def _kept(self, outputs: list[NotebookNode]) -> list[NotebookNode]:
        """As many of the outputs as there is room for in the graded notebook."""
        kept = []
        for output in outputs:
            self.to_keep -= len(str(output))
            if self.to_keep < 0:
                return [*kept, _error("too much output to show")]
            kept.append(output)
        return kept

    def program(self, name: str) -> Program:
        """The text of all of the student's cells."""
        return program_of_cells(self.cells)

    def _ready(self) -> None:
        """A kernel with all earlier cells run. Raises LostError if there can be none."""
        if self.kernel is not None and not self.kernel.is_alive():
            self._blame_last_cell()
        if self.kernel is None:
            self._seconds_left()
            self.start()
        if not self.starting:
            return
        self.kernel.wait_until_ready()
        self.starting = False
        again, self.done = self.done, []
        for place, (source, own) in enumerate(again, start=1):
            try:
                self._execute(source, [], own)
            except LostError as lost:
                self._lose(str(lost))
                self.done += again[place:]
                return self._ready()
            self.done.append((source, own))

    def start(self) -> None:
        """Start a kernel, which gets ready by itself."""
        how = self.allowed
        self.kernel = start_kernel(
            self.files, how.limits, how.torch, how.rung, how.hidden, how.autograd
        )
        self.starting = True

    def _blame_last_cell(self) -> None:
        """The kernel died after a cell had ended: that cell is not run again."""
        at, here = self.cell_ran_at, self.at
        if at is not None:
            self.done.pop()
            self.at = at
        self._lose(self._why_dead())
        self.at = here

    def _execute(self, source: str, outputs: list[NotebookNode], own: bool) -> bool:
        """Run source; the outputs so far are there even if it is cut off. Raises LostError.

        Returns whether it took all its time.
        """
        if own and self.own_left <= 0:
            self._blame("time limit of own cells")
            outputs.append(_error("the time for cells of your own is used up"))
            return False
        began, seconds = time.monotonic(), self.allowed.cell_seconds
        end = self._deadline(min(seconds, self.own_left) if own else seconds)
        try:
            self._ask({"cell": source, "seconds": end - began}, [], end + GRACE, outputs)
        finally:
            self.own_left -= time.monotonic() - began if own else 0
        return time.monotonic() >= end

    def _exchange(self, experiment: Experiment) -> list[StepResult]:
        """Send an experiment and wait for its outcomes. Raises LostError."""
        self.cell_ran_at = None
        head, arrays = pack_experiment(experiment)
        limit = self._limit(experiment)
        deadline = self._deadline(limit + GRACE)
        steps, request = experiment.steps, {**head, "seconds": limit}
        try:
            found, buffers = self._ask(request, arrays, deadline, [], steps)
            return unpack_outcomes(found, buffers, len(steps))
        except WireError as error:
            raise LostError("unreadable answer") from error

    def _limit(self, experiment: Experiment) -> float:
        return min(experiment.seconds, self.allowed.experiment_seconds)

    def _ask(
        self, request: dict, arrays: list[bytes], deadline: float, outputs: list[NotebookNode],
        steps: list[Step] = (),
    ) -> tuple[dict, list]:  # fmt: skip
        """Send a request; until its answer comes, keep what is displayed and answer questions.

        Raises LostError.
        """
        name, room = uuid.uuid4().hex, self.allowed.output_bytes
        try:
            self.kernel.channel.send({**request, "id": name}, arrays, deadline)
            for frame, buffers in self._frames(deadline):
                if frame.get("done") == name:
                    return frame, buffers
                if "asks" in frame:
                    self.kernel.channel.send(*answer(steps, frame, buffers), deadline)
                    continue
                if (output := read_output(frame.get("output"))) is not None:
                    outputs.append(output)
                room -= len(str(frame)) + MESSAGE_COST
                if room < 0:
                    raise LostError("too much output")
        except TimeoutError:
            raise LostError("time limit") from None
        except (EOFError, OSError):
            self.kernel.wait()
            raise LostError(self._why_dead()) from None
        except (FrameError, WireError) as error:
            large = isinstance(error, LargeFrameError)
            raise LostError("too much output" if large else "unreadable answer") from error

    def _frames(self, deadline: float) -> Iterator[tuple[dict, list]]:
        """What the kernel sends. Raises TimeoutError at the deadline, EOFError, FrameError."""
        while True:
            frame, buffers = self.kernel.receive(deadline)
            if not isinstance(frame, dict):
                raise FrameError("a frame that is no object")
            yield frame, buffers

    def _deadline(self, seconds: float) -> float:
        return time.monotonic() + min(seconds, self._seconds_left())

    def _seconds_left(self) -> float:
        left = self.began + self.allowed.submission_seconds - time.monotonic()
        if left <= 0:
            raise LostError("time limit of the submission")
        return left

    def _why_dead(self) -> str:
        return "memory limit" if self.kernel.memory_limit_hit() else "killed"

    def _lose(self, cause: str) -> None:
        """Note the cause and drop the kernel."""
        self._blame(cause)
        self.drop()

    def _blame(self, cause: str) -> None:
        """Note the cause once for the cell at work."""
        if (cause, self.at) not in self.causes:
            self.causes.append((cause, self.at))

    def drop(self) -> None:
        """Stop the kernel; the next cell or experiment gets a new one."""
        self.cell_ran_at = None
        if self.kernel is not None:
            self.peak_memory = max(self.peak_memory, self.kernel.stop())
            self.kernel = None


def read_output(sent: Any) -> NotebookNode | None:
    """An output of a notebook, whatever was sent in its place; None if it is none."""
    if not isinstance(sent, dict):
        return None
    match sent:
        case {"output_type": "stream", "text": str(text)}:
            name = "stderr" if sent.get("name") == "stderr" else "stdout"
            return new_output("stream", name=name, text=clean(text))
        case {"output_type": "display_data" | "execute_result" as kind, "data": dict(data)}:
            data = {clean(k): clean(v) for k, v in data.items() if isinstance(v, str)}
            return new_output(kind, data=data)
        case {"output_type": "error"}:
            told = [str(sent.get(name, "")) for name in ("ename", "evalue")]
            lines = sent.get("traceback")
            lines = lines if isinstance(lines, list) else []
            text = clean("\n".join(map(str, lines)))[-MOST_OF_ERROR:]
            ename, evalue = (clean(word)[:MOST_OF_ERROR] for word in told)
            return new_output("error", ename=ename, evalue=evalue, traceback=text.split("\n"))
    return None


def _error(cause: str) -> NotebookNode:
    text = f"This cell was stopped: {cause}."
    return new_output("error", ename="Stopped", evalue=text, traceback=[text])
