"""check.data_loader: every sample comes once an epoch, with its own target."""

from functools import partial
from itertools import chain, pairwise
from typing import Any

import numpy as np
from scipy.special import chdtri

from byhand.check.compare import described
from byhand.check.core import Check, one_of
from byhand.check.random_inputs import calm, written
from byhand.check.report import Line, Report
from byhand.check.script import Script

EPOCHS = 40  # that are compared
# From so many samples on, in batches of 5 at the most, an order that comes again is no accident:
# 1 in 10 billion, even for a loader that sorts each batch. So are those below, if not far less.
TELLING = 20
ACCIDENT = 1e-9
AFRESH = "Start afresh in __iter__, not in __init__."
SHORT = "The last batch may be short, but not left out."
RESEEDED = "np.random draws the same again after a pass of another loader: fix no seed"
EVERY_PASS = "Draw a new permutation of all samples at the start of every epoch."


@calm()
def data_loader(
    cls: Any, samples: int = 10, make: dict[str, Any] | None = None, targets: str = "column",
    shape: tuple[int, ...] = (3,), seed: int | None = None,
) -> Report | None:  # fmt: skip
    """Take some epochs, and a broken-off one, out of a DataLoader and count what comes.

    targets: "column" for y of shape (n, 1), "flat" for (n,); shape: of one sample. Raises
    CheckFailed.
    """
    one_of(("column", "flat"), targets, "targets")
    check, make = Check("data_loader", cls, seed=seed), make or {}
    check.report.title = f"{written(check.name, 'X', 'y', **make)} with {samples} samples"
    X, numbers = check.draw.normal((samples, *shape)), np.arange(samples)
    X.reshape(samples, -1)[:, 0] = numbers
    y = (10.0 * numbers + 5).reshape((-1, 1) if targets == "column" else (-1,))
    return check.differential(None, _Epochs(check.name, X, y, make).write, dtypes=[np.float64])


