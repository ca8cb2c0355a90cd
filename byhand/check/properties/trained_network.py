"""check.trained and check.learns: a network that was trained elsewhere, and one that trains here.

The weights that were handed in go through the student's own layers on images whose labels stay on
this side. Every validation image counts, so that no network passes or fails by luck.
"""

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from byhand import data
from byhand.check.compare import described
from byhand.check.core import Check
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Line, Report
from byhand.protocol.experiment import Experiment, Ref, StepResult
from byhand.protocol.runner import Runner

MNIST = "MNIST"
CLASSES = 10
FIRST, PIECE = 100, 1_000  # images in the first experiment, and in those after it
PATIENCE = 60.0  # seconds for all of them
HOPELESS = 3.0  # seconds for the first experiment
MOVED = 1_000  # images that are shown once more, moved by a pixel
MOVED_RIGHT = 0.8  # the share of them that a network gets right which has learned the digits
ROUNDING = 5_000  # of so many images, one may turn wrong by the rounding of another machine
STEPS, BATCH, HELD_OUT = 120, 32, 500  # of the short training run; images to measure it on
FALL = 0.95  # the loss after it, as a share of the loss before


@calm()
def trained(
    build: Any,
    file: str,
    least: float,
    least_small: float,
    flat: bool = False,
    seed: int | None = None,
) -> Report | None:
    """Fill a network with the weights in `file` and count its right answers for validation images.

    build: a function that returns the network; least: the share that has to be right on MNIST,
    least_small on the small digits, where these stand in; flat: whether the network takes images
    as (n, 784) rather than (n, 1, 28, 28). Raises CheckFailed, and DataError where the weights
    are for MNIST and this machine has none.
    """
    check = Check("trained", build, seed=seed)
    check.report.title = f"{check.name}() with the weights in {file}"
    digits = _digits(os.environ.get("BYHAND_DATA"))
    trial = _Answers(check.name, file, flat, check.runner)
    needed = least if digits.name == MNIST else least_small
    with threadpool_limits(1):  # on a busy machine more threads wait for each other
        check.report.lines += trial.judge(digits, needed, check.draw)
    return check.conclude()


@calm()
def learns(
    build: Any,
    trainers: Any,
    criterion: Any,
    flat: bool = False,
    seed: int | None = None,
) -> Report | None:
    """Train a new network for 120 steps; its loss on images that it was not shown has to fall.

    trainers: a function of the network and the number of steps that returns an optimizer and a
    scheduler (or None); criterion: the class of the loss; build, flat: as in trained(). Raises
    CheckFailed.
    """
    check = Check("learns", build, trainers, criterion, seed=seed)
    check.report.title = f"{check.name}(), trained for {STEPS} steps by {check.names[1]}()"
    digits = _digits(os.environ.get("BYHAND_DATA"))
    with threadpool_limits(1):
        check.report.lines += _practice(check.names, flat, check.runner, digits, check.draw)
    return check.conclude()


@lru_cache(maxsize=1)
def _digits(byhand_data: str | None) -> data.Digits:
    """What is at hand, read once for a whole class; byhand_data: the variable that says where."""
    return data.at_hand()


def _shaped(images: np.ndarray, flat: bool) -> np.ndarray:
    return images.reshape(len(images), -1) if flat else images


class _StoppedError(Exception):
    """There are no answers to count; `line` says why."""

    def __init__(self, line: Line):
        super().__init__(line.text)
        self.line = line


@dataclass(frozen=True)
class _Answers:
    """Asks the network that `name` builds, filled from `file`, what it sees."""

    name: str
    file: str
    flat: bool
    runner: Runner

    def judge(self, digits: data.Digits, least: float, draw: Draw) -> list[Line]:
        images, labels = digits.validation_images, digits.validation_labels
        order = draw.rng.permutation(len(labels))  # a list of answers by place is of no use
        some = order[:MOVED]
        step = tuple(draw.rng.permutation([0, draw.rng.choice([-1, 1])]))
        moved = np.roll(images[some], step, axis=(2, 3))
        try:
            right = self._right(images[order], labels[order], digits.name)
            right_moved = self._right(moved, labels[some], digits.name)
        except _StoppedError as stopped:
            return [stopped.line]
        needed = math.ceil(least * len(labels) - 1e-6) - len(labels) // ROUNDING
        return [
            _counted("validation images", right, len(labels), needed, least),
            _counted(
                "moved by a pixel",
                right_moved,
                len(some),
                int(MOVED_RIGHT * len(some)),
                MOVED_RIGHT,
                "Has it learned the images rather than the digits?",
            ),
        ]

    def _right(self, images: np.ndarray, labels: np.ndarray, name: str) -> int:
        """How many answers are right. Raises _StoppedError, and DataError."""
        began, right = time.monotonic(), 0
        for piece in _pieces(len(labels)):
            right += int((self._ask(images[piece], name) == labels[piece]).sum())
            expected = (time.monotonic() - began) / piece.stop * len(labels)
            if expected > PATIENCE:
                text = f"{len(labels):,} images would take about {expected:.0f} s"
                hint = f"They may take {PATIENCE:.0f} s: make the network smaller, or faster."
                raise _StoppedError(Line("validation images", False, text, hint=hint))
        return right

    def _ask(self, images: np.ndarray, data_name: str) -> np.ndarray:
        """The network's answers, as class numbers. Raises _StoppedError, and DataError."""
        ex = Experiment(seconds=HOPELESS if len(images) <= FIRST else math.inf)
        network = ex.call(self.name)
        loaded = ex.call("fixtures.load", network, self.file)
        output = ex.call("fixtures.answers", network, _shaped(images, self.flat))
        results = self.runner.run(ex)
        steps = [(self.name, network), ("file", loaded), ("output", output)]
        if (line := _failed(steps, results)) is not None:
            raise _StoppedError(line)
        told = str(results[loaded.index].value)[:200]
        if told != data_name:
            _refuse_other_data(self.file, told, data_name)
        return _classes(results[output.index], len(images))


