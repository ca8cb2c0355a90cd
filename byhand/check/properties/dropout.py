"""check.dropout: a layer that draws random numbers, beside what it promises."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.check.compare import compare, difference, not_an_array
from byhand.check.core import Check, one_of
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Line, Report
from byhand.check.script import Script
from byhand.protocol.experiment import StepResult

LOOKS = ("all", "train", "backward", "eval")
SIGMAS = 6.0  # a right layer strays further once in 500 million looks
DEFAULT = 0.5
COUNTS = (40, 25)  # the shape of passes in which only the number of dropped entries counts
COUNTED = 8  # such passes: that all drop the same number is an accident of 1 in 10 billion
SAME_MASK = "Where forward dropped an entry, backward passes nothing on: use the same mask."
IDENTITY = "In eval mode Dropout does nothing at all: no mask, no scale."
CONVERT = "Convert the mask: an integer or float64 mask turns float32 into float64."
KEEP = "p is the probability to drop an entry, not to keep it."


@calm()
def dropout(
    cls: Any,
    p: float | None = 0.3,
    x: Sequence[int] = (200, 50),
    look: str = "all",
    seed: int | None = None,
) -> Report | None:
    """Look at the mask of a Dropout(p): its share, its scale, its independence, its gradient.

    p: None for the default, 0.5; x: a shape; look: "all", "train" (forward), "backward" or "eval".
    Raises CheckFailed with what was found.
    """
    one_of(LOOKS, look, "look")
    check = Check("dropout", cls, seed=seed)
    check.report.title = f"{check.name}({'' if p is None else f'p={p}'}) on x of shape {x}"
    check.rules()
    mask = _Mask(check.name, p, x, look, check.draw)
    return check.differential(None, mask.write, dtypes=[np.float64] if look == "eval" else (
        np.float64, np.float32))  # fmt: skip


class _Mask:
    """The script, and rules that its results have to keep. A fifth of x is 0, as behind a ReLU."""

    def __init__(self, name: str, p: float | None, shape: Sequence[int], look: str, draw: Draw):
        self.name, self.look, self.draw = name, look, draw
        self.p, self.make = (DEFAULT, {}) if p is None else (p, {"p": p})
        self.x, self.g = draw.batch(shape), draw.batch(shape)
        self.x[draw.rng.random(shape) < 0.2] = 0.0

    def write(self, script: Script, dtype: type) -> None:
        """Passes in train mode, others of another object in between, and a pass in eval mode."""
        self.dtype, look, random = dtype, self.look, 0 < self.p < 1
        x, g = self.x.astype(dtype), self.g.astype(dtype)
        layer = script.build(self.name, **self.make)
        script.method(layer, "train")
        x_ref, g_ref = script.argument("x", x), script.argument("grad_output", g)
        y = script.method(layer, "forward", x_ref)
        with script.aside():
            beside = script.call(self.name, **self.make)
            other = script.method(beside, "forward", x_ref)
            script.method(beside, "backward", x_ref, g_ref)
        rule = script.expect if look in ("all", "train") else lambda *_, **__: None
        rule("output", y, self._scaled)
        if dtype is np.float64:
            rule("share that is dropped", y, self._share, after=y)
        if random and dtype is np.float64:
            rule("every entry on its own", y, self._own, after=y)
            again = script.method(layer, "forward", x_ref)
            words = "a second forward pass drops the same entries: draw the mask in compute_output"
            rule("a new mask each pass", again, self._differs(words), after=y)
            words = "two objects drop the same entries: is the mask, or its seed, shared?"
            rule("a mask of each object's own", other, self._differs(words), after=y, quiet=True)
            self.counts = []
            for _ in range(COUNTED):
                small = script.method(layer, "forward", np.ones(COUNTS))
                rule("the number dropped is random, too", small, self._count, quiet=True)
            script.method(layer, "forward", np.ones((x.shape[0] + 1, *x.shape[1:])))
        if look in ("all", "backward"):
            self._backward(script, layer, beside, x_ref, g_ref)
        if look in ("all", "eval") and dtype is np.float64:
            script.method(layer, "eval")
            y, grad = "output, eval mode", "gradient for x, eval mode"
            script.expect(y, script.method(layer, "forward", x_ref), self._is(y, x, "x"))
            script.expect(
                grad, script.method(layer, "backward", x_ref, g_ref), self._is(grad, g, "g")
            )

    def _backward(self, script: Script, layer: Any, beside: Any, x_ref: Any, g_ref: Any) -> None:
        """Twice through the same mask, then once through that of another pass."""
        for label in ("gradient for x", "gradient for x, called again", "gradient for x, new mask"):
            if label != "gradient for x, called again":
                script.expect("output", script.method(layer, "forward", x_ref), self._remember,
                              quiet=True)  # fmt: skip
            with script.aside():
                script.method(beside, "forward", x_ref)
            found = script.method(layer, "backward", x_ref, g_ref)
            script.expect(label, found, self._passed_on(label), quiet="," in label)

    def _fits(self, name: str, value: Any) -> Line | None:
        """A line if this is no array like x."""
        wrong = not_an_array(StepResult(value))
        if wrong is None and value.shape != self.x.shape:
            wrong = f"has shape {value.shape}, expected {self.x.shape}"
        if wrong is None and value.dtype != self.dtype:
            return Line(
                name, False, f"is {value.dtype}, expected {np.dtype(self.dtype)}", hint=CONVERT
            )
        if wrong is None and not np.isfinite(value).all():
            return Line(name, False, "some values are NaN or infinite", hint=f"p is {self.p}.")
        return Line(name, False, wrong) if wrong else None

    def _remember(self, y: Any) -> str | Line:
        self.y = y
        return self._fits("output", y) or ""

    def _scaled(self, y: Any) -> Line:
        """Every entry is 0 or x / (1 - p)."""
        if (line := self._fits("output", y)) is not None:
            return line
        self.y, near = y, 1e-9 if self.dtype is np.float64 else 1e-5
        x, kept = self.x.astype(self.dtype), y != 0
        scaled = x / (1 - self.p) if self.p < 1 else np.zeros_like(x)
        if np.allclose(y[kept], scaled[kept], rtol=near, atol=0):
            return Line("output", True, "every entry is 0 or x / (1 - p)")
        hint = ""
        for factor, words in {
            1.0: "The entries that stay are not scaled up by 1 / (1 - p).",
            1 / (self.p or 1): "It is scaled by 1 / p: p is the probability to drop, not to keep.",
            1 - self.p: "It is scaled by 1 - p; divide by it.",
        }.items():
            if np.allclose(y[kept], factor * x[kept], rtol=near, atol=0):
                hint = words
        text = difference(y[kept], scaled[kept], "it")
        return Line(
            "output", False, f"an entry that stays should be x / (1 - p): {text}", hint=hint
        )

    def _share(self, y: np.ndarray) -> Line:
        dropped = y[self.x != 0] == 0
        return self._near_p("share that is dropped", dropped, KEEP)

    def _near_p(self, name: str, dropped: np.ndarray, turned: str = "") -> Line:
        share, spread = dropped.mean(), np.sqrt(self.p * (1 - self.p) / dropped.size)
        text = f"{share:.3f}, expected about {self.p:g}"
        if abs(share - self.p) <= SIGMAS * spread + 1e-12:
            return Line(name, True, text)
        hint = turned if abs(share - (1 - self.p)) <= SIGMAS * spread else ""
        return Line(name, False, text, hint=hint)

    def _own(self, y: np.ndarray) -> str:
        """The mask is constant along no axis."""
        dropped, unknown = y == 0, self.x == 0
        for axis, size in enumerate(y.shape):
            always = (dropped | unknown).all(axis) | (~dropped | unknown).all(axis)
            if size > 1 and always.all():
                names = {0: "all samples have", y.ndim - 1: "all features have"}
                shared = names.get(axis, f"all entries along axis {axis} have")
                return f"{shared} the same mask: draw it with x's shape"
        return ""

    def _differs(self, words: str) -> Any:
        def rule(y: Any) -> str:
            same = isinstance(y, np.ndarray) and y.shape == self.y.shape
            return words if same and np.array_equal(y == 0, self.y == 0) else ""

        return rule

    def _count(self, y: Any) -> str:
        self.counts.append(int((y == 0).sum()) if isinstance(y, np.ndarray) else -1)
        fixed = len(self.counts) == COUNTED and len(set(self.counts)) == 1
        return (
            f"every pass drops {self.counts[0]} of {y.size}: draw for each entry" if fixed else ""
        )

    def _passed_on(self, label: str) -> Any:
        """The rule for a gradient: g / (1 - p) where x passed, 0 where it was dropped."""

        def rule(grad: Any) -> Line:
            if not isinstance(self.y, np.ndarray) or self.y.shape != self.x.shape:
                return Line(label, False, "not tried: there is no output to compare it with")
            if (line := self._fits(label, grad)) is not None:
                return line
            seen, g = self.x != 0, self.g.astype(self.dtype)
            through = np.divide(self.y, self.x, out=np.zeros_like(self.y), where=seen)
            suspects = [
                ("g is not scaled by 1 / (1 - p).", g * (self.y != 0) * seen),
                ("g is missing: multiply with the upstream gradient.", through),
                ("No mask is applied to g.", g * seen),
            ]
            line = compare(label, StepResult(grad * seen), g * through, suspects=lambda: suspects)
            if not line.ok:
                line.hint = line.hint or SAME_MASK
                return line
            passed = grad[~seen] != 0
            if 0 < self.p < 1 and passed.all() == passed.any():
                text = "where x is 0, the mask still decides: keep the mask, do not read it off y"
                return Line(label, False, text)
            return line

        return rule

    def _is(self, label: str, expected: np.ndarray, named: str) -> Any:
        def rule(value: Any) -> Line:
            line = compare(label, StepResult(value), expected, against=named)
            line.hint = IDENTITY if line.yours is not None else line.hint
            return line

        return rule
