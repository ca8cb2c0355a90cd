"""check.straight_through: a gate that samples forwards and lets the gradient through backwards."""

from functools import partial
from typing import Any

import numpy as np

from byhand.check.compare import compare, described
from byhand.check.core import Check
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Line, Report
from byhand.check.script import Script
from byhand.protocol.experiment import Ref, StepResult, Tensor

ROWS, COLUMNS = 64, 32
SIGMAS = 6.0  # a right gate strays further once in 500 million looks
ROUNDING = {np.float64: 1e-12, np.float32: 1e-5}  # of sample + p - p.detach()
ONES = "It is 1 everywhere: hand on the gradient that comes in."
THROUGH = "Straight through means unchanged; yours is multiplied by"


@calm()
def straight_through(subject: Any, seed: int | None = None) -> Report | None:
    """Look at gate(p), a Bernoulli gate: its samples, and its gradient for p.

    Raises CheckFailed with what was found.
    """
    check = Check("straight_through", subject, seed=seed)
    shape = f"p of shape {(ROWS, COLUMNS)}, backwards with a random gradient"
    check.report.title = f"{check.name}(p) on {shape}"
    return check.differential(None, _Gate(check.name, check.draw).write)


class _Gate:
    """The script and its rules: a gate on various p, on one p throughout, on a transposed p."""

    def __init__(self, name: str, draw: Draw):
        self.name = name
        self.p = draw.rng.uniform(0.05, 0.95, (ROWS, COLUMNS))
        self.p[0, :4] = 0, 1, 0, 1
        self.g = draw.normal(self.p.shape)

    def write(self, script: Script, dtype: type) -> None:
        script.tensors, self.dtype = True, dtype
        self.now, p, g = dtype, self.p.astype(dtype), self.g.astype(dtype)
        p_ref = script.argument("p", Tensor(p))
        script.method(p_ref, "requires_grad_")
        first = script.call(self.name, p_ref)
        script.expect("every entry is 0 or 1", first, self._zeros_and_ones)
        if dtype is np.float64:
            script.expect("1 with probability p", first, self._share)
            even = script.call(self.name, Tensor(np.full((ROWS, COLUMNS), 0.5)))
            script.expect("every entry on its own", even, self._own)
            again = script.call(self.name, p_ref)
            script.expect("a new sample each call", again, self._fresh)
            small = [script.call(self.name, Tensor(np.full((5, 8), 0.5))) for _ in range(8)]
            self.counts: list[float] = []
            for ref in small:
                script.expect("the number of ones is random, too", ref, self._count, quiet=True)
        back = script.method(first, "backward", Tensor(g))
        gradient = partial(self._gradient, "gradient for p")
        script.expect("gradient for p", script.get(p_ref, "grad"), gradient, after=back)
        turned = script.method(script.put(Tensor(p)), "requires_grad_")
        y = script.call(self.name, script.method(turned, "t"))  # which is not contiguous
        back = script.method(y, "backward", Tensor(g.T))
        gradient = partial(self._gradient, "gradient for p.T")
        found: Ref = script.get(turned, "grad")
        script.expect("gradient for p.T", found, gradient, quiet=True, after=back)

    def _zeros_and_ones(self, y: Any) -> str | Line:
        self.y = None
        if not isinstance(y, np.ndarray):
            return f"it is {described(y)}, expected a PyTorch tensor"
        if y.shape != self.p.shape:
            return f"has shape {y.shape}, expected {self.p.shape}"
        if y.dtype != self.dtype:
            hint = "Give the sample the dtype of p: a gradient needs floating-point numbers."
            text = f"is {y.dtype}, expected {np.dtype(self.dtype)}"
            return Line("every entry is 0 or 1", False, text, hint=hint)
        other = y[np.minimum(np.abs(y), np.abs(y - 1)) > ROUNDING[self.dtype]]
        self.y = np.rint(y) if not other.size else None
        return f"found {other[0]:.4g}" if other.size else ""

    def _share(self, _: Any) -> Line:
        """y - p adds up to about 0, over all entries and weighed with p, in standard deviations."""
        name, y, spread = "1 with probability p", self.y, self.p * (1 - self.p)
        if y is None:
            return Line(name, None, "not tried")
        if (y[self.p == 0] != 0).any() or (y[self.p == 1] != 1).any():
            return Line(name, False, "p = 0 should always give 0 and p = 1 always 1")
        for weight in (np.ones_like(self.p), self.p - 0.5):
            strayed = ((y - self.p) * weight).sum() / np.sqrt((spread * weight**2).sum())
            if abs(strayed) > SIGMAS:
                rounded = np.array_equal(y, self.p.round())
                hint = "It rounds p. Draw a random number for every entry." if rounded else ""
                text = f"the ones are {abs(strayed):.0f} standard deviations away from what p says"
                return Line(name, False, text, hint=hint)
        return Line(name, True, f"{y.mean():.3f} of them, expected about {self.p.mean():.3f}")

    def _own(self, y: Any) -> str:
        """With p = 0.5 throughout, no two rows and no two columns are always alike."""
        if not isinstance(y, np.ndarray) or y.shape != self.p.shape:
            return f"is {described(y)} for p = 0.5"
        alike = (y == y[:1]).all() or (y == y[:, :1]).all()
        return "one random number serves many entries: draw as many as p has" if alike else ""

    def _fresh(self, y: Any) -> str:
        same = (
            self.y is not None and isinstance(y, np.ndarray) and np.array_equal(np.rint(y), self.y)
        )
        return "a second call gives the same sample: draw in forward" if same else ""

    def _count(self, y: Any) -> str:
        self.counts.append(float(y.sum()) if isinstance(y, np.ndarray) else -1.0)
        fixed = len(self.counts) == 8 and len(set(self.counts)) == 1
        return "every sample has as many ones: draw for each entry" if fixed else ""

    def _gradient(self, name: str, grad: Any) -> Line:
        p, g = self.p.astype(self.dtype), self.g.astype(self.dtype)
        y = np.ones_like(p) if self.y is None else self.y.astype(self.dtype)
        suspects = [
            (ONES, np.ones_like(g)),
            (f"{THROUGH} the sample.", g * y),
            (f"{THROUGH} p.", g * p),
            (f"{THROUGH} p (1 - p).", g * p * (1 - p)),
            (f"{THROUGH} 1 - p.", g * (1 - p)),
        ]
        return compare(name, StepResult(grad), g, against="expected", suspects=lambda: suspects)
