"""check.scheduler: the learning rates of a schedule against torch.optim.lr_scheduler, by step."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from byhand.check.compare import compare_number, number_in
from byhand.check.random_inputs import Draw, calm, written
from byhand.check.report import Line, Report, conclude
from byhand.check.subject import reach
from byhand.protocol.experiment import Experiment, StepResult

ALIKE = 1e-6  # relative agreement of all rates that makes a suspicion worth telling
CosineAnnealingLR = torch.optim.lr_scheduler.CosineAnnealingLR
ExponentialLR = torch.optim.lr_scheduler.ExponentialLR
OneCycleLR = torch.optim.lr_scheduler.OneCycleLR
StepLR = torch.optim.lr_scheduler.StepLR

Like = Callable[..., torch.optim.lr_scheduler.LRScheduler]
Suspect = tuple[str, Sequence[float]]  # words, and the rates that the mistake would have given


@calm()
def scheduler(
    cls: Any,
    like: Like,
    make: dict[str, Any],
    steps: int = 30,
    lrs: Sequence[float] = (0.1, 0.03),
    seed: int | None = None,
) -> Report | None:
    """Hold the rates that a schedule gives an optimizer against PyTorch's, over some steps.

    like: the PyTorch class, called with the same arguments `make`; lrs: the rates of the
    optimizers, one for each, that are scheduled side by side. Where PyTorch raises an error the
    schedule has to raise it too, and the check ends. Raises CheckFailed with what was found.
    """
    [name], runner = reach(cls)
    draw = Draw(seed)
    title = f"{written(name, 'optimizer', **make)}, {steps} steps"
    report = Report(title, draw.repeat("scheduler"))
    experiment = Experiment(seed=draw.seed)
    trials = [_Trial(name, like, make, steps, lr) for lr in lrs]
    for trial in trials:
        trial.build(experiment)
    for _ in range(steps):
        for trial in trials:
            trial.step(experiment)
    outcomes = runner.run(experiment)
    for trial in trials:
        report.lines += trial.judge(outcomes)
        if not report.passed:
            break
    return conclude(report)


class _Trial:
    """A schedule of one optimizer, and PyTorch's rates for it."""

    def __init__(self, name: str, like: Like, make: dict[str, Any], steps: int, lr: float):
        self.name, self.like, self.make, self.lr = name, like, make, lr
        self.expected, self.error = _rates(like, make, steps, lr)
        self.steps, self.rates = [], []

    def build(self, ex: Experiment) -> None:
        """Write the first steps: an optimizer and its schedule."""
        self.optimizer = ex.call("fixtures.Still", self.lr)
        self.scheduler = ex.call(self.name, self.optimizer, **self.make)
        self.rates.append(ex.get(self.optimizer, "lr"))

    def step(self, ex: Experiment) -> None:
        """Write a step of both."""
        ex.method(self.optimizer, "step")
        self.steps.append(ex.method(self.scheduler, "step"))
        self.rates.append(ex.get(self.optimizer, "lr"))

    def judge(self, outcomes: list[StepResult]) -> list[Line]:
        """A line for each thing that is wrong, or one if nothing is."""
        if (failure := outcomes[self.scheduler.index].failure) is not None:
            return [Line("constructor", False, str(failure))]
        yours = [number_in(outcomes[rate.index].value) for rate in self.rates]
        largest = 0.0
        for number, expected in enumerate(self.expected):
            label = f"rate after step {number}" if number else "rate at the start"
            if number and (failure := outcomes[self.steps[number - 1].index].failure) is not None:
                return [Line(f"step {number}", False, str(failure))]
            line = compare_number(label, outcomes[self.rates[number].index], expected)
            if not line.ok:
                line.hint = self._suspicion(yours) or line.hint
                return [line]
            largest = max(largest, line.error)
        lines = [Line(f"from lr={self.lr:g}", True, f"largest error {largest:.0e}", largest)]
        return lines + (self._refusal(outcomes) if self.error else [])

    def _refusal(self, outcomes: list[StepResult]) -> list[Line]:
        """The step at which PyTorch raises an error."""
        number = len(self.expected)
        failure = outcomes[self.steps[number - 1].index].failure
        if failure is not None and failure.type == self.error:
            return [Line(f"{self.error} at step {number}", True)]
        text = str(failure or f"nothing was raised, expected {self.error}")
        return [Line(f"step {number}", False, text)]

    def _suspicion(self, yours: list[float | None]) -> str:
        """The mistake in words, if all the rates are those that it gives."""
        yours = yours[: len(self.expected)]
        if any(rate is None for rate in yours):
            return ""
        for words, rates in self._suspects():
            if _alike(yours, rates) and not _alike(self.expected, rates):
                return words
        return ""

    def _suspects(self) -> list[Suspect]:
        """What well-known mistakes would have given."""
        lr, right = self.lr, self.expected
        times = range(len(right))
        later, _ = _rates(self.like, self.make, len(right), lr)
        suspects: list[Suspect] = [
            (
                "It did not change. get_lr() returns the rate, step() sets optimizer.lr.",
                [lr] * len(right),
            ),
            ("Yours is one step behind.", [right[0], *right[:-1]]),
            ("Yours is one step ahead.", [right[0], *later[2:]]),
            ("Yours is one step ahead, from the start.", later[1:]),
        ]
        if self.like is ExponentialLR:
            suspects.append(("It does not compound: every step multiplies once more.",
                             [lr, *[lr * self.make["gamma"]] * (len(right) - 1)]))  # fmt: skip
        if self.like is StepLR:
            gamma, size = self.make.get("gamma", 0.1), self.make["step_size"]
            suspects += [
                ("It does not compound: every step_size steps multiply once more.",
                 [lr if t < size else lr * gamma for t in times]),
                ("It falls at every step; it should fall every step_size steps only.",
                 [lr * gamma**t for t in times]),
            ]  # fmt: skip
        if self.like is CosineAnnealingLR:
            suspects += self._cosine_suspects(times)
        if self.like is OneCycleLR:
            suspects += self._one_cycle_suspects(len(right) - 1)
        return suspects

    def _cosine_suspects(self, times: range) -> list[Suspect]:
        half, low = self.make["T_max"], self.make.get("eta_min", 0.0)

        def rates(clock: Callable[[int], float]) -> list[float]:
            swing = (self.lr - low) / 2
            return [low + swing * (1 + math.cos(math.pi * clock(t) / half)) for t in times]

        return [
            ("After T_max it starts again from the top; PyTorch's goes on along the cosine.",
             rates(lambda t: t % half)),
            ("After T_max it stays at eta_min; PyTorch's goes on along the cosine.",
             rates(lambda t: min(t, half))),
            ("eta_min is not added.", [self.lr, *(rate - low for rate in self.expected[1:])]),
            ("It is as if eta_min were 0.",
             _rates(self.like, self.make | {"eta_min": 0.0}, len(times) - 1, self.lr)[0]),
            ("It takes 2 T_max for a whole way down: half a cosine is T_max steps.",
             rates(lambda t: t / 2)),
        ]  # fmt: skip

    def _one_cycle_suspects(self, steps: int) -> list[Suspect]:
        def rates(**changes: Any) -> list[float]:
            return _rates(self.like, self.make | changes, steps, self.lr)[0]

        div, final = self.make.get("div_factor", 25.0), self.make.get("final_div_factor", 1e4)
        return [
            ("The rate goes in straight lines; here it follows half a cosine, up and down.",
             rates(anneal_strategy="linear")),
            ("The last rate is the first one, not max_lr, divided by final_div_factor.",
             rates(final_div_factor=final / div)),
            ("The constructor has to set optimizer.lr: to max_lr / div_factor.",
             [self.lr, *self.expected[1:]]),
            ("The way begins at max_lr / div_factor, not at the optimizer's own rate.",
             rates(div_factor=self.make["max_lr"] / self.lr)),
        ]  # fmt: skip


def _rates(like: Like, make: dict[str, Any], steps: int, lr: float) -> tuple[list[float], str]:
    """PyTorch's rates, the first one included, until it raises an error; that error's name."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedule = like(optimizer, **make)
    rates = [float(optimizer.param_groups[0]["lr"])]
    for _ in range(steps):
        optimizer.step()
        try:
            schedule.step()
        except ValueError as error:
            return rates, type(error).__name__
        rates.append(float(optimizer.param_groups[0]["lr"]))
    return rates, ""


def _alike(yours: Sequence[float], rates: Sequence[float]) -> bool:
    """Whether two runs of rates agree everywhere, measured by the largest of them."""
    scale = max(map(abs, rates), default=0.0)
    return len(yours) == len(rates) and all(
        abs(a - b) <= ALIKE * scale for a, b in zip(yours, rates, strict=True)
    )
