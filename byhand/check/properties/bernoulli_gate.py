"""check.straight_through: a gate that samples forwards and lets the gradient through backwards."""

from functools import partial
from typing import Any

import numpy as np

from byhand.check.compare import compare, described
from byhand.check.core import Check
from byhand.check.properties import independence
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Line, Report
from byhand.check.script import Script
from byhand.protocol.experiment import Tensor

SHAPE = (64, 32)
OTHER_SHAPES = (), (7,), (2, 3, 4)
SIGMAS = 6.0  # a right gate strays further once in 500 million looks
ROUNDING = {np.float64: 1e-12, np.float32: 1e-5}  # of sample + p - p.detach()
AFRESH = "draw in forward, and fix no seed there"
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
        self.name, self.p = name, draw.rng.uniform(0.05, 0.95, SHAPE)
        self.p[0] = np.arange(SHAPE[1]) % 2  # where there is nothing to draw
        self.g = draw.normal(SHAPE)

    def write(self, script: Script, dtype: type) -> None:
        script.tensors, self.dtype, self.y, self.fresh = True, dtype, None, True
        p, g = self.p.astype(dtype), self.g.astype(dtype)
        p_ref = script.argument("p", Tensor(p))
        script.method(p_ref, "requires_grad_")
        first = script.call(self.name, p_ref)
        script.expect("every entry is 0 or 1", first, self._zeros_and_ones)
        if dtype is np.float64:
            script.expect("1 with probability p", first, self._share)
            again = script.call(self.name, p_ref)
            script.expect("a new sample each call", again, self._fresh)
            self.samples: list[np.ndarray] = []
            for left in reversed(range(independence.PASSES)):
                even = script.call(self.name, Tensor(np.full(SHAPE, 0.5)))
                script.expect("every entry on its own", even, self._own, quiet=left > 0)
            for shape in OTHER_SHAPES:
                other = script.call(self.name, Tensor(np.full(shape, 0.5)))
                label = f"a sample for p of shape {shape}"
                script.expect(label, other, partial(self._shaped, shape), quiet=True)
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

    def _own(self, y: Any) -> str | Line:
        """With p = 0.5 throughout, not all rows or columns of a sample are alike, and nothing ties
        the entries of several together."""
        if not isinstance(y, np.ndarray) or y.shape != SHAPE:
            return f"is {described(y)} for p = 0.5"
        self.samples.append(y > 0.5)
        if not self.fresh:  # then the numbers may well be drawn, but with a fixed seed
            return Line("every entry on its own", None, "not tried")
        if (y == y[:1]).all() or (y == y[:, :1]).all():
            return "one random number serves several entries: draw as many as p has"
        done = len(self.samples) == independence.PASSES
        return independence.dependence(self.samples) if done else ""

    def _shaped(self, shape: tuple[int, ...], y: Any) -> str:
        right = isinstance(y, np.ndarray) and y.shape == shape and ((y == 0) | (y == 1)).all()
        return "" if right else f"is {described(y)}, expected shape {shape}"

    def _fresh(self, y: Any) -> str:
        drawn = self.y is not None and isinstance(y, np.ndarray)
        self.fresh = not (drawn and np.array_equal(np.rint(y), self.y))
        return "" if self.fresh else "a second call gives the same sample: " + AFRESH

    def _gradient(self, name: str, grad: Any) -> Line:
        p, g = self.p.astype(self.dtype), self.g.astype(self.dtype)
        y = np.ones_like(p) if self.y is None else self.y.astype(self.dtype)
        factors = {"the sample": y, "p": p, "p (1 - p)": p * (1 - p), "1 - p": 1 - p}
        suspects = [("It is 1 everywhere: hand on the gradient that comes in.", np.ones_like(g))]
        suspects += [(f"{THROUGH} {said}.", g * factor) for said, factor in factors.items()]
        return compare(name, grad, g, against="expected", suspects=lambda: suspects)