class _Epochs:
    """The script for a DataLoader whose samples carry their own number, and its rules."""

    def __init__(self, name: str, X: np.ndarray, y: np.ndarray, make: dict[str, Any]):
        self.name, self.X, self.y, self.make, self.samples = name, X, y, make, len(X)
        self.size = make.get("batch_size", 1)
        self.shuffled = make.get("shuffle", False)
        self.telling = self.shuffled and self.samples >= TELLING
        self.count = EPOCHS if self.telling else 3
        self.epochs: list[list[list[int]]] = []  # the samples of each batch

    def write(self, script: Script, dtype: type) -> None:
        script.on_a_copy = "Shuffle an array of indices instead."
        arrays = script.argument("X", self.X), script.argument("y", self.y)
        loader = script.build(self.name, *arrays, **self.make)
        batches, count = -(-self.samples // self.size), script.call("fixtures.length", loader)
        script.expect("len()", count, partial(_number, batches))
        number = script.method(loader, "num_samples")
        script.expect("num_samples()", number, partial(_number, self.samples))
        for number in range(self.count):
            label = ("first epoch", "second epoch", "later epochs")[min(number, 2)]
            last = script.collect(loader, self.samples + 5)
            script.expect(label, last, partial(self._epoch, label), quiet=number > 1)
            if number == 0:
                drawn = script.call("fixtures.random")
                script.collect(loader, 1)
        script.expect("order", last, self._order)
        if self.telling:
            beside = script.collect(script.call(self.name, *arrays, **self.make), self.samples + 5)
            again = script.call("fixtures.is_equal", script.call("fixtures.random"), drawn)
            script.expect("order", again, lambda same: RESEEDED if same is True else "")
            script.expect("order", beside, self._of_another)

    def _epoch(self, label: str, batches: Any) -> Line:
        """Whether an epoch brings every sample once, in pairs, in batches of the right size."""
        if not isinstance(batches, list):
            return Line(label, False, f"is {described(batches)}, expected batches")
        if not batches:
            return Line(label, False, "is empty", hint=AFRESH if label != "first epoch" else "")
        rows = [self._rows(label, batch) for batch in batches]
        if wrong := [line for line in rows if isinstance(line, Line)]:
            return wrong[0]
        self.epochs.append(rows)
        full, rest = divmod(self.samples, self.size)
        sizes, wanted = list(map(len, rows)), [self.size] * full + ([rest] if rest else [])
        order = list(chain(*rows))
        if sizes == wanted and len(set(order)) == self.samples:
            return Line(label, True, f"{len(sizes)} batches, every sample once")
        text, hint = f"batches of {sizes}, expected {wanted}", ""
        if len(order) < self.samples:
            text = f"{len(order)} of {self.samples} samples came"
            goes_on = label != "first epoch" and sizes == wanted[-len(sizes) :]
            left_out = rest and sizes == wanted[:-1]
            hint = SHORT if left_out else AFRESH if goes_on else ""
        elif len(set(order)) < len(order):
            text = "some samples came more than once"
        return Line(label, False, text, hint=hint)

    def _rows(self, label: str, batch: Any) -> list[int] | Line:
        """The numbers of a batch's samples, or a line that says what is wrong with it."""
        wrong = partial(Line, label, False)
        pair = isinstance(batch, list) and len(batch) == 2
        if not pair or not all(isinstance(part, np.ndarray) and part.ndim for part in batch):
            return wrong(f"a batch is {described(batch)}, expected a pair of arrays")
        X, y = batch
        wanted = (len(X), *self.X.shape[1:]), (len(X), *self.y.shape[1:])
        if (X.shape, y.shape) != wanted:
            shapes = f"{X.shape} and {y.shape}"
            return wrong(f"a batch has shapes {shapes}; only the first size may change")
        rows = np.rint([sample.flat[0] for sample in X]).astype(int)  # a batch may be empty
        known = ((rows >= 0) & (rows < self.samples)).all()
        if not known or not np.array_equal(X, self.X[rows]):
            return wrong("rows of X come out changed")
        if not np.array_equal(y, self.y[rows]):
            hint = "Shuffle both with the same permutation."
            return wrong("X and y do not belong together any more", hint=hint)
        return rows.tolist()

    def _order(self, _: Any) -> Line:
        """Whether the samples come as given, or mixed among all of them in every epoch."""
        result, orders = partial(Line, "order"), [list(chain(*rows)) for rows in self.epochs]
        straight = list(range(self.samples))
        if len(orders) < self.count or any(len(order) != self.samples for order in orders):
            return result(None, "not tried")
        if not self.shuffled:
            right = all(order == straight for order in orders)
            return result(right, f"{'' if right else 'should be '}as it was given")
        if not self.telling:
            return result(True, "any")
        if all(order == straight for order in orders):
            return result(False, "is not shuffled")
        wrong = self._not_mixed(np.array(orders))
        wrong = wrong or ("is not shuffled in the first epoch" if orders[0] == straight else "")
        return result(not wrong, wrong or "a new one each epoch", hint=EVERY_PASS if wrong else "")

    def _not_mixed(self, orders: np.ndarray) -> str:
        """In words, what the epochs have in common, if anything."""
        if (orders == orders[0]).all():
            return "is the same in every epoch"
        size, samples = self.size, self.samples
        batch = np.argsort(orders, axis=1) // size  # of each sample, by epoch
        together = (batch[:, :, None] == batch[:, None, :]).all(axis=0)
        if size < samples and together.sum() > samples:
            return "the same samples stay together in their batches"
        pairs = np.sort(np.stack([orders, np.roll(orders, 1, axis=1)]), axis=0)
        kept = [len(np.intersect1d(*both)) for both in pairwise(pairs[0] * samples + pairs[1])]
        if min(kept) > samples / 3:
            return "samples keep their neighbours: a rotation is not a shuffle"
        if (orders == orders[0]).all(axis=0).any():
            return "one place has the same sample in every epoch"
        came = np.stack([(batch == number).sum(axis=0) for number in range(batch.max() + 1)])
        mean = came.mean(axis=1, keepdims=True)
        chi2 = ((came - mean) ** 2 / mean).sum() * (samples - 1) / samples
        if chi2 > chdtri((samples - 1) * max(len(came) - 1, 1), ACCIDENT):
            return "some samples come in the same part of the epoch too often"
        repeated = any((a == b).all() for a, b in pairwise(orders))
        return "is the same in two epochs" if repeated else ""

    def _of_another(self, batches: Any) -> Line:
        """Whether a second loader has an order of its own."""
        line = self._epoch("order", batches)
        if line.ok and self.epochs[-1] in self.epochs[:-1]:
            text = "two loaders give the same order: is the order, or its seed, shared?"
            return Line("order", False, text)
        line.text = "a new one each epoch"
        return line


def _number(expected: int, value: Any) -> str:
    shown = value if isinstance(value, int | float) else described(value)
    fine = type(value) is int and value == expected
    return "" if fine else f"is {shown}, expected {expected}, an int"
