"""check.train_step and check.predict: the two functions that run a network."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check.core import Check
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Report
from byhand.check.script import Hint, Script
from byhand.protocol.experiment import Given, Ref

SAMPLES, FEATURES = 6, 5  # the features are the classes, too
STEPS, RATE = 3, 0.5


@calm()
def train_step(function: Any, seed: int | None = None) -> Report | None:
    """Follow three steps of training through a given network, loss, optimizer and scheduler.

    function: called with network, criterion, optimizer, scheduler, X, y; returns the loss. Raises
    CheckFailed with what was found.
    """
    check = Check("train_step", function, seed=seed)
    check.report.title = f"{check.name} on a given network, {STEPS} steps"
    check.rules(loops=True)
    draw = check.draw

    def write(script: Script, dtype: type) -> None:
        """Steps on a batch each, the last one short; gradients are left, and eval mode twice."""
        tide = _tide(draw)
        network = _network(script, draw.normal((FEATURES,)), tide)
        script.set(network, "grad_weight", draw.normal((FEATURES,)))
        optimizer = script.call("fixtures.Bounded", network, RATE)
        schedule = script.call("fixtures.Harmonic", optimizer)
        parts = network, script.call("fixtures.Wave"), optimizer, schedule
        for number in range(1, STEPS + 1):
            samples = SAMPLES - (number == STEPS)
            if number != 2:
                script.method(network, "eval")
            order = "F" if number == 2 else "C"  # in memory
            x = script.argument("X", np.array(draw.normal((samples, FEATURES)), order=order))
            y = script.argument("y", draw.rng.integers(0, FEATURES, samples))
            loss = script.call(check.name, *parts, x, y)
            script.look(f"loss of step {number}", loss, "loss")
            weight, rate = script.get(network, "weight"), script.get(optimizer, "lr")
            script.look(f"weight after step {number}", weight, "weight")
            script.look(f"learning rate after step {number}", rate, "learning rate")
        script.expect("passes through the network", loss, lambda _: once(tide.asked), quiet=True)

    def once(asked: list[tuple[int, ...]]) -> str:
        fine = asked == [(SAMPLES, FEATURES)] * (STEPS - 1) + [(SAMPLES - 1, FEATURES)]
        return "" if fine else "a step runs the network forward once, on its batch"

    hints = [Hint(says, partial(_step, **how)) for says, how in MISTAKES.items()]
    return check.differential(_step, write, hints, dtypes=[np.float64])


def _tide(draw: Draw) -> Given:
    """A number for each sample, (B, 1), without which the network cannot be computed."""
    secret = draw.normal((FEATURES, 1))

    def tide(x: np.ndarray) -> np.ndarray:
        if x.ndim != 2 or x.shape[1] != FEATURES or x.dtype.kind != "f":
            raise ValueError(f"the network got {x.dtype} of shape {x.shape}, not (B, {FEATURES})")
        return np.sin(x @ secret)

    return Given(tide)


def _network(script: Script, weight: np.ndarray, tide: Given) -> Ref:
    return script.call("fixtures.Stage", moody=True, tide=script.put(tide), weight=weight)


MISTAKES: dict[str, dict[str, int]] = {
    "Gradients from before are still in it: set them to zero before the backward pass.": {
        "zeroed": 0
    },
    "The scheduler has taken its step before the optimizer: first the optimizer.": {"before": 1},
    "That is the network in eval mode: a training step switches it to train mode.": {"mode": 0},
    "It is in eval mode again: every step switches it to train mode.": {"mode": 2},
    "It did not change. Is the optimizer's step missing, or the backward pass?": {"steps": 0},
    "The optimizer takes two steps.": {"steps": 2},
    "It is the rate of the step before: is the scheduler's step missing?": {"after": 0},
    "The scheduler takes two steps.": {"after": 2},
    "backward gets the gradient of the loss, not the prediction.": {"astray": 1},
    "That is the loss after the step; return the one before it.": {"late": 1},
}


def _step(
    network: Any, criterion: Callable, optimizer: Any, schedule: Any, X: np.ndarray, y: np.ndarray,
    zeroed: int = 1, mode: int = 1, before: int = 0, steps: int = 1, after: int = 1, late: int = 0,
    astray: int = 0,
) -> float:  # fmt: skip
    """PyTorch's own step; the numbers make mistakes in it."""
    x, target = torch.from_numpy(X), torch.from_numpy(y)
    if mode < 2 or not schedule.last_epoch:
        network.twin.train(bool(mode))
    if zeroed:
        optimizer.zero_grad()
    prediction = network.twin(x)
    loss = criterion(prediction, target)
    prediction.backward(prediction.detach()) if astray else loss.backward()
    rate = [schedule.step]
    for step in before * rate + steps * [optimizer.step] + (after - before) * rate:
        step()
    return (criterion(network.twin(x), target) if late else loss).item()


@calm()
def predict(
    function: Any, samples: int = 7, batch_size: int = 3, seed: int | None = None
) -> Report | None:
    """Ask for the classes of some samples, of a given network that was left in train mode.

    function: called with network, X and batch_size; returns class numbers. Raises CheckFailed.
    """
    check = Check("predict", function, seed=seed)
    check.report.title = f"{check.name} on {samples} samples, batch_size={batch_size}"
    check.rules(loops=True)
    weight, x = check.draw.normal((FEATURES,)), check.draw.normal((samples, FEATURES))

    def write(script: Script, dtype: type) -> None:
        tide = _tide(check.draw)
        network = _network(script, weight, tide)
        x_ref = script.argument("X", x)
        script.method(network, "train")
        classes = script.call(check.name, network, x_ref, batch_size=batch_size)
        script.look("classes", classes)
        script.expect("samples", classes, lambda _: sizes(tide.asked), quiet=True)

    def sizes(asked: list[tuple[int, ...]]) -> str:
        seen = [shape[0] if shape else 0 for shape in asked]
        fine = sum(seen) == samples and all(0 < n <= batch_size for n in seen)
        words = f"{samples} of them, at most {batch_size} at a time and never none"
        return "" if fine else f"went through in batches of {seen}, expected {words}"

    mistakes: dict[str, dict[str, Any]] = {
        "That is the network in train mode: switch it to eval mode first.": {"mode": True},
        "That is the largest output itself; the class is its place.": {"of": lambda y: y.amax(1)},
        "That is the smallest output's class.": {"of": lambda y: y.argmin(1)},
        "The argmax runs over the samples; it should be over the classes, axis 1.":
            {"of": lambda y: y.argmax(0)},
    }  # fmt: skip
    hints = [Hint(says, partial(_classes, **how)) for says, how in mistakes.items()]
    return check.differential(_classes, write, hints, dtypes=[np.float64])


def _classes(
    network: Any, X: np.ndarray, batch_size: int, mode: bool = False, of: Callable | None = None
) -> np.ndarray:
    with torch.no_grad():
        y = network.twin.train(mode)(torch.from_numpy(X))
    return (of or (lambda y: y.argmax(1)))(y).numpy()
