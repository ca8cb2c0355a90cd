"""Experiments and outcomes as JSON and bytes, to cross between processes.

JSON holds the structure; an array crosses as its dtype, its shape and a buffer of bytes. Whoever
unpacks trusts nothing: what is not of this form is a WireError.
"""

import re
from typing import Any

import numpy as np

from byhand.protocol.experiment import (
    MAX_ITEMS,
    Experiment,
    Failure,
    Opaque,
    Ref,
    Step,
    StepResult,
    Tensor,
)

DTYPE = re.compile(r"[<>|=]?[biufc][0-9]{1,2}")
OPERATIONS = frozenset({"put", "find", "call", "method", "get", "set", "read", "collect"})
KINDS = frozenset({"raised", "unwritten", "time", "torch", "missing", "skipped"})
MAX_TEXT = 2_000  # characters of a message
MAX_DEPTH = 8


class WireError(ValueError):
    """What came over the wire is no experiment, or no outcome of one."""


def pack_experiment(experiment: Experiment) -> tuple[dict, list[bytes]]:
    """The experiment as JSON and buffers."""
    buffers: list[bytes] = []
    steps = [
        [
            step.op,
            _pack(step.target, buffers),
            step.name,
            _pack(step.args, buffers),
            _pack(step.kwargs, buffers),
        ]
        for step in experiment.steps
    ]
    head = {"seed": experiment.seed, "steps": steps}
    return head | {"tensors": experiment.tensors, "autograd": experiment.autograd}, buffers


def unpack_experiment(packed: Any, buffers: list) -> Experiment:
    """The experiment again. Raises WireError."""
    try:
        steps = [
            Step(
                op,
                _unpack(target, buffers),
                name,
                tuple(_unpack(args, buffers)),
                _unpack(kwargs, buffers),
            )
            for op, target, name, args, kwargs in packed["steps"]
        ]
        how = bool(packed["tensors"]), bool(packed["autograd"])
        experiment = Experiment(steps, int(packed["seed"]), *how)
    except (TypeError, KeyError, ValueError, IndexError) as error:
        raise WireError(f"no experiment: {error}") from error
    if not all(step.op in OPERATIONS for step in steps):
        raise WireError("no experiment: an unknown step")
    return experiment


def pack_outcomes(outcomes: list[StepResult]) -> tuple[dict, list[bytes]]:
    """Outcomes as JSON and buffers."""
    buffers: list[bytes] = []
    packed = []
    for outcome in outcomes:
        failure = outcome.failure
        packed.append(
            {
                "value": _pack(outcome.value, buffers),
                "failure": failure and [failure.kind, failure.type, failure.message, failure.where],
                "changed": list(outcome.changed),
                "warnings": list(outcome.warnings)[:MAX_ITEMS],
            }
        )
    return {"outcomes": packed}, buffers


def unpack_outcomes(packed: Any, buffers: list, count: int) -> list[StepResult]:
    """`count` outcomes again, every one of them plain data. Raises WireError."""
    try:
        outcomes = [_outcome(item, buffers) for item in packed["outcomes"]]
    except (TypeError, KeyError, ValueError, IndexError, AttributeError) as error:
        raise WireError(f"no outcomes: {error}"[:MAX_TEXT]) from error
    if len(outcomes) != count:
        raise WireError(f"{len(outcomes)} outcomes for {count} steps")
    return outcomes


def _outcome(item: dict, buffers: list) -> StepResult:
    failure = None
    if item["failure"] is not None:
        kind, *texts = item["failure"]
        if kind not in KINDS or len(texts) != 3:
            raise WireError(f"no failure of kind {kind!r:.40}")
        failure = Failure(kind, *(str(text)[:MAX_TEXT] for text in texts))
    return StepResult(
        value=_unpack(item["value"], buffers),
        failure=failure,
        changed=tuple(int(index) for index in item["changed"]),
        warnings=tuple(str(text)[:MAX_TEXT] for text in item["warnings"][:MAX_ITEMS]),
    )


def _pack(value: Any, buffers: list[bytes]) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case np.ndarray() if value.flags.fnc:  # laid out column by column: so it arrives
            return {"transposed": _pack(value.T, buffers)}
        case np.ndarray():
            buffers.append(np.ascontiguousarray(value).tobytes())
            return {"array": [value.dtype.str, list(value.shape), len(buffers) - 1]}
        case Tensor():
            return {"tensor": _pack(value.array, buffers)}
        case Ref():
            return {"ref": value.index}
        case Opaque():
            return {"opaque": value.type}
        case list():
            return [_pack(item, buffers) for item in value]
        case tuple():
            return {"tuple": [_pack(item, buffers) for item in value]}
        case dict():
            return {"dict": {key: _pack(item, buffers) for key, item in value.items()}}
    raise WireError(f"a {type(value).__name__} is no data")


def _unpack(packed: Any, buffers: list, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise WireError("nested too deeply")
    if packed is None or isinstance(packed, bool | int | float | str):
        return packed
    if isinstance(packed, list):
        return [_unpack(item, buffers, depth + 1) for item in packed]
    if isinstance(packed, dict) and len(packed) == 1:
        [(tag, content)] = packed.items()
        match tag:
            case "array":
                return _array(*content, buffers)
            case "transposed":
                return _array(*content["array"], buffers).T
            case "tensor":
                array = _unpack(content, buffers, depth + 1)
                if not isinstance(array, np.ndarray):
                    raise WireError("no tensor")
                return Tensor(array)
            case "ref":
                return Ref(int(content))
            case "opaque":
                return Opaque(str(content)[:200])
            case "tuple":
                return tuple(_unpack(item, buffers, depth + 1) for item in content)
            case "dict":
                return {str(k): _unpack(item, buffers, depth + 1) for k, item in content.items()}
    raise WireError("no value")


def _array(dtype: str, shape: list[int], index: int, buffers: list) -> np.ndarray:
    """An array of its own; its size is that of the buffer, whatever the shape claims."""
    if not DTYPE.fullmatch(dtype) or not all(type(size) is int and size >= 0 for size in shape):
        raise WireError("no array")
    return np.frombuffer(bytes(buffers[index]), dtype=np.dtype(dtype)).reshape(shape).copy()
