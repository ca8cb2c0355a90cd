"""check.data_loader: every sample comes once an epoch, with its own target."""

from itertools import chain, combinations, pairwise
from typing import Any

import numpy as np

from byhand.check.compare import described
from byhand.check.core import Check, one_of
from byhand.check.random_inputs import Draw, calm, written
from byhand.check.report import Line, Report
from byhand.check.script import Script

TELLING = 12  # samples from which on an order that stays is no accident
EPOCHS = 9  # that are compared; that one of 12 places keeps its sample: 1 in 30 million
NAMES = "first second third fourth fifth sixth seventh eighth ninth".split()
AFRESH = "Start afresh in __iter__, not in __init__."
EACH = "Draw a new permutation of all samples at the start of every epoch."


@calm()
def data_loader(
    cls: Any,
    samples: int = 10,
    make: dict[str, Any] | None = None,
    targets: str = "column",
    shape: tuple[int, ...] = (3,),
    seed: int | None = None,
) -> Report | None:
    """Take some epochs, and a broken-off one, out of a DataLoader and count what comes.

    targets: "column" for y of shape (n, 1), "flat" for (n,); shape: of one sample. Raises
    CheckFailed.
    """
    one_of(("column", "flat"), targets, "targets")
    make = make or {}
    check = Check("data_loader", cls, seed=seed)
    check.report.title = f"{written(check.name, 'X', 'y', **make)} with {samples} samples"
    epochs = _Epochs(check.name, samples, make, targets, shape, check.draw)
    return check.differential(None, epochs.write, dtypes=[np.float64])


