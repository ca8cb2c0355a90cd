"""Carries out experiments next to the student's classes."""

import sys
import traceback
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from byhand.protocol.experiment import (
    OPERATIONS,
    Experiment,
    Failure,
    Given,
    Ref,
    Step,
    StepResult,
    Tensor,
    plain,
)
from byhand.protocol.source_text import Program, program_of
from byhand.protocol.time_limit import TimeLimit, time_limit

TIME_LIMIT = 10.0  # seconds for one experiment
FIXTURES = "fixtures."  # before the name of something that the checker brings
NUMPY_WARNS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
# Where code comes from that is not the student's.
ELSEWHERE = str(Path(__file__).parents[1]), sys.prefix, sys.base_prefix, "<frozen"


class TorchUsed(Exception):
    """A solution called PyTorch."""


class Told(Exception):
    """An error of the checker's whose message says everything."""


class NotTried(Exception):
    """A step needs the result of one that failed; the argument is that one's Failure."""


class Runner(Protocol):
    """Something that can carry out an experiment and knows the text of the student's code."""

    def run(self, experiment: Experiment) -> list[StepResult]: ...

    def program(self, name: str) -> Program: ...


class LocalRunner:
    """Runs in this process: the student's own notebook, or the student's kernel.

    names, fixtures: what the experiment may call, by name: the student's, and the checker's;
    tensors: what knows PyTorch, for experiments in which tensors cross (byhand.check.tensors);
    guard: stands around all others; seconds: the time limit of an experiment; ask: what stands for
    a Given.
    """

    def __init__(
        self,
        names: Mapping[str, Any],
        fixtures: Mapping[str, Any],
        tensors: Any = None,
        guard: Callable[[], AbstractContextManager] = nullcontext,
        seconds: float = TIME_LIMIT,
        ask: Callable[[Given], Callable] = lambda given: given,
    ):
        self.names, self.fixtures, self.tensors = names, fixtures, tensors
        self.guard, self.seconds, self.ask = guard, seconds, ask

    def run(self, experiment: Experiment) -> list[StepResult]:
        """One StepResult for each step, in order. The global generator is left as it was."""
        before = np.random.get_state()
        np.random.seed(experiment.seed)
        session = _Session(self, experiment)
        around = self.tensors.around(experiment) if experiment.tensors else self.guard()
        try:
            with around, np.errstate(**NUMPY_WARNS):
                session.run()
        finally:
            np.random.set_state(before)
        return session.done

    def program(self, name: str) -> Program:
        """The text of the cells in which `name` and what it uses were defined."""
        return program_of(self.names[name])


class _Session:
    """The student's side of one experiment: results by step, arrays that must not change."""

    def __init__(self, runner: LocalRunner, experiment: Experiment):
        self.runner, self.steps = runner, experiment.steps
        self.seconds = min(runner.seconds, experiment.seconds)
        self.read = runner.tensors.read if experiment.tensors else None
        self.results: list[Any] = []
        self.done: list[StepResult] = []
        self.originals: dict[int, np.ndarray] = {}

    def run(self) -> None:
        try:
            with time_limit(self.seconds):
                for step in self.steps:
                    self._carry_out(step)
        except TimeLimit:
            late = Failure("time", message=f"stopped after {self.seconds:g} s, the time limit")
            self.done.append(StepResult(failure=late))
        skipped = Failure("skipped", message="not tried after the time limit")
        self.done += [StepResult(failure=skipped)] * (len(self.steps) - len(self.done))

    def _carry_out(self, step: Step) -> None:
        result = value = failure = None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = self._act(step)
                value = plain(result, self.read)
            except Exception as error:  # noqa: BLE001 - whatever the student's code raises is data
                failure = _failure(error)
        said = tuple(dict.fromkeys(str(w.message) for w in caught))
        self.done.append(StepResult(value, failure, self._changed(), said))
        if step.op == "put" and isinstance(step.target, np.ndarray | Tensor):
            self.originals[len(self.results)] = np.array(_numbers(result))
        self.results.append(result)

    def _act(self, step: Step) -> Any:
        kwargs = {key: self._resolve(value) for key, value in step.kwargs.items()}
        args = self._resolve(step.args)
        named = step.op in ("find", "call")
        target = self._named(step.target) if named else self._resolve(step.target)
        return OPERATIONS[step.op](target, *args, **kwargs)

    def _named(self, name: str) -> Any:
        if name.startswith(FIXTURES):
            return self.runner.fixtures[name.removeprefix(FIXTURES)]
        if name not in self.runner.names:
            raise Told(f"{name} is not defined: its cell was not run, or it failed")
        return self.runner.names[name]

    def _resolve(self, value: Any) -> Any:
        """Results for Refs, tensors for Tensors, copies of arrays. Raises NotTried."""
        if isinstance(value, Ref):
            if (failure := self.done[value.index].failure) is not None:
                raise NotTried(failure)
            return self.results[value.index]
        if isinstance(value, list | tuple):
            return type(value)(map(self._resolve, value))
        if isinstance(value, Tensor):
            return self.runner.tensors.make(value.array)
        if isinstance(value, Given):
            return self.runner.ask(value)
        return np.array(value) if isinstance(value, np.ndarray) else value

    def _changed(self) -> tuple[int, ...]:
        """Which kept arrays the step has changed; they get their values back."""
        changed = []
        for index, original in self.originals.items():
            numbers = _numbers(kept := self.results[index])
            fits = numbers.shape == original.shape and numbers.dtype == original.dtype
            if fits and np.array_equal(numbers, original):
                continue
            changed.append(index)
            if fits:
                numbers[...] = original
            else:
                again = original if isinstance(kept, np.ndarray) else Tensor(original)
                self.results[index] = self._resolve(again)
        return tuple(changed)


def _numbers(kept: Any) -> np.ndarray:
    """The numbers of an array, or of a tensor, where they are; none if NumPy cannot read them."""
    if isinstance(kept, np.ndarray):
        return kept
    try:
        return kept.detach().numpy()
    except (TypeError, RuntimeError):  # made sparse, bfloat16 or the like by the student's code
        return np.empty(0)


def _failure(error: Exception) -> Failure:
    """What the error means for the step that it ended."""
    trace = traceback.extract_tb(sys.exc_info()[2])
    match error:
        case NotTried(args=[cause]):
            needed = cause.message if cause.kind == "skipped" else f"not tried: {cause}"
            return Failure("skipped", message=needed)
        case NotImplementedError():
            return Failure("unwritten", where=trace[-1].name)
        case Told():
            return Failure("missing", message=str(error))
        case TorchUsed():
            message = f"calls PyTorch ({error}); a solution is NumPy and SciPy only"
            return Failure("torch", message=message)
    return Failure("raised", type(error).__name__, _text(error), _where(trace))


def _text(error: BaseException) -> str:
    try:
        return str(error).strip().split("\n")[0][:300]
    except Exception:  # noqa: BLE001 - a student's __str__ may raise anything
        return "(its message cannot be printed)"


def _where(trace: traceback.StackSummary) -> str:
    """' (in forward, line 7: ...)': the last line of the traceback that is the student's own."""
    own = [frame for frame in trace if not frame.filename.startswith(ELSEWHERE)]
    if not own:
        return ""
    last = own[-1]
    return f" (in {last.name}, line {last.lineno}" + (f": {last.line})" if last.line else ")")
