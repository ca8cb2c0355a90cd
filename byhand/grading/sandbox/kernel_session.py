"""The student's side as the judge sees it: a kernel that may die, hang, lie or flood.

Whatever happens to it ends in outputs, outcomes and a cause, never in an exception.
"""

import json
import queue
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from nbformat import NotebookNode
from nbformat.v4 import new_output, output_from_msg

from byhand.grading.sandbox.kernel import Limits, connect, start_kernel
from byhand.grading.sandbox.student_side import TARGET
from byhand.protocol.experiment import Experiment, Failure, StepResult
from byhand.protocol.source_text import Program, program_of_cells
from byhand.protocol.wire import WireError, pack_experiment, unpack_outcomes

POLL = 0.1  # seconds between looks whether the kernel is alive
GRACE = 2.0  # seconds for an interrupted kernel to answer, and for an answer past its own limit
MESSAGE_COST = 256  # bytes that a message counts beyond its content
LARGEST_MESSAGE = 64 * 2**20  # bytes; ZeroMQ drops a kernel that sends a larger one
MOST_CUT = 100  # outputs that are shown of a cell that was cut off
OUTPUTS = {"stream", "display_data", "execute_result", "error"}


@dataclass(frozen=True)
class Allowed:
    """What a submission may use up: seconds, and bytes of output.

    output_bytes: what is kept of a submission's output, and what one cell or experiment may send.
    """

    limits: Limits
    cell_seconds: float = 30
    experiment_seconds: float = 10
    submission_seconds: float = 300
    output_bytes: int = 5 * 2**20
    sandbox: bool = True
    torch: bool = False


class LostError(Exception):
    """The kernel cannot be used any more; the text is the cause."""