class _Epochs:
    """The script for a DataLoader whose samples carry their own number, and its rules."""

    def __init__(
        self, name: str, samples: int, make: dict[str, Any], targets: str, shape: tuple, draw: Draw
    ):
        self.name, self.samples, self.make = name, samples, make
        self.size, self.shuffle = make.get("batch_size", 1), make.get("shuffle", False)
        numbers = np.arange(samples)
        self.X = draw.normal((samples, *shape))
        self.X.reshape(samples, -1)[:, 0] = numbers
        self.y = (10.0 * numbers + 5).reshape((-1, 1) if targets == "column" else (-1,))
        self.epochs: list[list[list[int]]] = []  # the samples of each batch

    def write(self, script: Script, dtype: type) -> None:
        script.on_a_copy = "Shuffle an array of indices instead."
        arrays = script.argument("X", self.X), script.argument("y", self.y)
        loader = script.build(self.name, *arrays, **self.make)
        batches = -(-self.samples // self.size)
        script.expect("len()", script.call("fixtures.length", loader), self._number(batches))
        number = script.method(loader, "num_samples")
        script.expect("num_samples()", number, self._number(self.samples))
        most, last = self.samples + 5, script.collect(loader, 0)
        for index, name in enumerate(NAMES):
            last = script.collect(loader, most)
            script.expect(f"{name} epoch", last, self._epoch(f"{name} epoch"), quiet=index > 1)
            if not index:
                script.collect(loader, 1)
        script.expect("order", last, self._order)

    def _number(self, expected: int) -> Any:
        def rule(value: Any) -> str:
            fine = type(value) is int and value == expected
            shown = value if isinstance(value, int | float) else described(value)
            return "" if fine else f"is {shown}, expected {expected}, an int"

        return rule

    def _epoch(self, label: str) -> Any:
        """Whether an epoch brings every sample once, in pairs, in batches of the right size."""

        def rule(batches: Any) -> Line:
            if not isinstance(batches, list):
                return Line(label, False, f"is {described(batches)}, expected batches")
            if not batches:
                hint = AFRESH if label != "first epoch" else ""
                return Line(label, False, "is empty", hint=hint)
            rows = [self._rows(batch) for batch in batches]
            wrong = next((line for line in rows if isinstance(line, Line)), None)
            if wrong is not None:
                wrong.name = label
                return wrong
            self.epochs.append(rows)
            return self._count(label, rows)

        return rule

    def _rows(self, batch: Any) -> list[int] | Line:
        """The numbers of a batch's samples, or a line that says what is wrong with it."""
        pair = isinstance(batch, list) and len(batch) == 2
        if not pair or not all(isinstance(part, np.ndarray) and part.ndim for part in batch):
            return Line("", False, f"a batch is {described(batch)}, expected a pair of arrays")
        X, y = batch
        shapes = X.shape[1:] == self.X.shape[1:] and y.shape[1:] == self.y.shape[1:]
        if not shapes or len(X) != len(y):
            text = f"a batch has shapes {X.shape} and {y.shape}; only the first size may change"
            return Line("", False, text)
        rows = np.rint(X.reshape(len(X), -1)[:, 0]).astype(int)
        known = ((rows >= 0) & (rows < self.samples)).all()
        if not known or not np.array_equal(X, self.X[rows]):
            return Line("", False, "rows of X come out changed")
        if not np.array_equal(y, self.y[rows]):
            text = "X and y do not belong together any more"
            return Line("", False, text, hint="Shuffle both with the same permutation.")
        return rows.tolist()

    def _count(self, label: str, rows: list[list[int]]) -> Line:
        full, rest = divmod(self.samples, self.size)
        sizes, wanted = list(map(len, rows)), [self.size] * full + ([rest] if rest else [])
        order = list(chain(*rows))
        if sizes == wanted and len(set(order)) == self.samples:
            return Line(label, True, f"{len(sizes)} batches, every sample once")
        if len(order) < self.samples:
            hint = "The last batch may be short, but not left out." if rest else ""
            hint = hint if label == "first epoch" else AFRESH
            return Line(label, False, f"{len(order)} of {self.samples} samples came", hint=hint)
        if len(set(order)) < len(order):
            return Line(label, False, "some samples came more than once")
        return Line(label, False, f"batches of {sizes}, expected {wanted}")

    def _order(self, _: Any) -> Line:
        """Whether the samples come as given, or mixed among all of them in every epoch."""
        orders = [list(chain(*rows)) for rows in self.epochs]
        straight = list(range(self.samples))
        if len(orders) < EPOCHS or any(len(order) != self.samples for order in orders):
            return Line("order", None, "not tried")
        if not self.shuffle:
            right = all(order == straight for order in orders)
            return Line("order", right, "as it was given" if right else "should be as it was given")
        if self.samples < TELLING:
            return Line("order", True, "any")
        if orders[0] == straight:
            return Line("order", False, "is not shuffled")
        if all(order == orders[0] for order in orders):
            return Line("order", False, "is the same in every epoch", hint=EACH)
        if wrong := self._not_mixed(np.array(orders)):
            return Line("order", False, wrong, hint=EACH)
        if any(a == b for a, b in pairwise(orders)):
            return Line("order", False, "is the same in two epochs", hint=EACH)
        return Line("order", True, "a new one each epoch")

    def _not_mixed(self, orders: np.ndarray) -> str:
        """In words, what stays where it is in all epochs, if anything."""
        steps = np.diff(orders, axis=1, append=orders[:, :1]) % self.samples
        for step in (1, self.samples - 1):
            if (steps == step).sum(axis=1).min() > self.samples / 3:
                return "every sample keeps its neighbours: a rotation is not a shuffle"
        if (orders == orders[0]).all(axis=0).any():
            return "one place has the same sample in every epoch"
        pairs = self.samples * (self.samples - 1) / 2
        met = {frozenset(pair) for rows in self.epochs for b in rows for pair in combinations(b, 2)}
        apart = 1 - (self.size - 1) / (self.samples - 1)  # a pair, in one epoch
        if 2 < self.size < self.samples and 1 - len(met) / pairs > (apart**EPOCHS + apart) / 2:
            return "the same samples stay together in their batches"
        return ""
