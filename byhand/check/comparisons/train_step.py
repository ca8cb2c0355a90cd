"""check.train_step and check.predict: the two functions that run a network."""

from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check.compare import Suspect, changes, compare, compare_number, described, not_an_array
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Line, Report, conclude
from byhand.check.subject import reach
from byhand.protocol.experiment import Experiment, StepResult
from byhand.protocol.source_rules import broken_rules

SHAPE = (6, 5)  # samples, features; the features are the classes, too
STEPS = 3
RATE = 0.5

WRONG_ORDERS = {
    "stale": "Gradients of the step before are still in it: set them to zero in every step.",
    "early": "The scheduler has taken its step before the optimizer: first the optimizer.",
    "eval": "That is the network in eval mode: a training step switches it to train mode.",
}


@calm()
def train_step(function: Any, seed: int | None = None) -> Report | None:
    """Follow three steps of training through a given network, loss, optimizer and scheduler.

    function: called with network, criterion, optimizer, scheduler, X, y; returns the loss. Raises
    CheckFailed with what was found.
    """
    [name], runner = reach(function)
    draw = Draw(seed)
    report = Report(f"{name} on a given network, {STEPS} steps", draw.repeat("train_step"))
    report.lines += [Line("rules", False, rule) for rule in _rules(runner, name)]
    trial = _Steps(name, draw)
    report.lines += trial.judge(runner.run(trial.experiment))
    return conclude(report)


@calm()
def predict(
    function: Any, samples: int = 7, batch_size: int = 3, seed: int | None = None
) -> Report | None:
    """Ask for the classes of some samples, of a given network that was left in train mode.

    function: called with network, X and batch_size; returns class numbers. Raises CheckFailed.
    """
    [name], runner = reach(function)
    draw = Draw(seed)
    title = f"{name} on {samples} samples, batch_size={batch_size}"
    report = Report(title, draw.repeat("predict"))
    report.lines += [Line("rules", False, rule) for rule in _rules(runner, name)]
    weight, x = draw.normal(SHAPE[1:]), draw.normal((samples, SHAPE[1]))
    ex = Experiment(seed=draw.seed)
    network = ex.call("fixtures.Moody", weight)
    x_ref = ex.put(x)
    ex.method(network, "train")
    asked = ex.call(name, network, x_ref, batch_size=batch_size)
    outcomes = runner.run(ex)
    report.lines.append(_classes(outcomes[asked.index], weight, x))
    report.lines += changes(outcomes, {x_ref: "X"})
    return conclude(report)


def _rules(runner: Any, name: str) -> list[str]:
    return broken_rules(runner.program(name), name, loops=True)


class _Steps:
    """The experiment: a step from eval mode, and two more, each on a batch of its own."""

    def __init__(self, name: str, draw: Draw):
        self.weight = draw.normal(SHAPE[1:])
        self.batches = [
            (draw.normal(SHAPE), draw.rng.integers(0, SHAPE[1], SHAPE[0])) for _ in range(STEPS)
        ]
        ex = self.experiment = Experiment(seed=draw.seed)
        network = ex.call("fixtures.Moody", self.weight)
        ex.method(network, "eval")
        optimizer = ex.call("fixtures.Bounded", network, RATE)
        parts = (
            network,
            ex.call("fixtures.Wave"),
            optimizer,
            ex.call("fixtures.Harmonic", optimizer),
        )
        self.arguments = {}
        self.steps = []
        for x, y in self.batches:
            refs = ex.put(x), ex.put(y)
            self.arguments |= {refs[0]: "X", refs[1]: "y"}
            loss = ex.call(name, *parts, *refs)
            self.steps.append((loss, ex.get(network, "weight"), ex.get(optimizer, "lr")))

    def judge(self, outcomes: list[StepResult]) -> list[Line]:
        lines = []
        for number, answer in enumerate(self._answers()):
            loss, weight, lr = (outcomes[ref.index] for ref in self.steps[number])
            if loss.failure is not None:
                return [*lines, Line(f"step {number + 1}", False, str(loss.failure))]
            after = f"after step {number + 1}"
            lines = [
                compare_number(f"loss of step {number + 1}", loss, answer[0],
                               suspects=partial(self._suspects, number, 0)),
                compare(f"weight {after}", weight, answer[1], against="expected",
                        suspects=partial(self._suspects, number, 1)),
                compare_number(f"learning rate {after}", lr, answer[2],
                               suspects=partial(self._suspects, number, 2)),
            ]  # fmt: skip
            if not all(line.ok for line in lines):
                break
        return lines + changes(outcomes, self.arguments)

    def _answers(self, order: str = "") -> list[tuple[float, np.ndarray, float]]:
        """PyTorch's loss, weight and learning rate for each step; order: one of WRONG_ORDERS."""
        weight = torch.tensor(self.weight, requires_grad=True)
        rates = [RATE / (1 + count) for count in range(STEPS + 1)]
        answers = []
        for number, (x, y) in enumerate(self.batches):
            if order != "stale":
                weight.grad = None
            output = _output(weight, torch.from_numpy(x), train=order != "eval")
            loss = torch.sin(output[range(len(y)), torch.from_numpy(y)]).mean()
            loss.backward()
            rate = rates[number + 1 if order == "early" else number]
            weight.data -= rate * torch.tanh(weight.grad)
            answers.append((loss.item(), weight.detach().numpy().copy(), rates[number + 1]))
        return answers

    def _suspects(self, number: int, which: int) -> list[Suspect]:
        """What other orders would have given in step `number`: loss, weight or learning rate."""
        suspects = [
            (words, self._answers(order)[number][which]) for order, words in WRONG_ORDERS.items()
        ]
        before = [self.weight, *(answer[1] for answer in self._answers())][number]
        if which == 1:
            words = "It did not change. Is the optimizer's step missing, or the backward pass?"
            suspects.append((words, before))
        if which == 2:
            words = "It is the rate of the step before: is the scheduler's step missing?"
            suspects.append((words, RATE / (1 + number)))
        return suspects


def _output(weight: torch.Tensor, x: torch.Tensor, train: bool) -> torch.Tensor:
    """PyTorch's side of fixtures.Moody."""
    y = weight * torch.sin(x) + torch.roll(x, 1, -1) / 2
    return torch.roll(y, 1, -1) if train else y


def _classes(outcome: StepResult, weight: np.ndarray, x: np.ndarray) -> Line:
    """The line for what predict returned."""
    modes = [_output(torch.from_numpy(weight), torch.from_numpy(x), m) for m in (False, True)]
    expected, in_train_mode = (output.argmax(dim=1).numpy() for output in modes)
    value = outcome.value
    if (wrong := not_an_array(outcome)) is not None:
        return Line("classes", False, wrong)
    if value.shape != expected.shape:
        text = f"have shape {value.shape}, expected {expected.shape}: one number a sample"
        return Line("classes", False, text)
    if value.dtype.kind not in "iu":
        text = f"are {described(value)} of {value.dtype}, expected whole numbers"
        return Line("classes", False, text)
    if np.array_equal(value, expected):
        return Line("classes", True, f"{len(expected)} of {len(expected)} right")
    told = np.array_equal(value, in_train_mode)
    hint = "That is the network in train mode: switch it to eval mode first." if told else ""
    text = (
        f"{(value == expected).sum()} of {len(expected)} right: yours {value}, expected {expected}"
    )
    return Line("classes", False, text, hint=hint)
