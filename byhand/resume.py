"""How a training run goes on later as if it had never stopped: what it keeps in its checkpoint.

Everything an optimizer and a scheduler remember is pickled, with references in place of the layers
and their arrays, so that these are the ones of the network that is built anew. What is read back
is made of numbers, strings, arrays and the classes of the student's own notebook, nothing else.
"""

import io
import json
import pickle
import sys
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from byhand.checkpoints import OF_A_RUN, modules, state
from byhand.nn import Module, Optimizer, Scheduler

Parts = tuple[Module, Optimizer, Scheduler | None]  # of a run
SETTINGS, STATE = f"{OF_A_RUN}settings", f"{OF_A_RUN}state"  # entries of a checkpoint
SIMPLE = (type(None), bool, int, float, str)
GENERATORS = (np.random.Generator, np.random.RandomState)
# What pickles of arrays and containers call. Anything else could do harm, or is not needed.
HARMLESS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("collections", "defaultdict"),
    ("collections", "OrderedDict"),
    ("collections", "deque"),
    (__name__, "_generator"),
    *(
        ("builtins", name)
        for name in "bool complex dict float frozenset int list set tuple".split()
    ),
}


UNREADABLE = (
    *(pickle.UnpicklingError, AttributeError, EOFError),
    *(IndexError, KeyError, TypeError, ValueError),
)


class ResumeError(Exception):
    """What a run has kept cannot be put back; why, in words."""


def kept(parts: Parts, settings: Mapping[str, str], **more: Any) -> dict[str, np.ndarray]:
    """The entries of a checkpoint with which a run goes on; `more` comes back from put_back().

    What cannot be pickled, such as an open file in an optimizer, leaves only the settings.
    """
    network, *others = parts
    entries = {SETTINGS: _array(json.dumps(settings).encode())}
    things = (
        [array.copy() for array in state(network)],
        [_own(module, (*SIMPLE, *GENERATORS, np.generic)) for module in modules(network)],
        [_own(other, object) for other in others],
        np.random.get_state(legacy=False),
        more,
    )
    buffer = io.BytesIO()
    try:
        _Pickler(buffer, parts).dump(things)
    except (pickle.PicklingError, AttributeError, TypeError):
        return entries
    return entries | {STATE: _array(buffer.getvalue())}


def put_back(entries: Mapping[str, np.ndarray], parts: Parts) -> dict[str, Any]:
    """Bring the parts and np.random to where they were; returns `more`.

    Raises ResumeError, and has changed nothing then.
    """
    network, *others = parts
    if STATE not in entries:
        raise ResumeError("something in the optimizer or the scheduler could not be kept")
    things, mine = [*modules(network), *others], state(network)
    try:
        kept_things = _Unpickler(io.BytesIO(entries[STATE].tobytes()), parts).load()
        arrays, of_layers, of_others, random, more = kept_things
        if [array.shape for array in mine] != [array.shape for array in arrays]:
            raise ResumeError("it is of another network")
        pairs = list(zip(things, [*of_layers, *of_others], strict=True))
        np.random.set_state(random)
    except UNREADABLE as error:
        raise ResumeError(f"{type(error).__name__}: {error}") from error
    for array, new in zip(mine, arrays, strict=True):
        array[...] = new
    for thing, own in pairs:
        for name, value in own.items():
            setattr(thing, name, value)
    return more


def settings_of(parts: Parts, **more: Any) -> dict[str, str]:
    """What a run was set up with, in words: a run with other settings is another run.

    Of everything its class and the numbers and strings in it: layer 2 -> "Dropout(p=0.2)".
    """
    network, optimizer, scheduler = parts
    found = {name: str(value) for name, value in more.items()}
    for number, module in enumerate(modules(network)):
        values = ", ".join(f"{name}={value!r}" for name, value in _simple(module))
        found[f"layer {number}"] = f"{type(module).__name__}({values})"
    for name, thing in {"optimizer": optimizer, "scheduler": scheduler}.items():
        found[name] = type(thing).__name__
        found |= {f"{name}.{attribute}": repr(value) for attribute, value in _simple(thing)}
    return found


def settings_in(entries: Mapping[str, np.ndarray]) -> dict[str, str]:
    """What settings_of() found when the entries were made; empty if they are not of a run."""
    try:
        return {str(k): str(v) for k, v in json.loads(entries[SETTINGS].tobytes()).items()}
    except (KeyError, AttributeError, ValueError):
        return {}


def difference(was: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The first of the settings that differs, in words; empty if none does."""
    for name in [*now, *was]:
        if was.get(name) != now.get(name):
            return f"{name} was {was.get(name, 'not there')}, now {now.get(name, 'not there')}"
    return ""


def _array(content: bytes) -> np.ndarray:
    return np.frombuffer(content, np.uint8)


def _own(thing: object, kinds: type | tuple) -> dict[str, Any]:
    """The attributes of these kinds, but functions, which are the same in the next session."""
    attributes = getattr(thing, "__dict__", {}).items()
    return {k: v for k, v in attributes if isinstance(v, kinds) and type(v) is not FunctionType}


def _simple(thing: object) -> Iterator[tuple[str, Any]]:
    """The public attributes that are numbers, strings, or a few of them."""
    for name, value in _own(thing, (*SIMPLE, tuple, list)).items():
        parts = value if isinstance(value, tuple | list) else [value]
        words = all(isinstance(part, SIMPLE) for part in parts) and value is not None
        if words and name[0] != "_" and name != "training":
            yield name, value


def _shared(parts: Parts) -> list[object]:
    """What others hold on to, in an order that is the same for parts that are built anew."""
    network, *others = parts
    return [*modules(network), *state(network), *others]


def _generator(kind: str, values: dict) -> np.random.Generator | np.random.RandomState:
    bits = getattr(np.random, values["bit_generator"])
    if kind == "RandomState":
        made = np.random.RandomState()
        made.set_state(values)
    elif issubclass(bits, np.random.BitGenerator):
        made = np.random.Generator(bits())
        made.bit_generator.state = values
    return made


class _Pickler(pickle.Pickler):
    """References are numbers, and so are ids of arrays, which some optimizers use as keys."""

    def __init__(self, file: io.BytesIO, parts: Parts):
        super().__init__(file, protocol=5)
        self.numbers = {id(thing): n for n, thing in enumerate(_shared(parts)) if thing is not None}

    def persistent_id(self, thing: Any) -> tuple[str, int] | None:
        if type(thing) is int and thing in self.numbers:
            return "id", self.numbers[thing]
        return ("thing", self.numbers[id(thing)]) if id(thing) in self.numbers else None

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, np.random.Generator):
            return _generator, (type(thing).__name__, thing.bit_generator.state)
        if isinstance(thing, np.random.RandomState):
            return _generator, (type(thing).__name__, thing.get_state(legacy=False))
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, parts: Parts):
        super().__init__(file)
        self.things = _shared(parts)
        self.homes = {type(thing).__module__ for thing in self.things} - {"builtins", "numpy"}

    def persistent_load(self, reference: tuple[str, int]) -> Any:
        kind, number = reference
        return id(self.things[number]) if kind == "id" else self.things[number]

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in HARMLESS:
            return super().find_class(module, name)
        found = getattr(sys.modules.get(module), name, None) if module in self.homes else None
        if isinstance(found, type) and found.__module__ in self.homes:
            return found
        raise pickle.UnpicklingError(f"a {name} cannot be kept")