def _refuse_other_data(file: str, told: str, here: str) -> None:
    """Raises _StoppedError, or DataError if the student could not do better."""
    if told == MNIST:
        raise data.DataError(
            f"{file} was trained on MNIST, which is not on this machine, so it cannot be graded. "
            "Set BYHAND_DATA to the folder that holds MNIST's four files."
        )
    text = f"was trained on {told}, and counts on {here}"
    hint = "Train again where MNIST is at hand (see data.mnist), and hand in the new file."
    raise _StoppedError(Line("file", False, text, hint=hint))


def _practice(
    names: list[str], flat: bool, runner: Runner, digits: data.Digits, draw: Draw
) -> list[Line]:
    shown = np.resize(draw.rng.permutation(len(digits.train_labels)), STEPS * BATCH)
    asked = draw.rng.permutation(len(digits.validation_labels))[:HELD_OUT]
    unseen, labels = _shaped(digits.validation_images[asked], flat), digits.validation_labels[asked]
    images = _shaped(digits.train_images[shown], flat)
    build, trainers, criterion = names
    first = Experiment(seconds=HOPELESS)
    network = first.call(build)
    output = first.call("fixtures.answers", network, unseen[:FIRST])
    if (line := _failed([(build, network), ("output", output)], runner.run(first))) is not None:
        return [line]
    ex = Experiment(seed=draw.seed)
    network = ex.call(build)
    before = ex.call("fixtures.answers", network, unseen)
    pair = ex.call(trainers, network, STEPS)
    loss = ex.call(criterion)
    data_shown = images, digits.train_labels[shown]
    run = ex.call("fixtures.practise", network, loss, pair, *data_shown, BATCH)
    after = ex.call("fixtures.answers", network, unseen)
    results = runner.run(ex)
    steps = [(build, network), ("output", before), (trainers, pair), (criterion, loss)]
    steps += [("training", run), ("output after training", after)]
    if (line := _failed(steps, results)) is not None:
        return [line]
    try:
        was, now = (_loss(results[ref.index], labels) for ref in (before, after))
    except _StoppedError as stopped:
        return [stopped.line]
    text = f"{was:.3g} before, {now:.3g} after"
    if now <= FALL * was:
        return [Line("loss on unseen images", True, text)]
    hint = f"It should fall to {FALL:.0%} of that at least. Are the learning rates far off?"
    return [Line("loss on unseen images", False, text, hint=hint)]


def _pieces(count: int) -> Iterator[slice]:
    """A short one first, which tells how long the others will take."""
    edges = [0, *range(FIRST, count, PIECE), count]
    yield from map(slice, edges, edges[1:])


def _output(outcome: StepResult, count: int) -> np.ndarray:
    """The network's output, float64 (count, classes). Raises _StoppedError."""
    value = outcome.value
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        text = f"is {described(value)}, expected an array of floating-point numbers"
    elif value.shape != (count, CLASSES):
        text = f"has shape {value.shape} for {count} images, expected {(count, CLASSES)}"
    elif not np.isfinite(value).all():
        text = "holds NaN or infinity"
    else:
        return value.astype(np.float64)
    raise _StoppedError(Line("output", False, text))


def _classes(outcome: StepResult, count: int) -> np.ndarray:
    return _output(outcome, count).argmax(axis=1)


def _loss(outcome: StepResult, labels: np.ndarray) -> float:
    """The mean cross-entropy."""
    output = torch.from_numpy(_output(outcome, len(labels)))
    return float(torch.nn.functional.cross_entropy(output, torch.from_numpy(labels)))


def _counted(name: str, right: int, count: int, needed: int, share: float, hint: str = "") -> Line:
    text = f"{right:,} of {count:,} right ({right / count:.2%}), needed: {100 * share:.4g}%"
    return Line(name, right >= needed, text, hint="" if right >= needed else hint)


def _failed(steps: list[tuple[str, Ref]], results: list[StepResult]) -> Line | None:
    """The line for the first step that has failed, if any; steps: label and Ref."""
    for label, ref in steps:
        if (failure := results[ref.index].failure) is not None:
            ours = failure.type in ("CheckpointError", "NotFiniteError")  # they say it themselves
            return Line(label, False, failure.message if ours else str(failure))
    return None
