"""check.layer: a layer against its PyTorch twin, in numbers and in its manners."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check.compare import (
    NUMERICAL_TOLERANCE,
    Suspect,
    Suspects,
    changes,
    compare,
    same_arrays,
    warned,
)
from byhand.check.comparisons.trial import GRADIENTS, PARTS, STEP, LayerTrial, Pass
from byhand.check.hints.layers import backward_suspects, output_suspects, statistics_suspects
from byhand.check.random_inputs import Draw, calm, is_shape, sizes_of
from byhand.check.report import Line, Report, conclude
from byhand.check.subject import reach
from byhand.protocol.experiment import Ref, StepResult
from byhand.protocol.source_rules import broken_rules

LOOKS = (*GRADIENTS, "output", "statistics")


@calm()
def layer(
    cls: Any,
    like: Callable[..., torch.nn.Module],
    make: dict[str, Any] | None = None,
    x: Sequence = (5, 4),
    mode: str = "train",
    look: str = "all",
    loops: bool = False,
    seed: int | None = None,
) -> Report | None:
    """Hold a layer against PyTorch's.

    like: the PyTorch class, or a function that builds the twin; both get the arguments `make`.
    x: a shape, drawn at random, or the input itself; mode: "train" or "eval".
    look: "all", "output", "backward" (all gradients), "grad_input", "grad_parameters" or
    "statistics" (running averages); loops: whether Python loops are allowed.
    Raises CheckFailed with what was found.
    """
    if look not in LOOKS or mode not in ("train", "eval"):
        raise ValueError(
            f"look is one of {LOOKS} and mode 'train' or 'eval', not {look!r}, {mode!r}"
        )
    [name], runner = reach(cls)
    draw = Draw(seed)
    trial = LayerTrial(name, like, make or {}, draw.input(x), mode, draw, is_shape(x), look)
    report = Report(trial.title, draw.repeat("layer"))
    for rule in broken_rules(runner.program(name), name, loops):
        report.lines.append(Line("rules", False, rule))
    report.lines += _Judgement(trial, runner.run(trial.experiment)).lines(look)
    if look != "statistics" and report.passed:
        report.lines += _single(trial, runner, look)
    return conclude(report)


class _Judgement:
    """What came of a trial, held against PyTorch's answers."""

    def __init__(self, trial: LayerTrial, outcomes: list[StepResult]):
        self.trial, self.outcomes = trial, outcomes
        self.answers = [trial.answer(now) for now in trial.passes]

    def of(self, ref: Ref) -> StepResult:
        """What came of a step."""
        return self.outcomes[ref.index]

    def lines(self, look: str) -> list[Line]:
        """Every line of the report on this trial."""
        built = self.of(self.trial.layer)
        if built.failure is not None:
            return [Line("constructor", False, str(built.failure))]
        lines = self._shapes()
        if look in ("all", "output"):
            lines += self._outputs()
        if look in GRADIENTS:
            lines += self._gradients(look)
        if look == "statistics":
            lines += self._statistics()
        return lines + self._manners(look)

    def _shapes(self) -> list[Line]:
        """Parameters that the constructor got wrong; right ones take no line."""
        lines = []
        for name, value in self.trial.start.items():
            found = self.of(self.trial.first[name])
            if found.failure is not None or getattr(found.value, "shape", None) != value.shape:
                shape = getattr(found.value, "shape", None)
                text = str(found.failure or f"has shape {shape}, expected {value.shape}")
                lines.append(Line(name, False, text))
        return lines

    def _outputs(self) -> list[Line]:
        lines = []
        for number, (now, answer) in enumerate(zip(self.trial.passes, self.answers, strict=True)):
            suspects = partial(output_suspects, self.trial.twin, now.x)
            lines.append(self._hold(number, "output", now.output, answer, suspects))
        kept = self.of(self.trial.passes[-1].kept)
        line = compare("self.output", kept, self.answers[-1]["output"])
        return _first_or_last(lines) + ([line] if lines[-1].ok and not line.ok else [])

    def _gradients(self, look: str) -> list[Line]:
        lines = [] if look == "grad_parameters" else self._grad_input()
        if look == "grad_input":
            return lines + self._numerical()
        failures = [self.of(now.updated).failure for now in self.trial.passes]
        if failed := next(filter(None, failures), None):  # then the rest is as it was
            return lines or [Line("update_grad_parameters", False, str(failed))]
        lines += self._grad_parameters()
        return lines + self._numerical() + self._zero_grad() + self._parameters()

    def _grad_input(self) -> list[Line]:
        lines = []
        for number, (now, answer) in enumerate(zip(self.trial.passes, self.answers, strict=True)):
            suspects = partial(backward_suspects, self.trial.twin, now.x, now.g, "x")
            label = "gradient for x"
            lines.append(self._hold(number, "x", now.grad_input, answer, suspects, label))
        return _first_or_last(lines)

    def _grad_parameters(self) -> list[Line]:
        grads = {n: [] for n in self.trial.names}
        for number, (now, answer) in enumerate(zip(self.trial.passes, self.answers, strict=True)):
            guess = partial(backward_suspects, self.trial.twin, now.x, now.g)
            for name in self.trial.names:
                alone = answer[name] - (self.answers[number - 1][name] if number else 0)
                words = "Yours is this pass alone: gradients add up until zero_grad (+=, not =)."
                guesses = partial(_also, partial(guess, name), (words, alone))
                label = f"gradient for {name}" + (", added up" if number else "")
                ref = now.grads[name]
                grads[name].append(self._hold(0, name, ref, answer, guesses, label))
        return [
            line
            for name in self.trial.names
            for line in _first_or_last(grads[name], all_if_right=True)
        ]

    def _hold(
        self,
        number: int,
        what: str,
        ref: Ref,
        answer: dict[str, np.ndarray],
        suspects: Suspects,
        label: str | None = None,
    ) -> Line:
        label = (label or what) + (", second pass" if number else "")
        sizes = sizes_of(self.trial.x.shape)
        return compare(label, self.of(ref), answer[what], sizes=sizes, suspects=suspects)

    def _numerical(self) -> list[Line]:
        """The student's backward against central differences of the student's own forward."""
        first, last = self.trial.passes
        lines, largest = [], 0.0
        for name, (coordinates, pairs) in self.trial.differences.items():
            ends = [[self.of(ref).value for ref in pair] for pair in pairs]
            if not all(_is_float(end, last.g.shape) for pair in ends for end in pair):
                return []
            slopes = np.array([np.vdot(last.g, up - down) / (2 * STEP) for up, down in ends])
            mine = self._last_gradient(name, first, last)
            if mine is None:
                return []
            error = np.abs(mine.flat[coordinates] - slopes).max()
            scale = max(np.abs(slopes).max(), 1.0)
            largest = max(largest, float(error / scale))
            if not error <= NUMERICAL_TOLERANCE * scale:  # NaN fails as well
                text = f"the gradient for {name} is not the slope of your own forward pass"
                # an output that is wrong has cost the points of the output already
                failed = None if self.trial.look in PARTS else False
                lines.append(Line("central differences", failed, text))
        if lines or not self.trial.differences:
            return lines
        return [Line("central differences", True, f"largest relative error {largest:.0e}")]

    def _last_gradient(self, name: str, first: Pass, last: Pass) -> np.ndarray | None:
        """What the student's last backward pass alone gave for x or a parameter."""
        if name == "x":
            mine = self.of(last.grad_input).value
            return mine if _is_float(mine, last.x.shape) else None
        before, after = (self.of(now.grads[name]).value for now in (first, last))
        shape = self.trial.start[name].shape
        return after - before if _is_float(before, shape) and _is_float(after, shape) else None

    def _zero_grad(self) -> list[Line]:
        """The gradients stay in the arrays that an optimizer holds; zero_grad empties them."""
        lines = []
        for name, ref in self.trial.zeroed.items():
            expected = np.zeros_like(self.trial.start[name])
            line = compare(f"grad_{name} after zero_grad", self.of(ref), expected)
            lines += [] if line.ok else [line]
        for label, ref, again in (
            ("backward", self.trial.held, [self.of(g).value for g in self._last_grads()]),
            ("zero_grad", self.trial.held_zeroed, [self.of(g).value for g in self._zeroed()]),
        ):
            held = self.of(ref)
            if held.failure is not None:
                return [*lines, Line("parameters_grad()", False, str(held.failure))]
            if not lines and not same_arrays(held.value, again):
                text = "leaves new arrays behind; an optimizer still holds the old ones"
                lines.append(
                    Line(label, False, text, hint="Change gradients in place: +=, [...] =")
                )
        return lines

    def _last_grads(self) -> list[Ref]:
        return [self.trial.passes[-1].grads[name] for name in self.trial.names]

    def _zeroed(self) -> list[Ref]:
        return [self.trial.zeroed[name] for name in self.trial.names]

    def _statistics(self) -> list[Line]:
        failures = [self.of(now.output).failure for now in self.trial.passes]
        if any(failures):
            return [Line("forward", False, str(next(filter(None, failures))))]
        lines = []
        for name in self.trial.averages:
            held = []
            start = self.trial.start
            for number, (now, answer) in enumerate(
                zip(self.trial.passes, self.answers, strict=True)
            ):
                suspects = partial(statistics_suspects, self.trial.twin, name, start, now.x)
                ref = now.statistics[name]
                held.append(self._hold(number, name, ref, answer, suspects))
                start = {n: answer[n] for n in self.trial.averages}
            lines += _first_or_last(held)
        return lines

    def _parameters(self) -> list[Line]:
        """parameters() lists the layer's own arrays in order; right ones take no line."""
        own = self.of(self.trial.own)
        expected = [self.trial.start[n] for n in self.trial.names]
        if own.failure is not None:
            return [Line("parameters()", False, str(own.failure))]
        if same_arrays(own.value, expected):
            return []
        text = f"should list {', '.join(self.trial.names) or 'nothing'}, in this order"
        return [Line("parameters()", False, text)]

    def _manners(self, look: str) -> list[Line]:
        """Arguments that were changed, and warnings."""
        forward = [now.output for now in self.trial.passes]
        grad_input = [now.grad_input for now in self.trial.passes]
        updated = [now.updated for now in self.trial.passes]
        parts = {"grad_input": grad_input, "grad_parameters": updated, "backward": grad_input}
        refs = {"all": forward + grad_input, "output": forward, "statistics": forward} | parts
        tried = [self.of(ref) for ref in refs[look]]
        kept = {now.x_ref: "x" for now in self.trial.passes}
        kept |= {now.g_ref: "grad_output" for now in self.trial.passes}
        return changes(tried, kept) + warned(tried)


def _single(trial: LayerTrial, runner: Any, look: str) -> list[Line]:
    """The same layer in float32: every result keeps the dtype of its input."""
    single = LayerTrial(
        trial.name,
        trial.like,
        trial.make,
        trial.x,
        trial.mode,
        trial.draw,
        trial.drawn,
        look,
        dtype=np.float32,
    )
    lines = _Judgement(single, runner.run(single.experiment)).lines(look)
    wrong = [line for line in lines if line.ok is False]
    for line in wrong:
        line.name += " in float32"
    return wrong or [Line("float32 stays float32", True)]


def _also(suspects: Suspects, one: Suspect) -> list[Suspect]:
    return [*suspects(), one]


def _first_or_last(lines: list[Line], all_if_right: bool = False) -> list[Line]:
    """The first line that fails; if none does, the first of them (or all)."""
    wrong = [line for line in lines if line.ok is False]
    return wrong[:1] or (lines if all_if_right else lines[:1])


def _is_float(value: Any, shape: tuple[int, ...]) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.shape == shape
