"""check.sequential and check.data_loader: what passes things on must lose nothing."""

from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check.compare import Suspect, compare, compare_number, described
from byhand.check.draws import Draw, arguments, calm
from byhand.check.experiment import Experiment, Outcome
from byhand.check.report import Line, Report, conclude
from byhand.check.runner import reach

LOOKS = ("all", "forward", "backward", "parameters")
SHAPE = (5, 4)
TELLING = 12  # samples from which on an order that stays is no accident: 1 in 12!


@calm()
def sequential(
    cls: Any, depth: int = 3, look: str = "all", seed: int | None = None
) -> Report | None:
    """Put `depth` given layers into a Sequential, one of them nested, and follow what passes.

    look: "all", "forward", "backward" or "parameters" (parameters, zero_grad, train and eval).
    depth 0 is the empty Sequential. Raises CheckFailed with what was found.
    """
    if look not in LOOKS:
        raise ValueError(f"look is one of {LOOKS}, not {look!r}")
    name, runner = reach(cls)
    draw = Draw(seed)
    inside = "no layers" if depth == 0 else f"{depth} layers"
    nested = ", the last two nested" if depth > 2 else ""
    report = Report(f"{name} of {inside}{nested}", draw.repeat("sequential"))
    trial = _Chain(name, depth, draw)
    report.lines += trial.judge(runner.run(trial.experiment), look)
    return conclude(report)


