"""Carries out experiments next to the student's classes."""

import ast
import builtins
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path
from types import FrameType
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
from byhand.protocol.source_text import Program, expression_at, program_of
from byhand.protocol.time_limit import TimeLimit, time_limit

TIME_LIMIT = 10.0  # seconds for one experiment
IDLE = "put", "find", "read"  # operations in which no code of the student's runs
LONGEST = 300  # characters of an error's message
FIXTURES = "fixtures."  # before the name of something that the checker brings
NUMPY_WARNS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
# Where code comes from that is not the student's.
ELSEWHERE = str(Path(__file__).parents[1]), sys.prefix, sys.base_prefix, "<frozen"
# Errors about shapes, of NumPy and PyTorch; what they say of generalised functions tells nobody.
UNFIT = re.compile("broadcast|dimension|shapes? |size|aligned|axes|same number of")
GUFUNC = re.compile("Input operand .*gufunc.*|operands could not be broadcast together.*")


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
        idle = step.op in IDLE
        with nullcontext([]) if idle else warnings.catch_warnings(record=True) as caught:
            if not idle:
                warnings.simplefilter("always")
            try:
                result = self._act(step)
                value = plain(result, self.read)
            except Exception as error:  # noqa: BLE001 - whatever the student's code raises is data
                failure = _failure(error)
        said = tuple(dict.fromkeys([str(w.message) for w in caught]))
        changed = () if idle else self._changed()
        self.done.append(StepResult(value, failure, changed, said))
        if step.op == "put" and isinstance(step.target, np.ndarray | Tensor):
            self.originals[len(self.results)] = np.array(_numbers(result))
        self.results.append(result)

    def _act(self, step: Step) -> Any:
        kwargs = {key: self._resolve(value) for key, value in step.kwargs.items()}
        args = [self._resolve(value) for value in step.args]
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
        if isinstance(value, np.ndarray):
            return np.array(value)
        if isinstance(value, list | tuple):
            return type(value)([self._resolve(item) for item in value])
        if isinstance(value, Tensor):
            return self.runner.tensors.make(value.array)
        return self.runner.ask(value) if isinstance(value, Given) else value

    def _changed(self) -> tuple[int, ...]:
        """Which kept arrays the step has changed; they get their values back."""
        changed = []
        for index, original in self.originals.items():
            numbers = _numbers(kept := self.results[index])
            fits = numbers.shape == original.shape and numbers.dtype == original.dtype
            if fits and (
                numbers.tobytes() == original.tobytes() or np.array_equal(numbers, original)
            ):
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
    found = sys.exc_info()[2]
    frames, trace = [f for f, _ in traceback.walk_tb(found)], traceback.extract_tb(found)
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
    text, places = _text(error), zip(frames, trace, strict=False)
    own = [place for place in places if not place[1].filename.startswith(ELSEWHERE)]
    kinds = {kind.__name__: kind for kind in type(error).__mro__}
    kinds = [name for name, kind in kinds.items() if getattr(builtins, name, None) is kind]
    raised = partial(Failure, "raised", type(error).__name__, caught_by=" ".join(kinds))
    if not own:
        return raised(text)
    frame, last = own[-1]
    if UNFIT.search(text) and (shapes := _shapes(frame, last)):
        text = f"{GUFUNC.sub('the shapes do not fit', text).strip()}: {shapes}"
    where = f" (in {last.name}, line {last.lineno}" + (f": {last.line})" if last.line else ")")
    return raised(text, where)


def _text(error: BaseException) -> str:
    try:
        return str(error).strip().split("\n")[0][:LONGEST]
    except Exception:  # noqa: BLE001 - a student's __str__ may raise anything
        return "(its message cannot be printed)"


def _shapes(frame: FrameType, place: traceback.FrameSummary) -> str:
    """'x (5, 4), self.weight (3, 4)': the arrays named where it failed.

    Those of the expression; where these are not two, those of the line: x[:] = y fails at x[:].
    """
    found: dict[str, tuple[int, ...]] = {}
    for columns in ((place.colno, place.end_colno), (0, None)):
        if len(found) < 2:
            positions = place.lineno, place.end_lineno, *columns
            found |= _arrays(expression_at(place.filename, positions).strip(), frame)
    return ", ".join(f"{name} {shape}" for name, shape in found.items())[:LONGEST]


def _arrays(text: str, frame: FrameType) -> dict[str, tuple[int, ...]]:
    """What a piece of a frame's code names, if it is an array or a tensor, and its shape."""
    todo, found = [], {}
    with suppress(SyntaxError):
        todo = [ast.parse(text)]
    while todo:
        node = todo.pop(0)
        if shape := _shape(node, frame):
            found[ast.unparse(node)] = shape
        else:
            todo = [*ast.iter_child_nodes(node), *todo]
    return found


def _shape(node: ast.AST, frame: FrameType) -> tuple[int, ...]:
    """The shape of an array, or tensor, that has a name or is an attribute; () for all else."""
    path = []
    while isinstance(node, ast.Attribute):
        path.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ()
    try:
        value = (frame.f_globals | frame.f_locals)[node.id]
        for name in reversed(path):
            value = getattr(value, name)
        return tuple(value.shape) if isinstance(value.shape, tuple) else ()
    except Exception:  # noqa: BLE001 - attributes of the student's may be anything
        return ()
