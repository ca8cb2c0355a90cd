"""Mutants that no small change of a line makes: what a solution keeps, shares or does to others.

Each is a habit, a wrapper around one function or method of a right solution. It is put on after the
program has run, so that the rules on its text read the solution as it is.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np
import torch
from mutants import Mutant

ON_THE_WAY = ("compute_output", "forward")
METHODS = (*ON_THE_WAY, "compute_grad_input", "update_grad_parameters", "backward")
DOUBLE = "float64 whatever comes in"
OBJECTS = "the first result for these very objects"
PARAMETERS = "the parameters of the first pass"
NAMES = "output", "training", "_habit"  # attributes that are not kept for the way back


@dataclass(frozen=True)
class Habit(Mutant):
    """old: what is wrapped, such as "Linear.compute_output"; new: how; source: the right cell."""

    def put_on(self, namespace: dict[str, Any]) -> None:
        """Wrap it in the namespace of a program that has run."""
        owner, _, name = self.old.rpartition(".")
        around = HABITS[self.new]
        if owner:
            setattr(namespace[owner], name, around(getattr(namespace[owner], name)))
        else:
            namespace[name] = around(namespace[name])


def habits(solution: str, tests: str) -> Iterator[Habit]:
    """Those that make a solution cell wrong, of what is named in the text of its tests."""
    for node in ast.parse(solution).body:
        if not re.search(rf"\b{getattr(node, 'name', '#')}\b", tests):
            continue
        if isinstance(node, ast.FunctionDef):
            own = [new for new in OF_CALLS if new != DOUBLE or "torch" not in solution]
            yield from (Habit(node.name, new, solution) for new in own)
        if not isinstance(node, ast.ClassDef):
            continue
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and method.name in METHODS:
                fitting = (new for new in HABITS if _fits(new, method, node))
                yield from (Habit(f"{node.name}.{method.name}", new, solution) for new in fitting)


def _fits(habit: str, method: ast.FunctionDef, owner: ast.ClassDef) -> bool:
    """Whether this method of a class can have this habit, and is wrong with it."""
    text, name = ast.unparse(owner), method.name
    returned = [node.value for node in ast.walk(method) if isinstance(node, ast.Return)]
    returns = any(value and ast.unparse(value) != "None" for value in returned)
    if not any(f"def {one}" in text for one in ON_THE_WAY):  # it has no way back
        return False
    bases, on_the_way = " ".join(map(ast.unparse, owner.bases)), name in ON_THE_WAY
    if habit in OF_CALLS:
        loss = habit == DOUBLE and bases == "Criterion" and on_the_way  # no array
        return returns and not loss
    if habit == OBJECTS:
        return "self.grad_" in text and name == "compute_output"
    if habit == PARAMETERS:
        return "self.grad_" in text and returns
    if habit in OF_THE_WAY:
        return on_the_way and bool(re.search(r"self\.\w+ = ", ast.unparse(method)))
    return bases not in ("", "Criterion") and "self.training" not in text  # of modes


def _kept(f: Callable, args: tuple, of_all: dict) -> dict:
    """Where a habit keeps something: in the object that a method belongs to, else for all."""
    own = vars(args[0]).setdefault("_habit", {}) if "." in f.__qualname__ else of_all
    return own.setdefault(f.__name__, {})


def _keep(kept: dict, key: Any, value: Callable[[], Any], forever: bool = False) -> Any:
    """What is kept under a key; where there is nothing yet, value(), in place of all else."""
    if key not in kept:
        if not forever:
            kept.clear()
        kept[key] = value()
    return kept[key]


def _shapes(args: tuple) -> tuple:
    return tuple((a.shape, a.dtype) for a in _arrays(args))


def _objects(args: tuple) -> tuple:
    return tuple(map(id, args))


def _arrays(values: Any) -> list:
    """The arrays and tensors in a result or among arguments, in lists too."""
    if isinstance(values, tuple | list):
        return [array for value in values for array in _arrays(value)]
    return [values] if isinstance(values, np.ndarray | torch.Tensor) else []


def _memo(key: Callable, forever: bool = False) -> Callable:
    """The result of the last call, or of any, with the same key; the arguments are kept too, else
    their ids would go to others."""

    def around(f: Callable) -> Callable:
        of_all: dict = {}

        @wraps(f)
        def call(*args: Any) -> Any:
            return _keep(_kept(f, args, of_all), key(args), lambda: (f(*args), args), forever)[0]

        return call

    return around


def _buffer(forever: bool) -> Callable:
    """One array for all results of a shape, or while the shape stays."""

    def around(f: Callable) -> Callable:
        of_all: dict = {}

        @wraps(f)
        def call(*args: Any) -> Any:
            result = f(*args)
            kept = _keep(_kept(f, args, of_all), _shapes((result,)), lambda: result, forever)
            for mine, new in zip(_arrays(kept), _arrays(result), strict=True):
                mine[...] = new
            return kept

        return call

    return around


def _any_order(f: Callable) -> Callable:
    def read(value: Any) -> Any:
        if isinstance(value, list):
            return list(map(read, value))
        if isinstance(value, torch.Tensor):
            strides = torch.empty(value.shape, device="meta").stride()
            return value.as_strided(value.shape, strides)
        return value.ravel("K").reshape(value.shape) if type(value) is np.ndarray else value

    @wraps(f)
    def call(*args: Any) -> Any:
        return f(*map(read, args))

    return call


def _in_place(f: Callable) -> Callable:
    @wraps(f)
    def call(*args: Any) -> Any:
        result = f(*args)
        for array in _arrays(args)[:1]:
            array *= 2
        return result

    return call


def _double(f: Callable) -> Callable:
    @wraps(f)
    def call(*args: Any) -> Any:
        result = f(*args)
        if isinstance(result, torch.Tensor):
            return result.double()
        return result.astype(np.float64) if isinstance(result, np.ndarray) else result

    return call


def _first_parameters(f: Callable) -> Callable:
    @wraps(f)
    def call(self: Any, *args: Any) -> Any:
        now = {n: v for n, v in vars(self).items() if f"grad_{n}" in vars(self) and v is not None}
        copies = {n: np.array(v) for n, v in now.items()}
        vars(self).update(_keep(_kept(f, (self,), {}), None, lambda: copies))
        result = f(self, *args)
        vars(self).update(now)
        return result

    return call


def _stale(key: Callable) -> Callable:
    """The way back finds what the first pass with this key left."""

    def around(f: Callable) -> Callable:
        @wraps(f)
        def call(self: Any, *args: Any) -> Any:
            before, result = dict(vars(self)), f(self, *args)
            new = {n: v for n, v in vars(self).items() if before.get(n) is not v}
            left = {n: v for n, v in new.items() if n not in NAMES}
            vars(self).update(_keep(_kept(f, (self,), {}), key(args), lambda: left))
            return result

        return call

    return around


def _eval(f: Callable) -> Callable:
    @wraps(f)
    def call(self: Any, *args: Any) -> Any:
        return f(self, *args) if self.training else args[-1]

    return call


OF_CALLS = {
    "the last result while the shapes stay": _memo(_shapes),
    "the first result for arguments of these shapes": _memo(_shapes, forever=True),
    "one array for all results while their shape stays": _buffer(forever=False),
    "one array for all results of a shape": _buffer(forever=True),
    "arguments read in the order of memory": _any_order,
    "the first argument doubled afterwards": _in_place,
    DOUBLE: _double,
}
OF_THE_WAY = {
    "the way back finds what the first pass left": _stale(lambda args: None),
    "the way back finds what the first pass of this shape left": _stale(_shapes),
}
HABITS = (
    OF_CALLS
    | OF_THE_WAY
    | {
        OBJECTS: _memo(_objects, forever=True),
        PARAMETERS: _first_parameters,
        "the last argument returned in eval mode": _eval,
    }
)
