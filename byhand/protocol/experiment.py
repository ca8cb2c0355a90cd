"""An experiment: plain steps to be carried out beside a student's code, and what came of each.

What crosses to the student's side and back is data: arrays, numbers, strings, None, and lists or
dicts of these. Everything else stays there, and a `Ref` names it.
"""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

MAX_ITEMS = 10_000  # of a list or dict, characters of a string
LARGEST = 2**63  # no integer of NumPy's is larger


@dataclass(frozen=True)
class Ref:
    """What step number `index` of the same experiment returned, on the student's side."""

    index: int


@dataclass(frozen=True, eq=False)
class Given:
    """A function of the checker's, to be put on the student's side: called there, answered here.

    So nothing that the student's code can look into gives its values away. Arrays go in, data comes
    out, and it may raise ValueError. asked: the shape of the first argument of each call.
    """

    function: Callable[..., Any]
    asked: list[tuple[int, ...]] = field(default_factory=list)

    def __call__(self, *args: Any) -> Any:
        arrays = [np.asarray(arg) for arg in args]
        self.asked.append(arrays[0].shape)
        return self.function(*arrays)


@dataclass(frozen=True)
class Tensor:
    """A PyTorch tensor as data; on the student's side it becomes one, if the experiment allows."""

    array: np.ndarray


@dataclass(frozen=True)
class Opaque:
    """A value that is no data; only the name of its type crosses."""

    type: str


@dataclass(frozen=True)
class Failure:
    """Why a step has no value.

    kind: "raised", "unwritten" (NotImplementedError), "time", "torch", "missing" (no such name)
    or "skipped" (it needed a step that failed); where: the line of the student's code, or for
    "unwritten" the method; caught_by: the built-in exceptions that an error is one of, by name.
    """

    kind: str
    type: str = ""
    message: str = ""
    where: str = ""
    caught_by: str = ""

    def __str__(self) -> str:
        if self.kind == "unwritten":
            return f"{self.where} is not implemented yet"
        if self.kind != "raised":
            return self.message
        return f"raised {self.type}{': ' if self.message else ''}{self.message}{self.where}"


class StepResult(NamedTuple):
    """What came of a step: a value or a failure; the `put` arrays it changed; its warnings."""

    value: Any = None
    failure: Failure | None = None
    changed: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()


# What is done with the target of a step, and with the arguments.
OPERATIONS: dict[str, Callable] = {
    "put": lambda value: value,
    "find": lambda named: named,
    "call": operator.call,
    "method": lambda owner, name, /, *args, **kwargs: getattr(owner, name)(*args, **kwargs),
    "get": getattr,
    "set": setattr,
    "read": lambda result: result,
    "collect": lambda items, most: list(islice(items, most)),
}


class Step(NamedTuple):
    """op: one of OPERATIONS; target: a value for "put", a name for "find" and "call", or a Ref."""

    op: str
    target: Any
    args: tuple = ()
    kwargs: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it


@dataclass
class Experiment:
    """A list of steps. Every method adds one and returns the Ref of its result.

    seed: of the student's random numbers; tensors: whether PyTorch's tensors cross, as Tensor;
    autograd: False has PyTorch record nothing, so that it cannot give gradients; seconds: a time
    limit of its own, where it is shorter than the runner's.
    """

    steps: list[Step] = field(default_factory=list)
    seed: int = 0
    tensors: bool = False
    autograd: bool = True
    seconds: float = math.inf

    def put(self, value: Any) -> Ref:
        """Keep a value on the student's side, to hand the very same object to several calls."""
        return self._add("put", value)

    def find(self, name: str) -> Ref:
        """A class or function itself, by its name."""
        return self._add("find", name)

    def call(self, name: str, *args: Any, **kwargs: Any) -> Ref:
        """Call a class or function by its name."""
        return self._add("call", name, args, kwargs)

    def method(self, ref: Ref, name: str, *args: Any, **kwargs: Any) -> Ref:
        """Call a method of an earlier result."""
        return self._add("method", ref, (name, *args), kwargs)

    def get(self, ref: Ref, name: str) -> Ref:
        """Read an attribute."""
        return self._add("get", ref, (name,))

    def set(self, ref: Ref, name: str, value: Any) -> Ref:
        """Set an attribute."""
        return self._add("set", ref, (name, value))

    def read(self, ref: Ref) -> Ref:
        """The present value of an earlier result, which may have changed since."""
        return self._add("read", ref)

    def collect(self, ref: Ref, most: int) -> Ref:
        """Iterate over an earlier result, `most` items at the most."""
        return self._add("collect", ref, (most,))

    def _add(self, *step: Any) -> Ref:
        self.steps.append(Step(*step))
        return Ref(len(self.steps) - 1)


def plain(value: Any, read: Callable[[Any], np.ndarray | None] | None = None) -> Any:
    """The value as data: arrays copied, NumPy scalars as 0-d arrays, tuples as lists.

    read: gives the numbers of a tensor, and None for anything else; without it tensors are no data.
    Anything that is not data, an array of objects or of a subclass included, is an Opaque.
    """
    if read is not None and (array := read(value)) is not None:
        return Tensor(array)
    value = np.asarray(value) if isinstance(value, np.generic) else value
    kind, inner = type(value), partial(plain, read=read)
    if kind is np.ndarray:
        fine = value.dtype.kind in "biufc"
        return np.array(value) if fine else Opaque(f"numpy.ndarray of dtype {value.dtype}")
    if value is None or kind in (bool, float) or (kind is int and abs(value) < LARGEST):
        return value
    if kind in (str, list, tuple, dict) and len(value) <= MAX_ITEMS:
        if kind is str:
            return value
        if kind is not dict:
            return list(map(inner, value))
        if all(type(key) is str for key in value):
            return {key: inner(item) for key, item in value.items()}
    home = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return Opaque(f"{home}{kind.__name__}")
