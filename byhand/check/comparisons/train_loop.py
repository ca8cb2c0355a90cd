"""check.train_loop: the loop that trains a network on sequences."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import torch

from byhand import sorting
from byhand.check.core import Check
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Report
from byhand.check.script import Hint, Script
from byhand.protocol.experiment import Given

SIZES, RATE = (4, 4, 3), 0.5  # of the batches; of the optimizer at first


@calm()
def train_loop(function: Any, seed: int | None = None) -> Report | None:
    """Follow three steps of training on sequences, of a given network, optimizer and scheduler.

    function: called with run, network, optimizer, scheduler and loader; see fixtures.PlainRun.
    Raises CheckFailed with what was found.
    """
    check = Check("train_loop", function, seed=seed)
    check.report.title = f"{check.name} on a given network, {len(SIZES)} steps"
    check.rules(loops=True)
    draw = check.draw

    def write(script: Script, dtype: type) -> None:
        tide = Given(_Tide(draw))
        network = script.call("fixtures.Scores", draw.positive((10,)), script.put(tide))
        script.method(network, "eval")
        optimizer = script.call("fixtures.Bounded", network, RATE)
        schedule = script.call("fixtures.Harmonic", optimizer)
        run = script.call("fixtures.PlainRun")
        loader = [sorting.sequences(size, draw.rng) for size in SIZES]
        last = script.call(check.name, run, network, optimizer, schedule, loader)
        losses = script.get(run, "losses")
        how = dict(after=last)
        count = script.call("fixtures.length", losses)
        words = f"takes {{}} steps on {len(SIZES)} batches: one for each of run.batches(loader)"
        script.look("steps", count, quiet=True, otherwise=lambda m, _: words.format(m), **how)
        for number in range(len(SIZES)):
            loss = script.call("fixtures.item", losses, number)
            script.look(f"loss of step {number + 1}", loss, "loss", **how)
        script.look("weight after the last step", script.get(network, "weight"), "weight", **how)
        script.look("learning rate", script.get(optimizer, "lr"), **how)
        script.expect("passes through the network", last, lambda _: once(tide.asked), quiet=True)

    def once(asked: list[tuple[int, ...]]) -> str:
        fine = asked == [(size, sorting.LENGTH) for size in SIZES]
        return "" if fine else "a step runs the network forward once, on its batch"

    hints = [Hint(says, partial(_loop, **how)) for says, how in MISTAKES.items()]
    return check.differential(_loop, write, hints, dtypes=[np.float64])


class _Tide:
    """Numbers without which the network cannot be computed: (B, T) tokens -> (B, T, 10)."""

    def __init__(self, draw: Draw):
        self.secret = draw.normal((sorting.VOCABULARY, sorting.LENGTH, 10))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        if x.ndim != 2 or x.shape[1] != sorting.LENGTH or x.dtype.kind not in "iu":
            expected = f"integers (B, {sorting.LENGTH})"
            raise ValueError(f"the network got {x.dtype} of shape {x.shape}, not {expected}")
        return self.secret[x, np.arange(sorting.LENGTH)]


MISTAKES: dict[str, dict[str, Any]] = {
    "Gradients of the step before are still in it: set them to zero in every step.": {"zeroed": 0},
    "That is the network in eval mode: a training loop switches it to train mode.": {"mode": 0},
    "The scheduler's step is missing.": {"after": 0},
    "The scheduler has taken its step before the optimizer: first the optimizer.": {"before": 1},
    "It did not change. Is the optimizer's step missing, or the backward pass?": {"steps": 0},
    "The loss is the mean over all digits of the batch, not their sum for each sequence.":
        {"scale": sorting.DIGITS},
    "The scores that count are the last ones, from the separator on; yours are the first.":
        {"places": slice(0, sorting.DIGITS)},
    "The scores that count begin at the separator, one place later.":
        {"places": slice(-sorting.DIGITS - 1, -1)},
    "Only the last place counts in yours; all from the separator on do.":
        {"places": slice(-1, None), "only": slice(-1, None)},
    "That is the loss after the step; run.loss is the one before it.": {"late": 1},
}  # fmt: skip


def _loop(
    run: Any, network: Any, optimizer: Any, schedule: Any, loader: Iterable, zeroed: int = 1,
    mode: int = 1, before: int = 0, steps: int = 1, after: int = 1, scale: float = 1,
    places: slice = slice(-sorting.DIGITS, None), only: slice = slice(None),
    late: int = 0,
) -> None:  # fmt: skip
    """PyTorch's own steps; the last arguments make mistakes in them."""
    network.twin.train(bool(mode))

    def measured(tokens: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        scores = network.twin(tokens)[:, places]
        return torch.nn.functional.cross_entropy(scores.transpose(1, 2), target[:, only]) * scale

    for batch in run.batches(loader):
        tokens, targets = map(torch.from_numpy, batch)
        if zeroed:
            optimizer.zero_grad()
        loss = measured(tokens, targets)
        loss.backward()
        rate: list[Callable] = [schedule.step]
        for step in before * rate + steps * [optimizer.step] + (after - before) * rate:
            step()
        run.loss = (measured(tokens, targets) if late else loss).item()
