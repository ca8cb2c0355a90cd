"""Carries out experiments next to the student's classes."""

import linecache
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np

from byhand.protocol.experiment import Experiment, Failure, Ref, Step, StepResult, Tensor, plain
from byhand.protocol.source_text import Program, program_of
from byhand.protocol.time_limit import TimeLimit, time_limit

TIME_LIMIT = 10.0  # seconds for one experiment
FIXTURES = "fixtures."  # before the name of something that the checker brings
NUMPY_WARNS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
PACKAGE = str(Path(__file__).parents[1])


class TorchUsed(Exception):
    """A solution called PyTorch."""


class Told(Exception):
    """An error of the checker's whose message says everything."""


class MissingName(Told):
    """The experiment calls something that the student has not defined."""


class Runner(Protocol):
    """Something that can carry out an experiment and knows the text of the student's code."""

    def run(self, experiment: Experiment) -> list[StepResult]: ...

    def program(self, name: str) -> Program: ...


class LocalRunner:
    """Runs in this process: the student's own notebook, or the student's kernel.

    names, fixtures: what the experiment may call, by name: the student's, and the checker's;
    tensors: what knows PyTorch, for experiments in which tensors cross (byhand.check.tensors);
    guard: stands around all others; seconds: the time limit of an experiment.
    """

    def __init__(
        self,
        names: Mapping[str, Any],
        fixtures: Mapping[str, Any],
        tensors: Any = None,
        guard: Callable[[], AbstractContextManager] = nullcontext,
        seconds: float = TIME_LIMIT,
    ):
        self.names, self.fixtures, self.tensors = names, fixtures, tensors
        self.guard, self.seconds = guard, seconds

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
            self._end(StepResult(failure=late))
        while len(self.done) < len(self.steps):
            skipped = Failure("skipped", message="not tried after the time limit")
            self._end(StepResult(failure=skipped))

    def _carry_out(self, step: Step) -> None:
        broken = next((r for r in _refs(step) if self.done[r.index].failure), None)
        if broken is not None:
            cause = self.done[broken.index].failure
            message = cause.message if cause.kind == "skipped" else f"not tried: {cause}"
            self._end(StepResult(failure=Failure("skipped", message=message)))
            return
        result = value = failure = None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = self._act(step)
                value = plain(result, self.read)
            except NotImplementedError as error:
                failure = Failure("unwritten", where=_last_name(error))
            except Told as error:
                failure = Failure("missing", message=str(error))
            except TorchUsed as error:
                message = f"calls PyTorch ({error}); a solution is NumPy and SciPy only"
                failure = Failure("torch", message=message)
            except Exception as error:  # noqa: BLE001 - whatever the student's code raises is data
                failure = Failure("raised", type(error).__name__, _text(error), _where(error))
        said = tuple(dict.fromkeys(str(w.message) for w in caught))
        self._end(StepResult(value, failure, self._changed(), said), None if failure else result)

    def _act(self, step: Step) -> Any:
        args = [self._resolve(value) for value in step.args]
        kwargs = {key: self._resolve(value) for key, value in step.kwargs.items()}
        match step.op:
            case "put":
                value = step.target
                value = self._resolve(value) if isinstance(value, Tensor) else plain(value)
                if isinstance(step.target, np.ndarray | Tensor):
                    self.originals[len(self.results)] = np.array(_numbers(value))
                return value
            case "find":
                return self._named(step.target)
            case "call":
                return self._named(step.target)(*args, **kwargs)
            case "method":
                return getattr(self._resolve(step.target), step.name)(*args, **kwargs)
            case "get":
                return getattr(self._resolve(step.target), step.name)
            case "set":
                return setattr(self._resolve(step.target), step.name, *args)
            case "read":
                return self._resolve(step.target)
            case "collect":
                items = iter(self._resolve(step.target))
                return [item for item, _ in zip(items, range(*args), strict=False)]
        raise ValueError(f"an experiment has no step {step.op!r}")

    def _named(self, name: str) -> Any:
        if name.startswith(FIXTURES):
            return self.runner.fixtures[name.removeprefix(FIXTURES)]
        if name not in self.runner.names:
            raise MissingName(f"{name} is not defined: its cell was not run, or it failed")
        return self.runner.names[name]

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self.results[value.index]
        if isinstance(value, list | tuple):
            return type(value)(self._resolve(item) for item in value)
        if isinstance(value, Tensor):
            return self.runner.tensors.make(value.array)
        return np.array(value) if isinstance(value, np.ndarray) else value

    def _changed(self) -> tuple[int, ...]:
        """Which kept arrays the step has changed; they get their values back."""
        changed = []
        for index, original in self.originals.items():
            if index >= len(self.results):
                continue
            kept = self.results[index]
            numbers = _numbers(kept)
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

    def _end(self, step_result: StepResult, result: Any = None) -> None:
        self.done.append(step_result)
        self.results.append(result)


def _numbers(kept: Any) -> np.ndarray:
    """The numbers of an array, or of a tensor, where they are; none if NumPy cannot read them."""
    if isinstance(kept, np.ndarray):
        return kept
    try:
        return kept.detach().numpy()
    except (TypeError, RuntimeError):  # made sparse, bfloat16 or the like by the student's code
        return np.empty(0)


def _refs(step: Step) -> Iterator[Ref]:
    pending = [step.target, *step.args, *step.kwargs.values()]
    while pending:
        value = pending.pop()
        if isinstance(value, Ref):
            yield value
        elif isinstance(value, list | tuple):
            pending.extend(value)


def _text(error: BaseException) -> str:
    try:
        return str(error).strip().split("\n")[0][:300]
    except Exception:  # noqa: BLE001 - a student's __str__ may raise anything
        return "(its message cannot be printed)"


def _where(error: BaseException) -> str:
    """' (line 7: ...)': the last line of the traceback that is the student's own."""
    place, trace = "", error.__traceback__
    while isinstance(trace, TracebackType):
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith((PACKAGE, sys.prefix, sys.base_prefix)):
            line = linecache.getline(file, trace.tb_lineno).strip()
            inside = trace.tb_frame.f_code.co_name
            place = f" (in {inside}, line {trace.tb_lineno}" + (f": {line})" if line else ")")
        trace = trace.tb_next
    return place


def _last_name(error: BaseException) -> str:
    """The function that raised."""
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_name
