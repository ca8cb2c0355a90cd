"""check.optimizer: an optimizer against torch.optim, step by step."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check.compare import Suspect, alike, compare, described, factor, same_arrays
from byhand.check.hints.optimizers import first_steps, variants
from byhand.check.papers import optimizer_named
from byhand.check.random_inputs import Draw, calm, written
from byhand.check.report import Line, Report, conclude
from byhand.check.subject import reach
from byhand.protocol.experiment import Experiment, StepResult
from byhand.protocol.source_rules import broken_rules

# The first optimizer that is made loads hundreds of PyTorch's modules. Here, where the package is
# loaded, nobody waits for an answer yet.
torch.optim.SGD([torch.zeros(1, requires_grad=True)])

SHAPES = ((3, 4), (4,), (3, 4), (2, 1, 3))  # two alike, so that a state shared by shape shows

SAMPLES = 32  # of the batch behind an estimate of the Hessian

# torch.optim.NAdam keeps the product of its momenta in float32.
TOLERANCE = {torch.optim.NAdam: 1e-7}


@calm()
def optimizer(
    cls: Any,
    like: Callable[..., torch.optim.Optimizer] | str,
    make: dict[str, Any] | None = None,
    steps: int = 10,
    hessian_every: int = 0,
    seed: int | None = None,
) -> Report | None:
    """Hold an optimizer against PyTorch's over some steps on four parameters.

    like: the PyTorch class, called with the parameters and the same arguments `make`, or the name
    of an optimizer of a paper (see papers.py). The learning rate is halved on the way, as a
    schedule would do it. hessian_every: before the first and then every so many steps, the module
    has other gradients and update_hessian(batch_size) is called. Raises CheckFailed with what was
    found, and MissingPackageError.
    """
    make = make or {}
    like = optimizer_named(like) if isinstance(like, str) else like
    [name], runner = reach(cls)
    draw = Draw(seed)
    report = Report(f"{written(name, 'module', **make)}, {steps} steps", draw.repeat("optimizer"))
    for rule in broken_rules(runner.program(name), name, loops=True):
        report.lines.append(Line("rules", False, rule))
    trial = _Trial(name, like, make, steps, hessian_every, draw)
    report.lines += trial.judge(runner.run(trial.experiment))
    return conclude(report)


class _Trial:
    """The experiment on one optimizer, and PyTorch's answers to it."""

    def __init__(
        self,
        name: str,
        like: Callable[..., torch.optim.Optimizer],
        make: dict[str, Any],
        steps: int,
        hessian_every: int,
        draw: Draw,
    ):
        self.like, self.make, self.steps = like, make, steps
        self.start = [draw.normal(shape) for shape in SHAPES]
        # gradients of very different sizes, some exactly zero, show where eps and the roots stand;
        # one that is zero at first shows who takes a state of zero for the first step
        scales = 10.0 ** draw.rng.uniform(-3, 0.5, (steps, len(SHAPES)))
        self.grads = [
            [scale * draw.normal(shape) for shape, scale in zip(SHAPES, row, strict=True)]
            for row in scales
        ]
        for row in self.grads:
            row[0][0, 0] = 0.0
        self.grads[0][0][0, 1] = 0.0
        self.sampled = {
            number: [draw.normal(shape) for shape in SHAPES]
            for number in (range(0, steps, hessian_every) if hessian_every else ())
        }
        self.lr = make.get("lr")
        ex = self.experiment = Experiment(seed=draw.seed)
        self.module = ex.call("fixtures.Parameters", self.start)
        self.optimizer = ex.call(name, self.module, **make)
        held = ex.method(self.module, "parameters")
        held_grads = ex.method(self.module, "parameters_grad")
        self.after, self.grads_after, self.updates = [], [], {}
        for number, grads in enumerate(self.grads):
            if self.lr is not None and number == self.half:
                ex.set(self.optimizer, "lr", self.lr / 2)
            if number in self.sampled:
                ex.method(self.module, "receive", self.sampled[number])
                self.updates[number] = ex.method(self.optimizer, "update_hessian", SAMPLES)
            ex.method(self.module, "receive", grads)
            step = ex.method(self.optimizer, "step")
            self.after.append((step, ex.read(held)))
            self.grads_after.append(ex.read(held_grads))
        ex.method(self.optimizer, "zero_grad")
        self.zeroed = ex.read(held_grads)
        second = ex.call("fixtures.Parameters", self.start)
        other = ex.call(name, second, **make)
        if self.sampled:
            ex.method(second, "receive", self.sampled[0])
            ex.method(other, "update_hessian", SAMPLES)
        ex.method(second, "receive", self.grads[0])
        ex.method(other, "step")
        self.fresh = ex.method(second, "parameters")

    @property
    def half(self) -> int:
        """The step before which the learning rate is halved."""
        return (self.steps + 1) // 2

    def judge(self, outcomes: list[StepResult]) -> list[Line]:
        built = outcomes[self.optimizer.index]
        if built.failure is not None:
            return [Line("constructor", False, str(built.failure))]
        answers = self._answers(self.like)
        lines = []
        for number, (step, read) in enumerate(self.after):
            if number in self.updates and (failure := outcomes[self.updates[number].index].failure):
                return [Line("update_hessian", False, str(failure))]
            lines = self._step(number, outcomes[step.index], outcomes[read.index], answers)
            if any(line.ok is False for line in lines):
                return lines + self._grads_alone(outcomes)
        error = max(line.error for line in lines)
        done = [
            Line(f"parameters after {self.steps} steps", True, f"largest error {error:.0e}", error)
        ]
        return done + self._grads_alone(outcomes) + self._others(outcomes, answers)

    def _answers(self, like: Callable, **changes: Any) -> list[list[np.ndarray]]:
        """PyTorch's parameters after each step."""
        parameters = [torch.nn.Parameter(torch.from_numpy(a.copy())) for a in self.start]
        twin = like(parameters, **{**self.make, **changes})
        answers = []
        for number, grads in enumerate(self.grads):
            if self.lr is not None and number == self.half:
                for group in twin.param_groups:
                    group["lr"] = self.lr / 2
            for parameter, grad in zip(parameters, grads, strict=True):
                parameter.grad = torch.from_numpy(grad.copy())
            if number in self.sampled:
                # an estimate for the sum over a batch from its mean gradient g: batch size · g²
                sampled = map(torch.from_numpy, self.sampled[number])
                twin.step(hessian=[SAMPLES * grad**2 for grad in sampled])
            else:
                twin.step()
            answers.append([p.detach().numpy().copy() for p in parameters])
        return answers

    def _step(
        self, number: int, step: StepResult, read: StepResult, answers: list[list[np.ndarray]]
    ) -> list[Line]:
        """One line for each parameter after step `number` (from 0)."""
        if step.failure is not None:
            return [Line(f"step {number + 1}", False, str(step.failure))]
        if read.failure is not None:
            return [Line(f"step {number + 1}", False, str(read.failure))]
        if not isinstance(read.value, list) or len(read.value) != len(SHAPES):
            text = f"parameters() is {described(read.value)} now, no longer a list of its arrays"
            return [Line(f"step {number + 1}", False, text)]
        lines = []
        for index, (value, expected) in enumerate(zip(read.value, answers[number], strict=True)):
            label = f"parameter {index + 1} after step {number + 1}"
            suspects = partial(self._suspects, number, index)
            tolerance = TOLERANCE.get(self.like)
            line = compare(
                label, StepResult(value), expected, suspects=suspects, tolerance=tolerance
            )
            if line.yours is not None and not line.hint and number == 0:
                steps = (value - self.start[index], expected - self.start[index])
                line.hint = factor(*steps, {}).replace("Yours", "Your step")
            lines.append(line)
        return lines

    def _suspects(self, number: int, index: int) -> list[Suspect]:
        """What other mistakes would have given for parameter `index` at step `number`."""
        words = (
            "It did not change. Update it in place (p -= ..., p[...] = ...), not by a new array."
        )
        suspects: list[Suspect] = [(words, self.start[index])]
        if number == 0:
            suspects += first_steps(self.like, self.make, self.start[index], self.grads[0][index])
        for words, like, changes in variants(self.like, self.make):
            suspects.append((words, self._answers(like, **changes)[number][index]))
        return suspects

    def _grads_alone(self, outcomes: list[StepResult]) -> list[Line]:
        for number, (read, grads) in enumerate(zip(self.grads_after, self.grads, strict=True)):
            value = outcomes[read.index].value
            if value is not None and not same_arrays(value, grads):
                hint = "Work on a copy: grad = grad + ..., not grad += ..."
                text = f"step {number + 1} changed the gradients of the module"
                return [Line("gradients left alone", False, text, hint=hint)]
        return [Line("gradients left alone", True)]

    def _others(self, outcomes: list[StepResult], answers: list[list[np.ndarray]]) -> list[Line]:
        """A second optimizer starts afresh; zero_grad reaches the module."""
        fresh = outcomes[self.fresh.index]
        values = fresh.value if isinstance(fresh.value, list) else []
        same = len(values) == len(answers[0]) and all(
            isinstance(value, np.ndarray)
            and value.shape == expected.shape
            and value.dtype.kind == "f"
            and alike(value, expected)
            for value, expected in zip(values, answers[0], strict=True)
        )
        text = "" if same else "does not start afresh: is state kept outside the object?"
        lines = [Line("a second optimizer", same, text)]
        zeroed = outcomes[self.zeroed.index].value
        if not same_arrays(zeroed, [np.zeros(shape) for shape in SHAPES]):
            lines.append(Line("zero_grad", False, "leaves gradients that are not zero"))
        return lines
