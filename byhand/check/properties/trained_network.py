"""check.trained and check.learns: a network that was trained elsewhere, and one that trains here.

The weights that were handed in go through the student's own layers on images whose labels stay on
this side. Every validation image counts, so that no network passes or fails by luck.
"""

import math
import os
import time
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from byhand import data
from byhand.check.compare import described
from byhand.check.core import Check
from byhand.check.random_inputs import calm
from byhand.check.report import Line, Report
from byhand.protocol.experiment import Experiment, Ref

MNIST = "MNIST"
FIRST, PIECE = 100, 1_000  # images in the first experiment, and in those after it
PATIENCE = 60.0  # seconds for all of them
HOPELESS = 3.0  # seconds for the first experiment
CHANGED = 1_000  # images that are shown once more, each turned, scaled, moved and noisy
TURN, ZOOM, SHIFT, NOISE = 10, 0.1, 1.0, 0.03  # degrees, share, pixels, of white's brightness
CHANGED_RIGHT = 0.8  # the share of them that is needed; the reference's networks get 0.89 to 0.98
ROUNDING = 5_000  # of so many images, one may turn wrong by the rounding of another machine
STEPS, BATCH, HELD_OUT = 120, 32, 500  # of the short training run; images to measure it on
FALL = 0.9  # the loss after it, as a share of the loss before, and of that of guessing


@calm()
def trained(
    build: Any, file: str, least: float, least_small: float, flat: bool = False,
    seed: int | None = None,
) -> Report | None:  # fmt: skip
    """Fill a network with the weights in `file` and count its right answers for validation images.

    build: a function that returns the network; least: the share that has to be right on MNIST,
    least_small on the small digits, where these stand in; flat: whether the network takes images
    as (n, 784) rather than (n, 1, 28, 28). Raises CheckFailed, and DataError where the weights
    are for MNIST and this machine has none.
    """
    check = Check("trained", build, seed=seed)
    check.report.title = f"{check.name}() with the weights in {file}"
    digits, rng = _digits(os.environ.get("BYHAND_DATA")), check.draw.rng
    images, labels = digits.validation_images, digits.validation_labels
    order = rng.permutation(len(labels))  # a list of answers by place is of no use
    some = order[:CHANGED]
    changed = np.stack([_changed(image, rng) for image in images[some, 0]])[:, np.newaxis]
    needed = least if digits.name == MNIST else least_small
    count = math.ceil(needed * len(labels) - 1e-6) - len(labels) // ROUNDING
    count_right = partial(_right, check, file, digits.name)
    right = count_right(_shaped(images[order], flat), labels[order])
    right_changed = count_right(_shaped(changed, flat), labels[some])
    _counted(check, "validation images", right, len(labels), count, needed)
    count = int(CHANGED_RIGHT * len(some))
    hint = "Has it learned the images rather than the digits?"
    _counted(check, "turned a little", right_changed, len(some), count, CHANGED_RIGHT, hint)
    return check.conclude()


@calm()
def learns(
    build: Any, trainers: Any, criterion: Any, flat: bool = False, seed: int | None = None
) -> Report | None:
    """Train a new network for 120 steps; its loss on images that it was not shown has to fall.

    trainers: a function of the network and the number of steps that returns an optimizer and a
    scheduler (or None); criterion: the class of the loss; build, flat: as in trained(). Raises
    CheckFailed.
    """
    check = Check("learns", build, trainers, criterion, seed=seed)
    names, draw = check.names, check.draw
    check.report.title = f"{names[0]}(), trained for {STEPS} steps by {names[1]}()"
    digits = _digits(os.environ.get("BYHAND_DATA"))
    shown = np.resize(draw.rng.permutation(len(digits.train_labels)), STEPS * BATCH)
    asked = draw.rng.permutation(len(digits.validation_labels))[:HELD_OUT]
    unseen, labels = _shaped(digits.validation_images[asked], flat), digits.validation_labels[asked]
    batches = _shaped(digits.train_images[shown], flat), digits.train_labels[shown], BATCH
    ex = Experiment(seconds=HOPELESS)
    network = ex.call(names[0])
    output = ex.call("fixtures.answers", network, unseen[:FIRST])
    values(check, ex, [names[0], "output"], network, output)
    ex = Experiment(seed=draw.seed)
    network = ex.call(names[0])
    before = ex.call("fixtures.answers", network, unseen)
    pair, loss = ex.call(names[1], network, STEPS), ex.call(names[2])
    run = ex.call("fixtures.practise", network, loss, pair, *batches)
    after = ex.call("fixtures.answers", network, unseen)
    labelled = [names[0], "output", *names[1:], "training", "output after training"]
    _, before, *_, after = values(check, ex, labelled, network, before, pair, loss, run, after)
    outputs = [torch.from_numpy(scores(check, found, len(labels))) for found in (before, after)]
    entropy, right = torch.nn.functional.cross_entropy, torch.from_numpy(labels)
    was, now = (float(entropy(output, right)) for output in outputs)
    most = FALL * min(was, math.log(10))  # outputs of zero are a guess
    ok, hint = (
        now <= most,
        f"It should fall to {most:.2f} at least. Are the learning rates far off?",
    )
    line(check, "loss on unseen images", ok, f"{was:.3g} before, {now:.3g} after", hint)
    return check.conclude()


