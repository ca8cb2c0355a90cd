"""check.function and check.gradient: a student's function against PyTorch's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check.compare import Suspect, changes, compare, compare_number, described
from byhand.check.random_inputs import Draw, calm, is_shape, sizes_of
from byhand.check.report import Line, Report, conclude
from byhand.check.subject import reach
from byhand.protocol.experiment import Experiment, Ref, StepResult, Tensor
from byhand.protocol.runner import Runner
from byhand.protocol.source_rules import broken_rules, has_loop

FLOATING_POINT = " encountered in "  # in NumPy's warnings of overflow and its kin
Answer = Callable[[Callable, dict[str, Any]], tuple]  # (function, its arguments) -> expected
Arguments = Mapping[str, Any] | Callable[[Draw], Mapping[str, Any]]


@calm()
def function(
    subject: Any,
    like: Callable,
    args: Arguments,
    returns: str | Sequence[str] = "result",
    *,
    loops: bool = False,
    tensors: bool = False,
    autograd: bool = True,
    quiet: bool = False,
    suspects: Mapping[str, Callable] | None = None,
    seed: int | None = None,
    called: str = "function",
) -> Report | None:
    """Hold what a function returns against what `like` returns for the same arguments.

    like: gets the arguments as PyTorch tensors; args: name -> a shape (drawn at random), a list of
    shapes, an array, or whatever else as it is; or what draws all that; returns: what comes back,
    one name or several; loops: whether the task asks for Python loops, else they are forbidden;
    tensors: whether the subject works on PyTorch tensors and may use PyTorch (and loops);
    autograd: whether it may use PyTorch's; quiet: whether a floating-point warning is a fault;
    suspects: words -> a function with the mistake that they name; called: the check that repeats
    this one. Raises CheckFailed with what was found.
    """

    def answer(of: Callable, values: dict[str, Any]) -> tuple:
        result = of(*values.values())
        return result if isinstance(result, tuple) else (result,)

    names = [returns] if isinstance(returns, str) else list(returns)
    how = _How(names, answer, loops, tensors, autograd, quiet, dict(suspects or {}))
    return _check(called, subject, like, args, how, Draw(seed))


@calm()
def gradient(
    subject: Any,
    of: Callable,
    wrt: str | Sequence[str],
    args: Arguments,
    *,
    look: str | None = None,
    tensors: bool = False,
    quiet: bool = False,
    suspects: Mapping[str, Callable] | None = None,
    seed: int | None = None,
    called: str = "gradient",
) -> Report | None:
    """Hold a hand-written gradient against PyTorch's gradient of `of` by the arguments `wrt`.

    The subject gets the arguments of `of`; then, unless `of` gives a single number, a random
    gradient of the loss by its output. It returns one gradient, or several in the order of `wrt`.
    look: the one of `wrt` that alone counts. The other arguments are those of check.function, a
    suspect being another `of`.
    """
    wanted = [wrt] if isinstance(wrt, str) else list(wrt)

    def answer(of: Callable, values: dict[str, Any]) -> tuple:
        inputs = {n: v.clone().requires_grad_() if n in wanted else v for n, v in values.items()}
        upstream = inputs.pop("grad_output", None)
        output = of(*inputs.values())
        return torch.autograd.grad(output, [inputs[name] for name in wanted], upstream)

    names = [f"gradient for {name}" for name in wanted]
    alone = None if look is None else wanted.index(look)
    how = _How(names, answer, False, tensors, False, quiet, dict(suspects or {}), of, alone)
    return _check(called, subject, of, args, how, Draw(seed))


@dataclass(frozen=True)
class _How:
    """What a function is held to.

    names: of what it returns; of: whose gradient it is, if any; alone: the number of the one
    thing returned that counts, None for all.
    """

    names: list[str]
    answer: Answer
    loops: bool
    tensors: bool
    autograd: bool
    quiet: bool
    suspects: dict[str, Callable]
    of: Callable | None = None
    alone: int | None = None

    @property
    def counted(self) -> dict[int, str]:
        """The number and the name of everything returned that counts."""
        return {n: name for n, name in enumerate(self.names) if self.alone in (None, n)}


def _check(
    check: str, subject: Any, like: Callable, args: Arguments, how: _How, draw: Draw
) -> Report | None:
    [name], runner = reach(subject)
    args = args(draw) if callable(args) else args
    values = {n: _drawn(value, draw) for n, value in args.items()}
    if how.of is not None:
        output = how.of(*_cast(values, tensors=True).values())
        if output.ndim:
            values["grad_output"] = draw.normal(tuple(output.shape))
    report = Report(f"{name}({', '.join(map(_title, values.items()))})", draw.repeat(check))
    program = runner.program(name)
    may_loop = how.loops or (how.tensors and how.of is None)
    rules = broken_rules(program, name, may_loop, how.tensors, how.autograd)
    report.lines += [Line("rules", False, rule) for rule in rules]
    for dtype in (np.float64, np.float32):
        lines = _lines(name, runner, like, _cast(values, dtype), how, draw.seed)
        if dtype is np.float32:
            for line in lines:
                line.name += " in float32"
            lines = [line for line in lines if line.ok is False] or [
                Line("the same in float32", True)
            ]
        report.lines += lines
        if not report.passed:
            return conclude(report)
    if how.loops and not has_loop(program, name):
        report.lines.append(Line("rules", False, f"{name} has no loop; this task asks for loops"))
    return conclude(report)


def _lines(
    name: str, runner: Runner, like: Callable, values: dict[str, Any], how: _How, seed: int
) -> list[Line]:
    """Call the subject once, and hold what it returns against the answer."""
    ex = Experiment(seed=seed, tensors=how.tensors, autograd=how.autograd)
    kept: dict[Ref, str] = {}
    given = [_put(ex, value, label, how.tensors, kept) for label, value in values.items()]
    result = ex.call(name, *given)
    outcome = runner.run(ex)[result.index]
    parts = _parts(outcome, len(how.names))
    if isinstance(parts, str):
        return [Line(" and ".join(how.counted.values()), False, parts)]

    def answer(of: Callable) -> list[np.ndarray]:
        expected = how.answer(of, _cast(values, tensors=True))
        return [_numbers(part) for part in expected]

    def suspects(number: int) -> list[Suspect]:
        wrong = [(words, answer(of)[number]) for words, of in how.suspects.items()]
        if "grad_output" in values:
            ones = values | {"grad_output": np.ones_like(values["grad_output"])}
            words = "grad_output is missing: the output's own part in the loss counts too."
            wrong.append((words, _numbers(how.answer(like, _cast(ones, tensors=True))[number])))
        return wrong

    batch = next((v.shape for v in values.values() if isinstance(v, np.ndarray) and v.ndim), (1,))
    lines = []
    expected = answer(like)
    for number, label in how.counted.items():
        words = {"sizes": sizes_of(batch), "suspects": partial(suspects, number)}
        lines.append(_hold(label, parts[number], expected[number], how.tensors, words))
    lines += changes([outcome], kept)
    for text in outcome.warnings[:2]:
        fault = how.quiet and FLOATING_POINT in text
        lines.append(Line("warning", False if fault else None, text))
    return lines


def _parts(outcome: StepResult, count: int) -> list[StepResult] | str:
    """What was returned, one StepResult for each of `count` things; or, in words, why it is not."""
    value = outcome.value
    if outcome.failure is not None:
        return str(outcome.failure)
    if count == 1:
        return [outcome]
    if isinstance(value, list) and len(value) == count:
        return [StepResult(part) for part in value]
    missing = " (is a `return` missing?)" if value is None else ""
    given = f"{len(value)} things" if isinstance(value, list) else described(value)
    return f"returned {given}, expected {count} things in this order{missing}"


def _hold(
    label: str, part: StepResult, expected: np.ndarray, tensors: bool, words: dict[str, Any]
) -> Line:
    """The line for one thing returned: a tensor, an array or a number."""
    value = part.value
    if isinstance(value, Tensor) and tensors:
        part = StepResult(value.array)
    elif tensors and expected.ndim:
        return Line(label, False, f"is {described(value)}, expected a PyTorch tensor")
    if expected.ndim:
        return compare(label, part, expected, **words)
    tolerance = 1e-4 if expected.dtype == np.float32 else 1e-9
    return compare_number(label, part, float(expected), tolerance=tolerance, **words)


def _numbers(value: Any) -> np.ndarray:
    return np.asarray(value.detach() if isinstance(value, torch.Tensor) else value)


def _drawn(value: Any, draw: Draw) -> Any:
    """Random numbers for a shape, or for every one of a list of shapes; else the value itself."""
    if isinstance(value, list) and all(map(is_shape, value)):
        return [draw.batch(shape) for shape in value]
    return draw.batch(value) if is_shape(value) else value


def _cast(values: dict[str, Any], dtype: type | None = None, tensors: bool = False) -> dict:
    """The arguments with their floating-point arrays in another dtype, or all arrays as tensors."""

    def one(value: Any) -> Any:
        if isinstance(value, list):
            return [one(item) for item in value]
        if not isinstance(value, np.ndarray):
            return value
        if dtype is not None and value.dtype.kind == "f":
            value = value.astype(dtype)
        return torch.from_numpy(value.copy()) if tensors else value

    return {name: one(value) for name, value in values.items()}


def _put(ex: Experiment, value: Any, label: str, tensors: bool, kept: dict[Ref, str]) -> Any:
    """Hand an argument over; what is kept in `kept` must not change."""
    if isinstance(value, list):
        return [_put(ex, item, label, tensors, kept) for item in value]
    if not isinstance(value, np.ndarray):
        return value
    ref = ex.put(Tensor(value) if tensors else value)
    kept[ref] = label
    return ref


def _title(argument: tuple[str, Any]) -> str:
    name, value = argument
    if isinstance(value, np.ndarray):
        return f"{name} of shape {value.shape}"
    return name if isinstance(value, list) else f"{name}={value!r}"
