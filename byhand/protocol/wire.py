"""Experiments and outcomes as JSON and bytes, to cross between processes.

JSON holds the structure; an array crosses as its dtype, its shape and a buffer of bytes. Whoever
unpacks trusts nothing: what is not of this form is a WireError.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from typing import Any

import numpy as np

from byhand.protocol.experiment import (
    OPERATIONS,
    Experiment,
    Failure,
    Given,
    Opaque,
    Ref,
    Step,
    StepResult,
    Tensor,
    plain,
)

DTYPE = re.compile(r"[<>|=]?[biufc][0-9]{1,2}")
KINDS = frozenset("raised unwritten time torch missing skipped".split())
MAX_TEXT, MAX_WARNINGS = 2_000, 10_000  # characters of a message; messages of a step
MAX_DEPTH = 8
PLAIN = type(None), bool, int, float, str  # what crosses as it is; text that came is cleaned


class WireError(ValueError):
    """What came over the wire is no experiment, or no outcome of one."""


def pack_experiment(experiment: Experiment) -> tuple[dict, list[bytes]]:
    """The experiment as JSON and buffers."""
    buffers: list[bytes] = []
    steps = []
    for number, (op, target, args, kwargs) in enumerate(experiment.steps):
        step = [op, _pack(target, buffers, number)]
        if args or kwargs:
            step.append([_pack(arg, buffers) for arg in args])
        if kwargs:
            step.append({key: _pack(arg, buffers) for key, arg in kwargs.items()})
        steps.append(step)
    how = {name: getattr(experiment, name) for name in ("seed", "tensors", "autograd")}
    return {"steps": steps, **how}, buffers


def unpack_experiment(packed: Any, buffers: list) -> Experiment:
    """The experiment again. Raises WireError."""
    with _wire_errors("experiment"):
        steps = [_step(buffers, *step) for step in packed["steps"]]
        how = bool(packed["tensors"]), bool(packed["autograd"])
        return Experiment(steps, int(packed["seed"]), *how)


def pack_outcomes(outcomes: list[StepResult]) -> tuple[dict, list[bytes]]:
    """Outcomes as JSON and buffers."""
    buffers: list[bytes] = []
    packed = []
    for value, failure, changed, warnings in outcomes:
        item = {"value": _pack(value, buffers)}
        if failure:
            item["failure"] = astuple(failure)
        if changed:
            item["changed"] = changed
        if warnings:
            item["warnings"] = warnings[:MAX_WARNINGS]
        packed.append(item)
    return {"outcomes": packed}, buffers


def unpack_outcomes(packed: Any, buffers: list, count: int) -> list[StepResult]:
    """`count` outcomes again, every one of them plain data. Raises WireError."""
    with _wire_errors("outcomes"):
        outcomes = [_outcome(buffers, **item) for item in packed["outcomes"]]
    if len(outcomes) != count:
        raise WireError(f"{len(outcomes)} outcomes for {count} steps")
    return outcomes


def answer(steps: list[Step], question: dict, buffers: list) -> tuple[dict, list[bytes]]:
    """What a Given says to outcomes of one step, the arguments, packed. Raises WireError."""
    [asked] = unpack_outcomes(question, buffers, 1)
    with _wire_errors("question"):
        given, args = steps[question["asks"]].target, asked.value
        if not isinstance(given, Given) or not isinstance(args, list):
            raise WireError("nobody is asked")
    try:
        return pack_outcomes([StepResult(plain(given(*args)))])
    except Exception as error:  # noqa: BLE001 - an argument may be anything
        failure = Failure("raised", type(error).__name__, str(error))
        return pack_outcomes([StepResult(failure=failure)])


@contextmanager
def _wire_errors(what: str) -> Iterator[None]:
    """Turns what goes wrong in unpacking into a WireError."""
    try:
        yield
    except (TypeError, LookupError, ValueError, AttributeError, OverflowError) as error:
        raise WireError(f"no {what}: {error}"[:MAX_TEXT]) from error


def _step(buffers: list, op: str, target: Any, args: list = (), kwargs: Any = ()) -> Step:
    if op not in OPERATIONS:
        raise WireError("an unknown step")
    args = tuple([_unpack(arg, buffers) for arg in args])
    kwargs = {key: _unpack(arg, buffers) for key, arg in dict(kwargs).items()}
    return Step(op, _unpack(target, buffers), args, kwargs)


def _outcome(
    buffers: list, value: Any, failure: Any = None, changed: Any = (), warnings: Any = ()
) -> StepResult:
    value = _unpack(value, buffers)
    if failure is not None:
        kind, *texts = failure
        if kind not in KINDS or len(texts) != 4:
            raise WireError(f"no failure of kind {kind!r:.40}")
        failure = Failure(kind, *(clean(str(text)[:MAX_TEXT]) for text in texts))
    changed = tuple(int(index) for index in changed)
    warnings = tuple(clean(str(text)[:MAX_TEXT]) for text in warnings[:MAX_WARNINGS])
    return StepResult(value, failure, changed, warnings)


def _pack(value: Any, buffers: list[bytes], number: int = -1) -> Any:
    """number: of the step whose target the value is."""
    if isinstance(value, PLAIN):
        return value
    match value:  # the most frequent first
        case Ref():
            return {"ref": value.index}
        case np.ndarray():
            order = "F" if value.flags.fnc else "C"  # laid out column by column: so it arrives
            buffers.append(value.tobytes(order))
            return {"array": [value.dtype.str, value.shape, order, len(buffers) - 1]}
        case list():
            return [_pack(item, buffers) for item in value]
        case tuple():
            return {"tuple": [_pack(item, buffers) for item in value]}
        case dict():
            return {"dict": {key: _pack(item, buffers) for key, item in value.items()}}
        case Tensor():
            return {"tensor": _pack(value.array, buffers)}
        case Given():
            return {"given": number}
        case Opaque():
            return {"opaque": value.type}
    raise WireError(f"a {type(value).__name__} is no data")


def _unpack(packed: Any, buffers: list, depth: int = 0) -> Any:
    if isinstance(packed, PLAIN):
        return clean(packed) if isinstance(packed, str) else packed
    if (depth := depth + 1) > MAX_DEPTH:
        raise WireError("nested too deeply")
    if isinstance(packed, list):
        return [_unpack(item, buffers, depth) for item in packed]
    [(kind, content)] = packed.items()
    match kind, content:
        case "ref", _:
            return Ref(int(content))
        case "array", [dtype, shape, order, index]:
            if not DTYPE.fullmatch(dtype) or not all(type(n) is int and n >= 0 for n in shape):
                raise WireError("no array")
            # An array of its own. Its size is that of the buffer, whatever the shape claims, and no
            # buffer serves twice: what is unpacked is no larger than what came.
            buffer, buffers[index] = memoryview(buffers[index]), None
            return np.frombuffer(buffer, dtype).reshape(shape, order=order).copy("K")
        case "tensor", _:
            if not isinstance(array := _unpack(content, buffers, depth), np.ndarray):
                raise WireError("no tensor")
            return Tensor(array)
        case "given", _:
            return Given(int(content))
        case "opaque", _:
            return Opaque(clean(str(content)[:200]))
        case "tuple", _:
            return tuple([_unpack(item, buffers, depth) for item in content])
        case "dict", _:
            pairs = content.items()
            return {clean(str(key)): _unpack(item, buffers, depth) for key, item in pairs}
    raise WireError("no value")


def clean(text: str) -> str:
    """The text without what no file and no page can hold: halves of characters, zero bytes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