class _Chain:
    """The experiment on a Sequential of given layers, y = w sin(x) + (x to the left) / 2 each."""

    def __init__(self, name: str, depth: int, draw: Draw):
        self.weights = [draw.normal(SHAPE[1:]) for _ in range(depth)]
        self.x, self.g = draw.normal(SHAPE), draw.normal(SHAPE)
        ex = self.experiment = Experiment(seed=draw.seed)
        stages = [ex.call("probes.Stage", weight) for weight in self.weights]
        self.stages = stages
        if depth > 2:
            self.inner = [ex.call(name, *stages[-2:])]
            self.chain = ex.call(name, *stages[:-2], *self.inner)
        else:
            self.inner = []
            self.chain = ex.call(name, *stages)
        self.x_ref, self.g_ref = ex.put(self.x), ex.put(self.g)
        self.output = ex.method(self.chain, "forward", self.x_ref)
        self.kept = ex.get(self.chain, "output")
        self.grad_input = ex.method(self.chain, "backward", self.x_ref, self.g_ref)
        self.grads = [ex.get(stage, "grad_weight") for stage in stages]
        self.parameters = ex.method(self.chain, "parameters")
        self.listed = ex.method(self.chain, "parameters_grad")
        self._own_arrays()
        ex.method(self.chain, "zero_grad")
        self.zeroed = [ex.get(stage, "grad_weight") for stage in stages]
        self.modes = {}
        for mode in ("eval", "train"):
            ex.method(self.chain, mode)
            parts = [*stages, *self.inner, self.chain]
            self.modes[mode] = [ex.get(part, "training") for part in parts]

    def _own_arrays(self) -> None:
        """Move every weight through its own layer; the list must show it, copies would not."""
        ex = self.experiment
        self.moved = []
        for stage, weight in zip(self.stages, self.weights, strict=True):
            held = ex.get(stage, "weight")
            ex.method(held, "__iadd__", np.ones_like(weight))
        self.moved = ex.read(self.parameters)

    def judge(self, outcomes: list[Outcome], look: str) -> list[Line]:
        for part in (*self.inner, self.chain):
            if outcomes[part.index].failure is not None:
                return [Line("constructor", False, str(outcomes[part.index].failure))]
        inputs, output, grad, grads = self._answers()
        lines = []
        if look in ("all", "forward"):
            lines.append(compare("output", outcomes[self.output.index], output))
            kept = compare("self.output", outcomes[self.kept.index], output)
            lines += [] if kept.ok else [kept]
        if look in ("all", "backward"):
            lines += self._backward(outcomes, inputs, output, grad, grads)
        if look in ("all", "parameters"):
            lines += self._parameters(outcomes) + self._modes(outcomes)
        for label, ref in {"x": self.x_ref, "grad_output": self.g_ref}.items():
            if any(ref.index in outcome.changed for outcome in outcomes):
                lines.append(Line("arguments", False, f"{label} was changed in place"))
        return lines

    def _answers(self) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, list[np.ndarray]]:
        """PyTorch's inputs of every layer, output, gradient for x and for every weight."""
        x = torch.from_numpy(self.x.copy()).requires_grad_()
        weights = [torch.from_numpy(w.copy()).requires_grad_() for w in self.weights]
        inputs, y = [], x * 1
        for weight in weights:
            inputs.append(y.detach().numpy())
            y = weight * torch.sin(y) + torch.roll(y, 1, -1) / 2
        y.backward(torch.from_numpy(self.g))
        return inputs, y.detach().numpy(), x.grad.numpy(), [w.grad.numpy() for w in weights]

    def _backward(
        self,
        outcomes: list[Outcome],
        inputs: list[np.ndarray],
        output: np.ndarray,
        grad: np.ndarray,
        grads: list[np.ndarray],
    ) -> list[Line]:
        suspects: list[Suspect] = []
        if self.weights:
            outputs = [*inputs[1:], output]
            words = "Every layer's backward needs the input that this layer had on the way forward"
            suspects = [
                (f"{words}; yours gets the network's.", self._wrong([self.x] * len(inputs))),
                (f"{words}; yours gets its output.", self._wrong(outputs)),
            ]
        lines = [
            compare(
                "gradient for x",
                outcomes[self.grad_input.index],
                grad,
                suspects=partial(list, suspects),
            )
        ]
        for number, (ref, expected) in enumerate(zip(self.grads, grads, strict=True)):
            twice = ("It was added twice: call each layer's backward once.", 2 * expected)
            label = f"gradient for the weight of layer {number + 1}"
            line = compare(label, outcomes[ref.index], expected, suspects=partial(list, [twice]))
            lines.append(line)
        return [line for line in lines if not line.ok][:2] or lines

    def _wrong(self, inputs: list[np.ndarray]) -> np.ndarray:
        """dl/dx if the layers' backward passes were given these inputs."""
        g = self.g
        for weight, x in zip(reversed(self.weights), reversed(inputs), strict=True):
            g = g * weight * np.cos(x) + np.roll(g, -1, axis=-1) / 2
        return g

    def _parameters(self, outcomes: list[Outcome]) -> list[Line]:
        lines = []
        for name, ref, wanted in (
            ("parameters()", self.parameters, self.weights),
            ("parameters_grad()", self.listed, [outcomes[r.index].value for r in self.grads]),
        ):
            found = outcomes[ref.index]
            if found.failure is not None:
                lines.append(Line(name, False, str(found.failure)))
                continue
            count = len(found.value) if isinstance(found.value, list) else -1
            same = count == len(wanted) and all(map(_equal, found.value, wanted))
            text = "" if same else f"should list {len(wanted)} arrays, layer by layer"
            text += f", lists {count}" if not same and count >= 0 else ""
            hint = "Do nested modules list theirs?" if not same and 0 <= count < len(wanted) else ""
            lines.append(Line(name, same, text, hint=hint))
        moved = outcomes[self.moved.index].value
        if (
            lines[0].ok
            and self.weights
            and not all(
                _equal(value, weight + 1) for value, weight in zip(moved, self.weights, strict=True)
            )
        ):
            text = "lists copies; an optimizer needs the layers' own arrays"
            lines.append(Line("parameters()", False, text))
        return lines

    def _modes(self, outcomes: list[Outcome]) -> list[Line]:
        zeroed = [outcomes[ref.index].value for ref in self.zeroed]
        emptied = all(isinstance(v, np.ndarray) and not v.any() for v in zeroed)
        text = "" if emptied else "does not reach every layer"
        lines = [Line("zero_grad()", emptied, text)]
        for mode, refs in self.modes.items():
            right = all(outcomes[ref.index].value is (mode == "train") for ref in refs)
            lines.append(Line(f"{mode}()", right, "" if right else "does not reach every layer"))
        return lines


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
    name, runner = reach(cls)
    draw = Draw(seed)
    title = f"{name}(X, y, {arguments(make)}) with {samples} samples"
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

    def judge(self, outcomes: list[Outcome]) -> list[Line]:
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
        for label, ref in self.arrays.items():
            if any(ref.index in outcome.changed for outcome in outcomes):
                hint = "Shuffle an array of indices instead."
                lines.append(Line("arguments", False, f"{label} was changed in place", hint=hint))
        return lines

    def _epoch(self, label: str, outcome: Outcome) -> tuple[Line, list[int]]:
        """Whether an epoch brings every sample once, in pairs, in batches of the right size."""
        if outcome.failure is not None:
            return Line(label, False, str(outcome.failure)), []
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


def _equal(value: Any, expected: np.ndarray) -> bool:
    return isinstance(value, np.ndarray) and np.array_equal(value, expected)
