"""check.data_loader: every sample comes once an epoch, with its own target."""

from functools import partial
from itertools import chain, combinations, pairwise
from typing import Any

import numpy as np

from byhand.check.compare import described
from byhand.check.core import Check, one_of
from byhand.check.random_inputs import calm, written
from byhand.check.report import Line, Report
from byhand.check.script import Script

TELLING = 12  # samples from which on an order that stays is no accident
# of the epochs that are compared; that one of 12 places keeps its sample in all: 1 in 30 million
NAMES = "first second third fourth fifth sixth seventh eighth ninth".split()
AFRESH = "Start afresh in __iter__, not in __init__."


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
        self.epochs: list[list[list[int]]] = []  # the samples of each batch

    def write(self, script: Script, dtype: type) -> None:
        script.on_a_copy = "Shuffle an array of indices instead."
        arrays = script.argument("X", self.X), script.argument("y", self.y)
        loader = script.build(self.name, *arrays, **self.make)
        batches, count = -(-self.samples // self.size), script.call("fixtures.length", loader)
        script.expect("len()", count, partial(_number, batches))
        number = script.method(loader, "num_samples")
        script.expect("num_samples()", number, partial(_number, self.samples))
        for name in NAMES:
            last, label = script.collect(loader, self.samples + 5), f"{name} epoch"
            script.expect(label, last, partial(self._epoch, label), quiet=name not in NAMES[:2])
            if name == "first":
                script.collect(loader, 1)
        script.expect("order", last, self._order)

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
            text, hint = f"{len(order)} of {self.samples} samples came", AFRESH
            if label == "first epoch":
                hint = "The last batch may be short, but not left out." if rest else ""
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
        if len(orders) < len(NAMES) or any(len(order) != self.samples for order in orders):
            return result(None, "not tried")
        if not self.make.get("shuffle", False):
            right = all(order == straight for order in orders)
            return result(right, f"{'' if right else 'should be '}as it was given")
        if self.samples < TELLING:
            return result(True, "any")
        if all(order == straight for order in orders):
            return result(False, "is not shuffled")
        wrong = self._not_mixed(np.array(orders))
        wrong = wrong or ("is not shuffled in the first epoch" if orders[0] == straight else "")
        hint = "Draw a new permutation of all samples at the start of every epoch." if wrong else ""
        return result(not wrong, wrong or "a new one each epoch", hint=hint)

    def _not_mixed(self, orders: np.ndarray) -> str:
        """In words, what stays where it is in all epochs, if anything."""
        if (orders == orders[0]).all():
            return "is the same in every epoch"
        steps = np.diff(orders, axis=1, append=orders[:, :1]) % self.samples
        for step in (1, self.samples - 1):
            if (steps == step).sum(axis=1).min() > self.samples / 3:
                return "every sample keeps its neighbours: a rotation is not a shuffle"
        if (orders == orders[0]).all(axis=0).any():
            return "one place has the same sample in every epoch"
        pairs = self.samples * (self.samples - 1) / 2
        met = {frozenset(pair) for rows in self.epochs for b in rows for pair in combinations(b, 2)}
        apart = 1 - (self.size - 1) / (self.samples - 1)  # a pair, in one epoch
        apart_in_all = apart ** len(NAMES)
        if 2 < self.size < self.samples and 1 - len(met) / pairs > (apart_in_all + apart) / 2:
            return "the same samples stay together in their batches"
        repeated = any((a == b).all() for a, b in pairwise(orders))
        return "is the same in two epochs" if repeated else ""


def _number(expected: int, value: Any) -> str:
    shown = value if isinstance(value, int | float) else described(value)
    fine = type(value) is int and value == expected
    return "" if fine else f"is {shown}, expected {expected}, an int"
