"""One form for every comparison with PyTorch: the same script, run on three sides.

A script is an experiment that names what to look at. It is run beside the student's class, beside
the oracle (PyTorch behind the course's own interface) and, only when something differs, beside
each mutant (the oracle with one known mistake in it). The mutant that gives the student's numbers
names the mistake.
"""

import pickle
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from hashlib import sha256
from itertools import islice
from typing import Any

import numpy as np

from byhand.check import oracles, tensors
from byhand.check.compare import NUMERICAL_TOLERANCE, as_number, bare, compare, described, same
from byhand.check.random_inputs import Draw, remembered, repeating
from byhand.check.report import Line, Report, conclude
from byhand.check.script import BUFFER, Hint, Look, Script, Slopes
from byhand.check.subject import reach
from byhand.protocol.experiment import Experiment, StepResult, Tensor
from byhand.protocol.runner import LocalRunner
from byhand.protocol.source_rules import broken_rules

_broken_rules = lru_cache(maxsize=16)(broken_rules)  # several checks ask about one task


class UsageError(ValueError):
    """A check was called with something it cannot work with; a notebook shows the one line."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def one_of(allowed: Sequence[str], value: str, argument: str) -> None:
    """Raises UsageError unless value is one of the allowed words."""
    if value not in allowed:
        raise UsageError(f"{argument} is one of {', '.join(map(repr, allowed))}, not {value!r}")


class Check:
    """What every check starts from: the subject's name and runner, a draw, and a report."""

    def __init__(self, called: str, *subjects: Any, seed: int | None = None):
        self.names, self.runner = reach(*subjects)
        self.name = self.names[0]
        self.draw = Draw(seed)
        self.report = Report("", repeating(called, self.draw.seed))
        self.loops = True  # whether they are allowed, or one has been told of
        self.at_last: list[Line] = []  # for an answer that has passed all else

    def rules(self, loops: bool = False, **allowed: bool) -> None:
        """A line for each of the course's rules that the subject's text breaks."""
        broken = _broken_rules(self.runner.program(self.name), self.name, loops, **allowed)
        self.report.lines += [Line("rules", False, rule) for rule in broken]
        self.loops = loops or bool(broken)

    def conclude(self) -> Report | None:
        """Show the report; raises CheckFailed if anything in it failed."""
        return conclude(self.report)

    def differential(
        self,
        oracle: Callable[..., Any] | None,
        write: Callable[[Script, type], None],
        hints: Iterable[Hint] = (),
        dtypes: Sequence[type] = (np.float64, np.float32),
        single: str = "float32 stays float32",
        also: Callable[..., Any] | None = None,
    ) -> Report | None:
        """Write the script in each precision, run it on all sides and add what was found.

        oracle: called in place of the subject, None where there is only a promise to keep; hints:
        known mistakes; single: the line that a right answer in float32 gets; also: another oracle
        whose answers are as right.
        """
        rights = [oracle] if also is None else [oracle, also]
        for dtype in dtypes:
            script = Script(seed=self.draw.seed, loops=self.loops)
            write(script, dtype)
            lines = Comparison(self, script, rights, list(hints)).lines()
            if dtype is np.float32:
                lines = [line for line in lines if line.ok is False]
                for line in lines:
                    line.name += " in float32"
                lines = lines or [Line(single, True)]
            self.report.lines += lines
            if not self.report.passed:
                return self.conclude()
        self.report.lines += self.at_last
        return self.conclude()


