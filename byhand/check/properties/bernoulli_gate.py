"""check.straight_through: a gate that samples forwards and lets the gradient through backwards."""

from functools import partial
from typing import Any

import numpy as np

from byhand.check.compare import compare, described
from byhand.check.core import Check
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Line, Report
from byhand.check.script import Script
from byhand.protocol.experiment import Tensor

SHAPE = (64, 32)
OTHER_SHAPES = (), (7,), (2, 3, 4)
SIGMAS = 6.0  # a right gate strays further once in 500 million looks
ROUNDING = {np.float64: 1e-12, np.float32: 1e-5}  # of sample + p - p.detach()
THROUGH = "Straight through means unchanged; yours is multiplied by"


@calm()
def straight_through(subject: Any, seed: int | None = None) -> Report | None:
    """Look at gate(p), a Bernoulli gate: its samples, and its gradient for p.

    Raises CheckFailed with what was found.
    """
    check = Check("straight_through", subject, seed=seed)
    where = f"(p) on p of shape {SHAPE}, backwards with a random gradient"
    check.report.title = check.name + where
    return check.differential(None, _Gate(check.name, check.draw).write)


class _Gate:
    """The script and its rules: a gate on various p, on one p throughout, on a transposed p."""

    def __init__(self, name: str, draw: Draw):
        self.name, self.even, self.p = name, [], draw.rng.uniform(0.05, 0.95, SHAPE)
        self.p[0] = np.arange(SHAPE[1]) % 2  # where there is nothing to draw
        self.g = draw.normal(SHAPE)

    def write(self, script: Script, dtype: type) -> None:
        script.tensors, self.dtype, self.y = True, dtype, None
        p, g = self.p.astype(dtype), self.g.astype(dtype)
        p_ref = script.argument("p", Tensor(p))
        script.method(p_ref, "requires_grad_")
        first = script.call(self.name, p_ref)
        script.expect("every entry is 0 or 1", first, self._zeros_and_ones)
        if dtype is np.float64:
            script.expect("1 with probability p", first, self._share)
            for _ in range(2):
                even = script.call(self.name, Tensor(np.full(SHAPE, 0.5)))
                script.expect("every entry on its own", even, self._own)
            again = script.call(self.name, p_ref)
            script.expect("a new sample each call", again, self._fresh)
            small = [script.call(self.name, Tensor(np.full((5, 8), 0.5))) for _ in range(8)]
            for shape in OTHER_SHAPES:
                other = script.call(self.name, Tensor(np.full(shape, 0.5)))
                script.expect("any shape", other, partial(self._other, shape), quiet=True)
            self.counts: list[float] = []
            for ref in small:
                script.expect("the number of ones is random, too", ref, self._count, quiet=True)
        turned = script.method(script.put(Tensor(p)), "requires_grad_")
        y = script.call(self.name, script.method(turned, "t"))  # which is not contiguous
        looks = ("gradient for p", p_ref, first, g), ("gradient for p.T", turned, y, g.T)
        for label, leaf, y, upstream in looks:
            back, rule = (
                script.method(y, "backward", Tensor(upstream)),
                partial(self._gradient, label),
            )
            script.expect(label, script.get(leaf, "grad"), rule, quiet=leaf == turned, after=back)

    def _zeros_and_ones(self, y: Any) -> str | Line:
        if not isinstance(y, np.ndarray):
            return f"it is {described(y)}, expected a PyTorch tensor"
        if y.shape != SHAPE:
            return f"has shape {y.shape}, expected {SHAPE}"
        if y.dtype != self.dtype:
            hint = "Give the sample the dtype of p: a gradient needs floating-point numbers."
            text = f"is {y.dtype}, expected {np.dtype(self.dtype)}"
            return Line("every entry is 0 or 1", False, text, hint=hint)
        other = y[np.minimum(np.abs(y), np.abs(y - 1)) > ROUNDING[self.dtype]]
        self.y = np.rint(y) if not other.size else None
        return f"found {other[0]:.4g}" if other.size else ""

    def _share(self, _: Any) -> Line:
        """y - p adds up to about 0, over all entries and weighed with p, in standard deviations."""
        result, y, p = partial(Line, "1 with probability p"), self.y, self.p
        if y is None:
            return result(None, "not tried")
        if (y[p == 0] != 0).any() or (y[p == 1] != 1).any():
            return result(False, "p = 0 should always give 0 and p = 1 always 1")
        for weight in (np.ones_like(p), p - 0.5):
            strayed = abs(((y - p) * weight).sum() / np.sqrt((p * (1 - p) * weight**2).sum()))
            if strayed > SIGMAS:
                rounded = np.array_equal(y, p.round())
                hint = "It rounds p. Draw a random number for every entry." if rounded else ""
                text = f"the ones are {strayed:.0f} standard deviations away from what p says"
                return result(False, text, hint=hint)
        return result(True, f"{y.mean():.3f} of them, expected about {p.mean():.3f}")

    def _own(self, y: Any) -> str:
        """With p = 0.5 throughout, no two rows and no two columns are alike, or opposite, in two
        samples."""
        if not isinstance(y, np.ndarray) or y.shape != SHAPE:
            return f"is {described(y)} for p = 0.5"
        self.even.append(2 * y - 1)
        both = np.array(self.even[-2:]) if len(self.even) > 1 else np.empty((0, *SHAPE))
        for entries in both.transpose(1, 0, 2), both.transpose(2, 0, 1):
            alike = np.abs(np.tensordot(entries, entries, axes=([1, 2], [1, 2])))
            if both.size and (np.triu(alike, 1) > entries[0].size - 0.5).any():
                return "one random number serves several entries: draw as many as p has"
        return ""

    def _fresh(self, y: Any) -> str:
        drawn = self.y is not None and isinstance(y, np.ndarray)
        same = drawn and np.array_equal(np.rint(y), self.y)
        return "a second call gives the same sample: draw in forward" if same else ""

    def _other(self, shape: tuple[int, ...], y: Any) -> str:
        right = isinstance(y, np.ndarray) and y.shape == shape and ((y == 0) | (y == 1)).all()
        return "" if right else f"is {described(y)} for p of shape {shape}"

    def _count(self, y: Any) -> str:
        self.counts.append(float(y.sum()) if isinstance(y, np.ndarray) else -1.0)
        fixed = len(self.counts) == 8 and len(set(self.counts)) == 1
        return "every sample has as many ones: draw for each entry" if fixed else ""

    def _gradient(self, name: str, grad: Any) -> Line:
        p, g = self.p.astype(self.dtype), self.g.astype(self.dtype)
        y = np.ones_like(p) if self.y is None else self.y.astype(self.dtype)
        factors = {"the sample": y, "p": p, "p (1 - p)": p * (1 - p), "1 - p": 1 - p}
        suspects = [("It is 1 everywhere: hand on the gradient that comes in.", np.ones_like(g))]
        suspects += [(f"{THROUGH} {said}.", g * factor) for said, factor in factors.items()]
        return compare(name, grad, g, against="expected", suspects=lambda: suspects)
