"""check.sorts and check.learns_to_sort: a network that was trained elsewhere, and one that trains.

The digits are drawn here, and what is right stays here.
"""

import math
from typing import Any

import numpy as np
import torch

from byhand import sorting
from byhand.check.compare import described
from byhand.check.core import Check
from byhand.check.properties.trained_network import line, scores, values
from byhand.check.random_inputs import calm
from byhand.check.report import Report
from byhand.protocol.experiment import Experiment

SEQUENCES, EXACT = 1_000, 0.99  # tried, and the share that has to be right
PATIENCE = 10.0  # seconds for writing them all
UNTRAINED = 0.5  # a new network that is right this often has not learned it
STEPS, SIZE = 150, 32  # of the short training run: batches, and sequences in each
FALL = 0.9  # the loss after it, as a share of guessing


@calm()
def sorts(build: Any, file: str, seed: int | None = None) -> Report | None:
    """Fill a network with the weights in `file` and have it sort SEQUENCES new sequences.

    build: a function that returns the network. It reads eight digits and the separator, writes the
    most likely digit, reads that too, and so on. Raises CheckFailed.
    """
    check = Check("sorts", build, seed=seed)
    check.report.title = f"{check.name}() with the weights in {file}"
    tokens, targets = sorting.sequences(SEQUENCES, check.draw.rng)
    digits = tokens[:, : sorting.DIGITS]
    ex = Experiment(seconds=PATIENCE)
    network = ex.call(check.name)
    loaded, written = (
        ex.call("fixtures.load", network, file),
        ex.call("fixtures.sort", network, digits),
    )
    *_, told, found = values(check, ex, [check.name, "file", "output"], network, loaded, written)
    if told != sorting.NAME:
        text = f"{file} was trained on {str(told)[:200]!r}, not on {sorting.NAME!r}"
        line(check, "file", False, text, "Is it the file of another notebook?")
        return check.conclude()
    right = _right(check, found, targets)
    needed, text = math.ceil(EXACT * SEQUENCES), f"{right:,} of {SEQUENCES:,} exactly right"
    hint = "Train longer, or look whether the loss still falls at the end."
    line(check, "sorted sequences", right >= needed, f"{text}, needed: {needed:,}", hint)
    ex = Experiment(seed=check.draw.seed, seconds=PATIENCE)
    network = ex.call(check.name)
    written = ex.call("fixtures.sort", network, digits[:100])
    _, found = values(check, ex, [check.name, "output"], network, written)
    share = _right(check, found, targets[:100]) / 100
    hint = "A network has to learn to sort, not to call a function that does."
    line(check, "a new network", share <= UNTRAINED, f"{share:.0%} right without training", hint)
    return check.conclude()


@calm()
def learns_to_sort(
    build: Any, trainers: Any, criterion: Any, seed: int | None = None
) -> Report | None:
    """Train a new network for STEPS steps: on new sequences its loss has to fall.

    trainers: a function of the network and the number of steps that returns an optimizer and a
    scheduler (or None); criterion: the class of the loss. Raises CheckFailed.
    """
    check = Check("learns_to_sort", build, trainers, criterion, seed=seed)
    names, draw = check.names, check.draw
    check.report.title = f"{names[0]}(), trained for {STEPS} steps by {names[1]}()"
    tokens, targets = sorting.sequences((STEPS + 1) * SIZE, draw.rng)
    ex = Experiment(seed=draw.seed)
    network = ex.call(names[0])
    pair, loss = ex.call(names[1], network, STEPS), ex.call(names[2])
    outputs = ex.call("fixtures.learn_to_sort", network, loss, pair, tokens, targets, SIZE)
    labels = [names[0], names[1], names[2], "training"]
    *_, outputs = values(check, ex, labels, network, pair, loss, outputs)
    right = torch.from_numpy(targets[-SIZE:].ravel())
    both = isinstance(outputs, list | tuple) and len(outputs) == 2
    found = [scores(check, one, len(right), "digits") for one in (outputs if both else [outputs])]
    losses = [torch.nn.functional.cross_entropy(torch.from_numpy(one), right) for one in found]
    was, now = float(losses[0]), float(losses[-1])
    most = FALL * math.log(10)
    text, hint = f"{was:.3g} before, {now:.3g} after", f"It should fall to {most:.2f} at least."
    line(
        check, "loss on new sequences", now <= most, text, f"{hint} Are the learning rates far off?"
    )
    return check.conclude()


def _right(check: Check, written: Any, targets: np.ndarray) -> int:
    """How many sequences are exactly right. Raises CheckFailed."""
    if not isinstance(written, np.ndarray) or written.shape != targets.shape:
        line(check, "output", False, f"is {described(written)}, expected digits {targets.shape}")
        check.conclude()
    return int((written == targets).all(axis=1).sum())