class Comparison:
    """A script's results on the student's side beside the oracle's and the mutants'."""

    def __init__(self, check: Check, script: Script, right: list[Callable], hints: list[Hint]):
        self.check, self.script, self.hints = check, script, hints
        self.right, *self.also = (self._on(o, f"right {i}") for i, o in enumerate(right))
        self.mine = check.runner.run(script)
        self.mutants, self.said = dict[int, list[StepResult]](), set[str]()
        self.watched = [i for i in range(len(self.mine)) if i not in script.asides]
        changed = {index for i in self.watched for index in self.mine[i].changed}
        self.touched = [n for ref, n in script.arguments.items() if ref.index in changed]
        self.shared = [i for i in self.watched if i < len(self.right)]
        kinds = {i: f.kind for i in self.watched if (f := self.mine[i].failure)}
        self.failed = min(kinds, default=len(self.mine))
        self.unwritten = next((i for i, k in kinds.items() if k == "unwritten"), len(self.mine))

    def lines(self) -> list[Line]:
        """What the report says: one line a family of looks."""
        for ref in self.script.built:
            failure = self.mine[ref.index].failure
            if failure is not None and self.right[ref.index].failure is None:
                return [Line("constructor", False, str(failure))]
        found: dict[str, list[Line]] = {}
        for look in self.script.looks:
            family = found.setdefault(look.family, [])
            if not any(line.ok is False for line in family):
                family += self._look(look)
        lines = self._refusals()
        for name, family in found.items():
            lines += _shown(name, family)
        right = all(line.ok for line in lines)
        if right and self.unwritten < len(self.mine):
            return [*lines, Line("not written", False, str(self.mine[self.unwritten].failure))]
        return lines + self._central_differences(right) + self._side_effects()

    def _side_effects(self) -> list[Line]:
        """Arguments that were changed in place; what Python and NumPy warned of, two at most."""
        script, said = self.script, partial(Line, "arguments", False, hint=self.script.on_a_copy)
        lines = [said(f"{name} was changed in place") for name in dict.fromkeys(self.touched)]
        for text in sorted({text for i in self.watched for text in self.mine[i].warnings})[:2]:
            fault = script.quiet and script.quiet in text
            lines.append(Line("warning", False if fault else None, text))
        return lines

    def _on(self, oracle: Callable[..., Any] | None, which: str) -> list[StepResult]:
        """The results beside an oracle; without one there are no answers. which: of the check's."""
        if oracle is None:
            return [StepResult()] * len(self.script.steps)
        shared = Experiment(self.script.steps[: self.script.shared], self.script.seed)
        shared.tensors = self.script.tensors
        runner = LocalRunner({self.check.name: oracle}, oracles.FIXTURES, tensors)
        return remembered(partial(_digest, shared, which), partial(runner.run, shared))

    def _refusals(self) -> list[Line]:
        """Where PyTorch raises an error, the student has to raise it too."""
        lines = []
        for mine, right in ((self.mine[i], self.right[i]) for i in self.shared):
            if right.failure is None or right.failure.kind == "skipped":
                continue
            kind = right.failure.type
            if kind != self.script.refusal:
                raise UsageError(f"PyTorch cannot do {self.check.report.title}: {right.failure}")
            ok = mine.failure is not None and kind in mine.failure.caught_by.split()
            text = str(mine.failure or f"nothing was raised, expected {kind}")
            lines.append(Line(f"raises {kind}", ok, "" if ok else text))
        return sorted(lines, key=lambda line: bool(line.ok))[:1]

    def _look(self, look: Look) -> list[Line]:
        mine = self.mine[look.ref.index]
        expected = StepResult() if look.rule else self.right[look.ref.index]
        failure = (look.after and self.mine[look.after.index].failure) or mine.failure
        text = str(failure or "").removeprefix("not tried: ")
        place = failure.where if failure and failure.kind == "raised" else ""
        if look.hint == BUFFER and self.touched:
            return []  # it may be that argument, which has its numbers back
        if {text, place} & self.said or (not failure and look.ref.index > self.unwritten):
            return []  # what follows from something that has been said
        if not look.rule and (expected.failure or self._waits_in_vain(look)):
            return []
        if failure:
            line = Line(look.label, False, text)
        elif look.rule:
            found = look.rule(bare(mine.value))
            line = Line(look.label, not found, found) if isinstance(found, str) else found
        else:
            rights = [expected, *(also[look.ref.index] for also in self.also)]
            lines = [self._beside(look, mine.value, right.value) for right in rights]
            line = next((line for line in lines if line.ok), lines[0])
        if line.ok is False and not line.hint and self._fits(look, failure):
            line.hint = look.hint
        if line.hint in self.said:
            line.hint = ""
        self.said |= {line.hint, text, place} - {""}
        return [] if look.quiet and line.ok else [line]

    def _waits_in_vain(self, look: Look) -> bool:
        """Whether the oracle, too, fails at the step that a look waits for."""
        return bool(look.after and self.right[look.after.index].failure)

    def _fits(self, look: Look, failure: Any) -> bool:
        """Whether a look's own hint may be given; a failure before it says more."""
        if look.fresh is None or self.failed < (look.after or look.ref).index:
            return not failure and look.fresh is None
        return _agree(self.right[look.fresh.index], self.mine[look.fresh.index])

    def _beside(self, look: Look, mine: Any, expected: Any) -> Line:
        """The line for a value beside the expected one, by the kind of the latter."""
        right, how = bare(expected), {"suspects": lambda: self._suspects(look), **look.how}
        array = isinstance(right, np.ndarray) and right.ndim
        if array and isinstance(expected, Tensor) > isinstance(mine, Tensor):
            text = f"is {described(mine)}, expected a PyTorch tensor"
            return Line(look.label, False, text)
        if array or (as_number(right) is not None and not look.otherwise):
            return compare(look.label, mine, right, **how)
        mine = bare(mine)
        if same(mine, right):
            return Line(look.label, True)
        words = look.otherwise or f"is {described(mine)}, expected {right!r}"
        return Line(look.label, False, words if isinstance(words, str) else words(mine, right))

    def _suspects(self, look: Look) -> list[tuple[str, Any]]:
        """Hints whose mutants agree with the student, those that agree everywhere first."""
        close, closer = [], []
        for number, hint in enumerate(self.hints):
            if not look.label.startswith(hint.explains):
                continue
            if number not in self.mutants:
                self.mutants[number] = self._on(hint.build, f"hint {number}")
            theirs = self.mutants[number]
            if self._breaks(theirs, look.ref.index):
                continue
            looks = [k for k in self.script.looks if k.label.startswith(hint.explains)]
            looks = [k for k in looks if not self._waits_in_vain(k)]
            agree = (_agree(theirs[k.ref.index], self.mine[k.ref.index]) for k in looks)
            if all(islice(agree, looks.index(look) + 1)):
                found = (hint.says, bare(theirs[look.ref.index].value))
                (closer if all(agree) else close).append(found)
        return closer + close

    def _breaks(self, theirs: list[StepResult], until: int) -> bool:
        """Whether a mutant fails at a step, up to this one, that the student has taken."""
        steps = (i for i in self.watched if i < until)
        return any(theirs[i].failure and not self.mine[i].failure for i in steps)

    def _central_differences(self, agrees: bool) -> list[Line]:
        """The student's gradients beside the slopes of the student's own forward pass.

        agrees: whether all else is as PyTorch says; then a difference is a note.
        """
        errors, wrong = [], []
        if any(self.mine[i].failure for i in self.shared):
            return []
        for tried in self.script.slopes:
            slopes, mine = self.mine[tried.slopes.index].value, self._gradient(tried)
            if mine is None or not _real(slopes) or slopes.shape != tried.coordinates.shape:
                return []
            error = np.abs(mine.flat[tried.coordinates] - slopes).max(initial=0)
            errors.append(float(error / max(np.abs(slopes).max(initial=0), 1.0)))
            if not errors[-1] <= NUMERICAL_TOLERANCE:  # NaN fails as well
                wrong.append(f"the {tried.name} is not the slope of your own forward pass")
        if wrong:
            return [Line("central differences", None if agrees else False, w) for w in wrong]
        text = f"largest relative error {max(errors, default=0):.0e}"
        return [Line("central differences", True, text)] if errors else []

    def _gradient(self, tried: Slopes) -> np.ndarray | None:
        """What the student's last backward pass alone gave."""
        found = [self.mine[ref.index] for ref in (tried.gradient, tried.before) if ref]
        first, *before = (bare(result.value) for result in found)
        if not all(_real(value) and value.shape == first.shape for value in [first, *before]):
            return None
        return first - sum(before) if first.size > tried.coordinates.max(initial=-1) else None


def _digest(experiment: Experiment, which: str) -> bytes | None:
    """What tells a question from all others; None if it has a function in it."""
    # Steps as plain tuples: they are pickled twice as fast.
    question = [*map(tuple, experiment.steps), experiment.seed, experiment.tensors, which]
    try:
        return sha256(pickle.dumps(question)).digest()
    except (AttributeError, TypeError, pickle.PicklingError):
        return None


def _shown(name: str, family: list[Line]) -> list[Line]:
    """The line that fails; if none does, one for all, with their largest error."""
    if not family or family[-1].ok is False:
        return family[-1:]
    errors = [line for line in family if line.error is not None]
    worst = max(errors, key=lambda line: line.error, default=family[0])
    return [replace(worst, name=name)]


def _agree(theirs: StepResult, mine: StepResult) -> bool:
    """Whether a mutant gave what the student gave."""
    if theirs.failure is not None or mine.failure is not None:
        return theirs.failure is not None and mine.failure is not None
    return same(bare(mine.value), bare(theirs.value))


def _real(value: Any) -> bool:
    """Whether this is an array of floating-point numbers."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
