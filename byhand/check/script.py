"""What a check writes: a script, an experiment that names what to look at."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from byhand.check.compare import ON_A_COPY
from byhand.check.random_inputs import LONGER
from byhand.check.report import Line
from byhand.protocol.experiment import Experiment, Ref

BUFFER = "Every pass has to return a new array; this one was written over."
PLACES = 60  # of one array that are tried by central differences
Rule = Callable[[Any], str | Line]  # a value -> what is wrong with it, "" for nothing, or a line


@dataclass(frozen=True)
class Hint:
    """A known mistake. says: what it is; build: an oracle that makes it; explains: how the labels
    of the looks begin that it can explain."""

    says: str
    build: Callable[..., Any]
    explains: str = ""


@dataclass(frozen=True)
class Look:
    """A result to look at.

    family: looks that share a line while they are right; quiet: no line while they are right;
    after: a step that has to succeed first; rule: judges the student's value alone; otherwise: the
    words for a value that is not an array; hint: for a wrong value; fresh: the same of a new
    object, which has to be right for the hint to hold; how: more for the comparison.
    """

    label: str
    ref: Ref
    family: str
    quiet: bool = False
    after: Ref | None = None
    rule: Rule | None = None
    otherwise: str | Callable[[Any, Any], str] = ""
    hint: str = ""
    fresh: Ref | None = None
    how: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Slopes:
    """Central differences of the student's own forward pass beside the student's gradient, which
    is the value of `gradient` less that of `before`, at the given coordinates."""

    name: str
    coordinates: np.ndarray
    slopes: Ref
    gradient: Ref
    before: Ref | None = None


@dataclass
class Script(Experiment):
    """An experiment and what to look at in it.

    built: what was constructed; arguments: what must not change, by name; slopes: see Slopes;
    loops: whether they are allowed; shared: how many steps the oracle takes too; asides: steps that
    are not looked at; quiet: a warning with these words is a fault; refusal: the error that an
    oracle may raise; on_a_copy: the hint for an argument that was changed.
    """

    looks: list[Look] = field(default_factory=list)
    loops: bool = True
    built: list[Ref] = field(default_factory=list)
    arguments: dict[Ref, str] = field(default_factory=dict)
    slopes: list[Slopes] = field(default_factory=list)
    shared: int | None = None
    asides: set[int] = field(default_factory=set)
    quiet: str = ""
    refusal: str = "ValueError"
    on_a_copy: str = ON_A_COPY

    def build(self, name: str, *args: Any, **kwargs: Any) -> Ref:
        """Call a constructor; if it fails, that is the report's only line."""
        self.built.append(self.call(name, *args, **kwargs))
        return self.built[-1]

    def argument(self, label: str, value: Any) -> Ref:
        """Keep a value on the student's side that no step may change."""
        ref = self.put(value)
        self.arguments[ref] = label
        return ref

    def look(self, label: str, ref: Ref, family: str = "", **how: Any) -> Ref:
        """Compare a result with the oracle's; family: the label up to its comma if not given.

        how: what a Look has, and what compare() takes.
        """
        own = {key: how.pop(key) for key in Look.__dataclass_fields__ if key in how}
        self.looks.append(Look(label, ref, family or label.split(",")[0], **own, how=how))
        return ref

    def expect(self, label: str, ref: Ref, rule: Rule, **how: Any) -> Ref:
        """Judge a result by a rule of its own."""
        return self.look(label, ref, label, rule=rule, **how)

    def later(self, label: str, ref: Ref, **how: Any) -> None:
        """Compare an earlier result once more: nothing since may have written over it."""
        self.look(f"{label}, later", self.read(ref), quiet=True, hint=BUFFER, **how)

    def central_differences(
        self, label: str, gradient: Ref, places: np.ndarray, *function: Any
    ) -> None:
        """See Slopes; function: what fixtures.function_slopes gets before the places."""
        self.shared = self.shared or len(self.steps)
        slopes = self.call("fixtures.function_slopes", *function, places)
        self.slopes.append(Slopes(label, places, slopes, gradient))

    def no_loops(self, small: list, large: list, **calls: int) -> None:
        """Expect that arrays whose axes are LONGER make no more lines run, where loops are not
        allowed; the arguments are those of line_count.more_lines."""
        if self.loops:
            return
        self.shared = self.shared or len(self.steps)
        with self.aside():
            more = self.call("fixtures.more_lines", calls, small, large)

        def rule(found: Any) -> str:
            counts = found if isinstance(found, list) else [found]
            many = [n for n in counts if type(n) is not int or n >= LONGER / 2]
            said = f"more lines run where every axis is {LONGER} longer: a loop in some form"
            return f"{many[0]} {said}; write it as array operations" if many else ""

        self.expect("rules", more, rule, quiet=True)

    @contextmanager
    def aside(self, when: bool = True) -> Iterator[None]:
        """Steps on the way whose warnings and changes of arguments belong to other checks."""
        before = len(self.steps)
        yield
        self.asides |= set(range(before, len(self.steps) if when else before))
