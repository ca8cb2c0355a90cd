"""check.descent: functions that train the two-layer regression net by gradient descent."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check.compare import Suspect, changes, compare, described, number_in
from byhand.check.comparisons.regression import (
    LATE_BIAS,
    SIZES,
    WEIGHTS,
    draw_problem,
    loss,
    shared_bias,
)
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Line, Report, conclude
from byhand.check.subject import reach
from byhand.protocol.experiment import Experiment, StepResult, Tensor, as_array
from byhand.protocol.source_rules import broken_rules

LR = 2e-3  # not the default of torch.optim.SGD, so that a forgotten one shows
CALLS, STEPS = 2, 3  # how often a subject is called, and the steps that each call takes
WAYS = ("hand", "autograd", "optimizer")

UNMOVED = "It has not moved: change the tensors you are given in place."
GATHERED = "The gradients of earlier steps are still in it: set them to zero."
UPHILL = "It goes uphill: the gradient is subtracted."
MEAN = "The loss is a sum over the batch, not a mean."
BUGS = {
    "Neither bug is mended: this is the step as it was.": shared_bias(LATE_BIAS),
    "Now look at the biases: what does each entry of b1 move?": shared_bias(loss),
    "Now look at the mask: when is a hidden unit off?": LATE_BIAS,
}


@calm()
def descent(
    subject: Any,
    by: str,
    batch: int = 64,
    sizes: Sequence[int] = SIZES,
    seed: int | None = None,
) -> Report | None:
    """Hold the losses and the weights after some steps of gradient descent against PyTorch's.

    by: "hand": subject(x, y, w1, b1, w2, b2, lr) takes one step without autograd and returns the
    loss before it; "autograd" or "optimizer": subject(x, y, w1, b1, w2, b2, lr, steps) takes all
    of them, with or without torch.optim, and returns the losses. Raises CheckFailed with what was
    found.
    """
    if by not in WAYS:
        raise ValueError(f"by is one of {WAYS}, not {by!r}")
    [name], runner = reach(subject)
    draw = Draw(seed)
    args = draw_problem(batch, sizes, draw)
    title = f"{name} with inputs, hidden units and outputs {tuple(sizes)}, batch {batch}"
    report = Report(title, draw.repeat("descent"))
    if by == "hand":
        rules = broken_rules(runner.program(name), name, loops=True, torch=True, autograd=False)
        report.lines += [Line("rules", False, rule) for rule in rules]
    trial = _Trial(name, by, args, draw.seed)
    report.lines += trial.judge(runner.run(trial.experiment))
    if by == "autograd" and report.passed:
        report.lines.append(_needs_autograd(_Trial(name, by, args, draw.seed, False), runner.run))
    return conclude(report)


class _Trial:
    """The subject called twice with the same weights, and PyTorch's answers to it."""

    def __init__(
        self, name: str, by: str, args: dict[str, np.ndarray], seed: int, autograd: bool = True
    ):
        self.name, self.by, self.args = name, by, args
        self.steps = 1 if by == "hand" else STEPS
        ex = self.experiment = Experiment(
            seed=seed, tensors=True, autograd=autograd and by != "hand"
        )
        self.data = {n: ex.put(Tensor(args[n])) for n in ("x", "y")}
        # clones, because what is put must not change
        self.weights = {n: ex.method(ex.put(Tensor(args[n])), "clone") for n in WEIGHTS}
        counter = ex.call("fixtures.OptimizerSteps")
        count = () if by == "hand" else (self.steps,)
        given = [*self.data.values(), *self.weights.values(), LR, *count]
        self.calls = [ex.call(name, *given) for _ in range(CALLS)]
        self.after = {n: ex.read(ref) for n, ref in self.weights.items()}
        self.counted = ex.method(counter, "stop")

    def judge(self, outcomes: list[StepResult]) -> list[Line]:
        called = [outcomes[ref.index] for ref in self.calls]
        for outcome in called:
            if outcome.failure is not None:
                return [Line(self.name, False, str(outcome.failure))]
        wanted, weights = self.descend()
        lines = [self._losses(called, np.array(wanted))]
        lines += [
            compare(
                f"{n} after {CALLS * self.steps} steps",
                as_array(outcomes[ref.index]),
                weights[n],
                suspects=partial(self._suspects, n),
            )
            for n, ref in self.after.items()
        ]
        lines += self._by(outcomes[self.counted.index].value)
        return lines + changes(outcomes, {ref: name for name, ref in self.data.items()})

    def descend(
        self, of: Callable = loss, lr: float = LR, gather: bool = False
    ) -> tuple[list[float], dict[str, np.ndarray]]:
        """The loss before each step and the weights after all of them.

        of: the loss whose gradients are followed; gather: whether these add up over the steps.
        """
        x, y, *weights = (torch.from_numpy(value) for value in self.args.values())
        slope = torch.func.grad_and_value(of, argnums=(2, 3, 4, 5))
        losses, gathered = [], [torch.zeros_like(w) for w in weights]
        for _ in range(CALLS * self.steps):
            grads, value = slope(x, y, *weights)
            losses.append(value.item())
            gathered = [g + (old if gather else 0) for g, old in zip(grads, gathered, strict=True)]
            weights = [w - lr * g for w, g in zip(weights, gathered, strict=True)]
        return losses, dict(zip(WEIGHTS, (w.numpy() for w in weights), strict=True))

    def _losses(self, called: list[StepResult], wanted: np.ndarray) -> Line:
        """The losses that the calls returned, one after the other."""
        name, found = "loss before each step", []
        for value in (as_array(outcome).value for outcome in called):
            if self.by == "hand":
                value = [value]
            elif not isinstance(value, list):
                text = f"returned {described(value)}, expected a list of {self.steps} losses"
                return Line(name, False, text)
            numbers = [number_in(as_array(StepResult(item)).value) for item in value]
            if len(numbers) != self.steps or None in numbers:
                other = next((v for v, n in zip(value, numbers, strict=True) if n is None), value)
                text = f"{len(value)} of them, expected {self.steps}"
                if None in numbers:
                    text = f"is {described(other)}, expected a number"
                return Line(name, False, text)
            found += numbers
        late = [*self.descend()[0][1:]]
        line = compare(name, StepResult(np.array(found)), wanted)
        if not line.ok and np.allclose(found[: len(late)], late, rtol=1e-6):
            line.hint = "These are the losses after each step."
        return line

    def _suspects(self, name: str) -> list[Suspect]:
        """What well-known mistakes make of a weight."""
        wrong = [
            (UNMOVED, self.args[name]),
            (UPHILL, self.descend(lr=-LR)[1][name]),
        ]
        if self.by == "hand":
            return wrong + [(words, self.descend(of)[1][name]) for words, of in BUGS.items()]
        of_mean = partial(loss, reduction="mean")
        return [
            *wrong,
            (GATHERED, self.descend(gather=True)[1][name]),
            (MEAN, self.descend(of_mean)[1][name]),
        ]

    def _by(self, counted: Any) -> list[Line]:
        """Whether it was torch.optim that took the steps."""
        steps, name = CALLS * self.steps, "torch.optim"
        if self.by == "optimizer":
            text = f"took {counted} of {steps} steps"
            hint = "" if counted == steps else "Let the optimizer change the weights."
            return [Line(name, counted == steps, text, hint=hint)]
        return [Line(name, False, "took the steps; here they are yours")] if counted else []


def _needs_autograd(trial: _Trial, run: Callable[[Experiment], list[StepResult]]) -> Line:
    """Whether the subject fails when PyTorch records nothing, as it should."""
    outcomes = run(trial.experiment)
    needed = outcomes[trial.calls[-1].index].failure is not None
    text = "" if needed else "the gradients do not come from it: call backward()"
    return Line("autograd", needed, text)
