"""check.data_loader: every sample comes once an epoch, with its own target."""

from typing import Any

import numpy as np

from byhand.check.compare import changes, compare_number, described
from byhand.check.random_inputs import Draw, calm, written
from byhand.check.report import Line, Report, conclude
from byhand.check.subject import reach
from byhand.protocol.experiment import Experiment, StepResult

TELLING = 12  # samples from which on an order that stays is no accident: 1 in 12!


@calm()
def data_loader(
    cls: Any,
    samples: int = 10,
    make: dict[str, Any] | None = None,
    targets: str = "column",
    seed: int | None = None,
) -> Report | None:
    """Take two epochs, and a broken-off one, out of a DataLoader and count what comes.

    targets: "column" for y of shape (n, 1), "flat" for (n,). Raises CheckFailed.
    """
    if targets not in ("column", "flat"):
        raise ValueError(f"targets is 'column' or 'flat', not {targets!r}")
    make = make or {}
    [name], runner = reach(cls)
    draw = Draw(seed)
    title = f"{written(name, 'X', 'y', **make)} with {samples} samples"
    report = Report(title, draw.repeat("data_loader"))
    trial = _Epochs(name, samples, make, targets, draw)
    report.lines += trial.judge(runner.run(trial.experiment))
    return conclude(report)


class _Epochs:
    """The experiment on a DataLoader whose samples carry their own number."""

    def __init__(self, name: str, samples: int, make: dict[str, Any], targets: str, draw: Draw):
        self.samples, self.batch_size = samples, make.get("batch_size", 1)
        self.shuffle = make.get("shuffle", False)
        numbers = np.arange(samples)
        self.X = np.column_stack([numbers, draw.normal((samples, 2))])
        self.y = (10.0 * numbers + 5).reshape((-1, 1) if targets == "column" else (-1,))
        ex = self.experiment = Experiment(seed=draw.seed)
        self.arrays = {"X": ex.put(self.X), "y": ex.put(self.y)}
        self.loader = ex.call(name, *self.arrays.values(), **make)
        most = samples + 5
        self.length = ex.method(self.loader, "__len__")
        self.number = ex.method(self.loader, "num_samples")
        self.first = ex.collect(self.loader, most)
        ex.collect(self.loader, 1)
        self.later = [ex.collect(self.loader, most) for _ in range(2)]

    def judge(self, outcomes: list[StepResult]) -> list[Line]:
        built = outcomes[self.loader.index]
        if built.failure is not None:
            return [Line("constructor", False, str(built.failure))]
        batches = -(-self.samples // self.batch_size)
        lines = [
            compare_number("len()", outcomes[self.length.index], batches),
            compare_number("num_samples()", outcomes[self.number.index], self.samples),
        ]
        orders = []
        for label, ref in {"first epoch": self.first, "second epoch": self.later[0]}.items():
            line, order = self._epoch(label, outcomes[ref.index])
            lines.append(line)
            orders.append(order)
        if all(line.ok for line in lines):
            orders.append(self._epoch("third epoch", outcomes[self.later[1].index])[1])
            lines.append(self._order(orders))
        kept = {ref: label for label, ref in self.arrays.items()}
        return lines + changes(outcomes, kept, hint="Shuffle an array of indices instead.")

    def _epoch(self, label: str, outcome: StepResult) -> tuple[Line, list[int]]:
        """Whether an epoch brings every sample once, in pairs, in batches of the right size."""
        if outcome.failure is not None:
            return Line(label, False, str(outcome.failure)), []
        if not isinstance(outcome.value, list):
            text = f"is {described(outcome.value)}, expected batches"
            return Line(label, False, text), []
        batches, sizes, order = outcome.value, [], []
        if not batches:
            hint = "Start afresh in __iter__, not in __init__." if label != "first epoch" else ""
            return Line(label, False, "is empty", hint=hint), []
        for batch in batches:
            if not _is_pair(batch):
                text = f"a batch is {described(batch)}, expected a pair of arrays"
                return Line(label, False, text), []
            X, y = batch
            if (
                X.shape[1:] != self.X.shape[1:]
                or y.shape[1:] != self.y.shape[1:]
                or len(X) != len(y)
            ):
                text = f"a batch has shapes {X.shape} and {y.shape}; only the first size may change"
                return Line(label, False, text), []
            rows = np.rint(X[:, 0]).astype(int)
            if not _known(rows, self.samples) or not np.array_equal(X, self.X[rows]):
                return Line(label, False, "rows of X come out changed"), []
            if not np.array_equal(y, self.y[rows]):
                text = "X and y do not belong together any more"
                hint = "Shuffle both with the same permutation."
                return Line(label, False, text, hint=hint), []
            sizes.append(len(X))
            order.extend(rows.tolist())
        return self._count(label, sizes, order), order

    def _count(self, label: str, sizes: list[int], order: list[int]) -> Line:
        full, rest = divmod(self.samples, self.batch_size)
        wanted = [self.batch_size] * full + ([rest] if rest else [])
        if sizes == wanted and len(set(order)) == self.samples:
            return Line(label, True, f"{len(sizes)} batches, every sample once")
        if len(order) < self.samples:
            hint = "The last batch may be short, but not left out." if rest else ""
            return Line(label, False, f"{len(order)} of {self.samples} samples came", hint=hint)
        if len(set(order)) < len(order):
            return Line(label, False, "some samples came more than once")
        return Line(label, False, f"batches of {sizes}, expected {wanted}")

    def _order(self, orders: list[list[int]]) -> Line:
        straight = list(range(self.samples))
        if not self.shuffle:
            right = all(order == straight for order in orders)
            return Line("order", right, "as it was given" if right else "should be as it was given")
        if self.samples < TELLING:
            return Line("order", True, "any")
        if orders[0] == straight:
            return Line("order", False, "is not shuffled")
        if orders[0] == orders[1] or orders[1] == orders[2]:
            hint = "Draw a new permutation at the start of every epoch."
            return Line("order", False, "is the same in every epoch", hint=hint)
        return Line("order", True, "a new one each epoch")


def _is_pair(batch: Any) -> bool:
    return (
        isinstance(batch, list)
        and len(batch) == 2
        and all(isinstance(part, np.ndarray) and part.ndim > 0 for part in batch)
    )


def _known(rows: np.ndarray, samples: int) -> bool:
    return bool(((rows >= 0) & (rows < samples)).all())