def _changed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same digit as no list of images holds it. (H, W) -> (H, W)"""
    angle, size = np.deg2rad(rng.uniform(-TURN, TURN)), rng.uniform(1 - ZOOM, 1 + ZOOM)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / size
    middle = (np.array(image.shape) - 1) / 2
    offset = middle - turn @ (middle + rng.uniform(-SHIFT, SHIFT, 2))
    turned = ndimage.affine_transform(image, turn, offset, order=1, mode="nearest")
    return turned + NOISE * rng.standard_normal(image.shape).astype(image.dtype)


@lru_cache(maxsize=1)
def _digits(byhand_data: str | None) -> data.Digits:
    """What is at hand, read once for a whole class; byhand_data: the variable that says where."""
    return data.at_hand()


def _shaped(images: np.ndarray, flat: bool) -> np.ndarray:
    return images.reshape(len(images), -1) if flat else images


def line(check: Check, name: str, ok: bool, text: str, hint: str = "") -> None:
    """Add a line; the hint is for one that fails."""
    check.report.lines.append(Line(name, ok, text, hint="" if ok else hint))


def _stop(check: Check, name: str, text: str, hint: str = "") -> None:
    """There is nothing to count: the report ends here. Raises CheckFailed."""
    line(check, name, False, text, hint)
    check.conclude()


def values(check: Check, ex: Experiment, labels: list[str], *refs: Ref) -> list[Any]:
    """What the steps `refs` returned. Raises CheckFailed for the first that failed."""
    results = check.runner.run(ex)
    found = [results[ref.index] for ref in refs]
    for label, result in zip(labels, found, strict=True):
        if (failure := result.failure) is not None:
            ours = failure.type in ("CheckpointError", "NotFiniteError")  # they say it themselves
            _stop(check, label, failure.message if ours else str(failure))
    return [result.value for result in found]


def _right(check: Check, file: str, here: str, images: np.ndarray, labels: np.ndarray) -> int:
    """How many answers of the network with the weights in `file` are right.

    here: the name of the data. The first experiment is short and tells how long the others will
    take. Raises CheckFailed, and DataError if the student could not do better.
    """
    began, right, count = time.monotonic(), 0, len(labels)
    for start, stop in pairwise([0, *range(FIRST, count, PIECE), count]):
        ex = Experiment(seconds=HOPELESS if stop - start <= FIRST else math.inf)
        network = ex.call(check.name)
        loaded = ex.call("fixtures.load", network, file)
        output = ex.call("fixtures.answers", network, images[start:stop])
        labelled = [check.name, "file", "output"]
        _, told, output = values(check, ex, labelled, network, loaded, output)
        if (told := str(told)[:200]) != here:
            if told == MNIST:
                raise data.DataError(
                    f"{file} was trained on MNIST, which is not on this machine, so it cannot be "
                    "graded. Set BYHAND_DATA to the folder that holds MNIST's four files."
                )
            text = f"was trained on {told}, and counts on {here}"
            hint = "Train again where MNIST is at hand (see data.mnist), and hand in the new file."
            _stop(check, "file", text, hint)
        answers = scores(check, output, stop - start).argmax(axis=1)
        right += int((answers == labels[start:stop]).sum())
        if (expected := (time.monotonic() - began) / stop * count) > PATIENCE:
            text = f"{count:,} images would take about {expected:.0f} s"
            hint = f"They may take {PATIENCE:.0f} s: make the network smaller, or faster."
            _stop(check, "validation images", text, hint)
    return right


def scores(check: Check, value: Any, count: int, of: str = "images") -> np.ndarray:
    """The network's output for so many images, or whatever `of` says, float64 (count, 10). Raises
    CheckFailed."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        text = f"is {described(value)}, expected an array of floating-point numbers"
    elif value.shape != (count, 10):
        text = f"has shape {value.shape} for {count} {of}, expected {(count, 10)}"
    elif not np.isfinite(value).all():
        text = "holds NaN or infinity"
    else:
        return value.astype(np.float64)
    _stop(check, "output", text)


def _counted(
    check: Check, name: str, right: int, count: int, needed: int, share: float, hint: str = ""
) -> None:
    text = f"{right:,} of {count:,} right ({right / count:.2%}), needed: {100 * share:.4g}%"
    line(check, name, right >= needed, text, hint)
