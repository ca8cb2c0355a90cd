"""Carries out experiments next to the student's classes."""

import linecache
import sys
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np

from byhand.check import probes, rules
from byhand.check.experiment import Experiment, Failure, Outcome, Ref, Step, Tensor, plain
from byhand.check.timelimit import TimeLimit, time_limit

TIME_LIMIT = 10.0  # seconds for one experiment
NUMPY_WARNS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
PACKAGE = str(Path(__file__).parents[1])


class TorchUsed(Exception):
    """A solution called PyTorch."""


class MissingName(Exception):
    """The experiment calls something that the student has not defined."""


class Runner(Protocol):
    """Something that can carry out an experiment and knows the text of the student's code."""

    def run(self, experiment: Experiment) -> list[Outcome]: ...

    def program(self, name: str) -> rules.Program: ...


class LocalRunner:
    """Runs in this process: the student's own notebook.

    names: what the experiment may call, by name; seconds: the time limit of an experiment;
    guard: whether calls of PyTorch are faults.
    """

    def __init__(self, names: dict[str, Any], seconds: float = TIME_LIMIT, guard: bool = True):
        self.names = names
        self.seconds = seconds
        self.guard = guard

    def run(self, experiment: Experiment) -> list[Outcome]:
        """One Outcome for each step, in order. The global generators are left as they were."""
        before = np.random.get_state()
        np.random.seed(experiment.seed)
        session = _Session(self.names, min(self.seconds, experiment.seconds), experiment.tensors)
        around = _with_torch(experiment) if experiment.tensors else self._torch_guard()
        try:
            with around, np.errstate(**NUMPY_WARNS):
                session.run(experiment.steps)
        finally:
            np.random.set_state(before)
        return session.outcomes

    def _torch_guard(self) -> AbstractContextManager:
        """While it is on, every call of a PyTorch function raises TorchUsed."""
        if not self.guard or "torch" not in sys.modules:
            return nullcontext()
        from torch.overrides import TorchFunctionMode

        class Guard(TorchFunctionMode):
            def __torch_function__(self, function, types, args=(), kwargs=None):
                raise TorchUsed(f"torch.{getattr(function, '__name__', function)}")

        return Guard()

    def program(self, name: str) -> rules.Program:
        """The text of the cells in which `name` and what it uses were defined."""
        return rules.program_of(self.names[name])


@contextmanager
def _with_torch(experiment: Experiment) -> Iterator[None]:
    """PyTorch with the experiment's seed, and with or without autograd."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(experiment.seed)
        with nullcontext() if experiment.autograd else _no_autograd():
            yield


@contextmanager
def _no_autograd() -> Iterator[None]:
    """PyTorch records nothing, and torch.func, which would do so all the same, raises."""
    import torch

    as_is = [lambda tensor: tensor] * 2  # torch.func refuses to work where such hooks are set
    with torch.inference_mode(), torch.autograd.graph.saved_tensors_hooks(*as_is):
        yield


@dataclass(frozen=True)
class Elsewhere:
    """Stands for something of the student's in another process: its name, and who can run it.

    A function can be called as if it were here: data goes there, data comes back.
    """

    name: str
    runner: Runner

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the student's function returns. Raises AssertionError if it returns nothing."""
        experiment = Experiment()
        experiment.call(self.name, *args, **kwargs)
        [outcome] = self.runner.run(experiment)
        if outcome.failure is not None:
            raise AssertionError(f"{self.name}: {outcome.failure}")
        return outcome.value


def reach(subject: Any) -> tuple[str, Runner]:
    """The name under which an experiment calls the subject, and the runner that knows it.

    Raises TypeError, with one line to show, if the subject is no class or function.
    """
    if isinstance(subject, Elsewhere):
        return subject.name, subject.runner
    name = getattr(subject, "__name__", None)
    if not callable(subject) or not isinstance(name, str):
        raise TypeError(
            f"the check was called with {type(subject).__name__} {subject!r:.40} where a class "
            f"or function belongs: run the cell that defines it"
        )
    return name, LocalRunner({name: subject})


class _Session:
    """The student's side of one experiment: results by step, arrays that must not change."""

    def __init__(self, names: dict[str, Any], seconds: float, tensors: bool):
        self.names = names
        self.seconds = seconds
        self.tensors = tensors
        self.results: list[Any] = []
        self.outcomes: list[Outcome] = []
        self.originals: dict[int, np.ndarray] = {}

    def run(self, steps: list[Step]) -> None:
        try:
            with time_limit(self.seconds):
                for step in steps:
                    self._carry_out(step)
        except TimeLimit:
            late = Failure("time", message=f"stopped after {self.seconds:g} s, the time limit")
            self._end(Outcome(failure=late))
        while len(self.outcomes) < len(steps):
            self._end(Outcome(failure=Failure("skipped", message="not tried after the time limit")))

    def _carry_out(self, step: Step) -> None:
        broken = next((r for r in _refs(step) if self.outcomes[r.index].failure), None)
        if broken is not None:
            cause = self.outcomes[broken.index].failure
            message = cause.message if cause.kind == "skipped" else f"not tried: {cause}"
            self._end(Outcome(failure=Failure("skipped", message=message)))
            return
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = self._act(step)
                value, failure = plain(result, self.tensors), None
            except NotImplementedError as error:
                result, value, failure = None, None, Failure("unwritten", where=_last_name(error))
            except MissingName as error:
                result, value, failure = None, None, Failure("missing", message=str(error))
            except TorchUsed as error:
                message = f"calls PyTorch ({error}); a solution is NumPy and SciPy only"
                result, value, failure = None, None, Failure("torch", message=message)
            except Exception as error:  # noqa: BLE001 - whatever the student's code raises is data
                failure = Failure("raised", type(error).__name__, _text(error), _where(error))
                result = value = None
        said = tuple(dict.fromkeys(str(w.message) for w in caught))
        self._end(Outcome(value, failure, self._changed(), said), result)

    def _act(self, step: Step) -> Any:
        args = [self._resolve(value) for value in step.args]
        kwargs = {key: self._resolve(value) for key, value in step.kwargs.items()}
        match step.op:
            case "put":
                if isinstance(step.target, Tensor):
                    value = self._resolve(step.target)
                else:
                    value = plain(step.target)
                if isinstance(step.target, np.ndarray | Tensor):
                    self.originals[len(self.results)] = np.array(_numbers(value))
                return value
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
        if name.startswith("probes."):
            return getattr(probes, name.removeprefix("probes."))
        if name not in self.names:
            raise MissingName(f"{name} is not defined: its cell was not run, or it failed")
        return self.names[name]

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self.results[value.index]
        if isinstance(value, list | tuple):
            return type(value)(self._resolve(item) for item in value)
        if isinstance(value, Tensor):
            import torch

            return torch.from_numpy(np.array(value.array))
        return np.array(value) if isinstance(value, np.ndarray) else value

    def _changed(self) -> tuple[int, ...]:
        """Which kept arrays the step has changed; they get their values back."""
        changed = []
        for index, original in self.originals.items():
            if index < len(self.results):
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

    def _end(self, outcome: Outcome, result: Any = None) -> None:
        self.outcomes.append(outcome)
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