@dataclass
class KernelSession:
    """A runner of experiments, and of cells, in a kernel of its own.

    files: the folder with the submission; causes: what went wrong, with the cell where it did.
    """

    files: Path
    allowed: Allowed
    causes: list[tuple[str, str]] = field(default_factory=list)
    peak_memory: int = 0

    def __post_init__(self):
        self.at = ""  # the grade_id of the cell at work
        self.began = time.monotonic()
        self.room = self.to_keep = self.allowed.output_bytes
        self.cell_ran_at: str | None = None  # where the kernel last ran a cell, and nothing since
        self.done: list[str] = []  # cells to run again in a new kernel
        self.cells: list[str] = []  # all cells, for the rules
        self.kernel = None

    def __enter__(self) -> "KernelSession":
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def run_cell(self, source: str) -> list[NotebookNode]:
        """Run one of the student's cells; its outputs."""
        self.cells.append(source)
        outputs: list[NotebookNode] = []
        try:
            self._ready()
            self._execute(source, outputs)
        except LostError as lost:
            self._lose(str(lost))
            outputs = [*outputs[:MOST_CUT], _error(str(lost))]
        else:
            self.done.append(source)
            self.cell_ran_at = self.at
        return self._kept(outputs)

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
            self.causes.append(("time limit", self.at))
        return outcomes

    def _kept(self, outputs: list[NotebookNode]) -> list[NotebookNode]:
        """As many of the outputs as there is room for in the graded notebook."""
        kept = []
        for output in outputs:
            self.to_keep -= len(str(output))
            if self.to_keep < 0 and output.output_type != "error":
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
        if self.kernel is not None:
            return
        self._seconds_left()
        self.kernel = start_kernel(
            self.files, self.allowed.limits, self.allowed.torch, self.allowed.sandbox
        )
        self.kernel.context.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
        self.client = connect(self.kernel)
        again, self.done = self.done, []
        for source in again:
            try:
                self._execute(source, [])
            except LostError as lost:
                self._lose(str(lost))
                return self._ready()
            self.done.append(source)

    def _blame_last_cell(self) -> None:
        """The kernel died after a cell had ended: that cell is not run again."""
        at, here = self.cell_ran_at, self.at
        if at is not None:
            self.done.pop()
            self.at = at
        self._lose(self._why_dead())
        self.at = here

    def _execute(self, source: str, outputs: list[NotebookNode]) -> None:
        """Run source; the outputs so far are there even if it is cut off. Raises LostError."""

        def keep(message: dict) -> None:
            if message["msg_type"] in OUTPUTS:
                outputs.append(output_from_msg(message))

        self.room = self.allowed.output_bytes
        identity = self.client.execute(source, allow_stdin=False, stop_on_error=False)
        try:
            self._listen(identity, self._deadline(self.allowed.cell_seconds), keep)
        except TimeoutError:
            self.causes.append(("time limit", self.at))
            self.kernel.interrupt_kernel()
            try:
                self._listen(identity, time.monotonic() + GRACE, keep)
            except TimeoutError:
                raise LostError("time limit") from None

    def _exchange(self, experiment: Experiment) -> list[StepResult]:
        """Send an experiment and wait for its outcomes. Raises LostError."""
        self.room, self.cell_ran_at = self.allowed.output_bytes, None
        head, arrays = pack_experiment(experiment)
        head["time limit"] = limit = self._limit(experiment)
        comm = uuid.uuid4().hex
        answers: list[list] = []

        def keep(message: dict) -> None:
            if message["msg_type"] == "comm_msg" and message["content"].get("comm_id") == comm:
                answers.append(message["buffers"])

        session, socket = self.client.session, self.client.shell_channel.socket
        content = {"comm_id": comm, "target_name": TARGET, "data": {}}
        message = session.msg("comm_open", content)
        session.send(socket, message, buffers=[json.dumps(head).encode(), *arrays])
        deadline = self._deadline(limit + GRACE)
        try:
            self._listen(message["header"]["msg_id"], deadline, keep)
        except TimeoutError:
            raise LostError("time limit") from None
        try:
            packed, *buffers = answers[0]
            return unpack_outcomes(json.loads(bytes(packed)), buffers, len(experiment.steps))
        except (IndexError, WireError, ValueError, RecursionError) as error:
            raise LostError("unreadable answer") from error

    def _limit(self, experiment: Experiment) -> float:
        return min(experiment.seconds, self.allowed.experiment_seconds)

    def _listen(self, identity: str, deadline: float, keep: Callable[[dict], None]) -> None:
        """Take messages until the kernel is idle again. Raises TimeoutError or LostError."""
        for message in self._messages(deadline):
            if message["parent_header"].get("msg_id") != identity:
                continue
            if message["msg_type"] == "status":
                if message["content"].get("execution_state") == "idle":
                    return
            else:
                keep(message)
        raise TimeoutError

    def _messages(self, deadline: float) -> Iterator[dict]:
        """Messages of the kernel until the deadline. Raises LostError."""
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self.client.get_iopub_msg(timeout=min(left, POLL))
                size = len(str(message["content"])) + sum(map(len, message["buffers"]))
            except queue.Empty:
                if not self.kernel.is_alive():
                    raise LostError(self._why_dead()) from None
                continue
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise LostError("unreadable answer") from error
            if message["msg_type"] != "comm_msg":
                self.room -= size + MESSAGE_COST
            if self.room < 0:
                raise LostError("too much output")
            yield message

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
        """Note the cause once for the cell at work and drop the kernel."""
        if (cause, self.at) not in self.causes:
            self.causes.append((cause, self.at))
        self._drop()

    def _drop(self) -> None:
        self.cell_ran_at = None
        if self.kernel is not None:
            self.client.stop_channels()
            self.kernel.stop()
            self.peak_memory = max(self.peak_memory, self.kernel.peak_memory() or 0)
            self.kernel = None


def _error(cause: str) -> NotebookNode:
    text = f"This cell was stopped: {cause}."
    return new_output("error", ename="Stopped", evalue=text, traceback=[text])
