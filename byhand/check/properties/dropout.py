"""check.dropout: a layer that draws random numbers, beside what it promises."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check import oracles
from byhand.check.compare import MIXED, compare, described
from byhand.check.core import Check, one_of
from byhand.check.properties import independence
from byhand.check.random_inputs import calm, longer
from byhand.check.report import Line, Report
from byhand.check.script import BUFFER, Script
from byhand.protocol.experiment import Ref

SIGMAS = 6.0  # a right layer strays further once in 500 million looks
EVAL = "In eval mode Dropout does nothing at all: no mask, no scale."
SAME = "a second forward pass drops the same entries"
AGAIN = f"{SAME}: draw the mask in compute_output, and fix no seed there"
ALIKE = "two objects drop the same entries: is the mask, or its seed, shared?"
MASK_DTYPE = "Convert the mask: an integer or float64 mask turns float32 into float64."
SAME_MASK = "Where forward dropped an entry, backward passes nothing on: use the same mask."


@calm()
def dropout(
    cls: Any, p: float | None = 0.3, x: Sequence[int] = (200, 50), look: str = "all",
    seed: int | None = None,
) -> Report | None:  # fmt: skip
    """Look at the mask of a Dropout(p): its share, its scale, its independence, its gradient.

    p: None for the default, 0.5; x: a shape; look: "all", "train" (forward), "backward" or "eval".
    Raises CheckFailed with what was found.
    """
    one_of(("all", "train", "backward", "eval"), look, "look")
    check = Check("dropout", cls, seed=seed)
    check.report.title = f"{check.name}({'' if p is None else f'p={p}'}) on x of shape {x}"
    check.rules()
    dtypes = [np.float64] if look == "eval" else [np.float64, np.float32]
    oracle = partial(oracles.Layer, torch.nn.Dropout)
    return check.differential(oracle, _Mask(check, p, x, look).write, dtypes=dtypes)


class _Mask:
    """The script, and rules that its results have to keep. A fifth of x is 0, as behind a ReLU."""

    def __init__(self, check: Check, p: float | None, shape: Sequence[int], look: str):
        self.name, self.look, draw = check.name, look, check.draw
        self.p, self.make = (0.5, {}) if p is None else (p, {"p": p})
        self.x, self.g = draw.batch(shape), draw.batch(shape)
        self.x[draw.rng.random(shape) < 0.2] = 0.0

    def write(self, script: Script, dtype: type) -> None:
        """Passes in train mode, others of another object in between, and a pass in eval mode."""
        self.dtype, self.y, look = dtype, None, self.look
        x, g = self.x.astype(dtype), self.g.astype(dtype)
        layer = script.build(self.name, **self.make)
        script.method(layer, "train")
        x_ref, g_ref = script.argument("x", x), script.argument("grad_output", g)
        y = script.method(layer, "forward", x_ref)
        with script.aside():
            beside = script.call(self.name, **self.make)
            other = script.method(beside, "forward", x_ref)
            script.method(beside, "backward", x_ref, g_ref)

        def rule(label: str, ref: Ref, judge: Callable, quiet: bool = False) -> None:
            def tried(value: Any) -> str | Line:
                return Line(label, None, "not tried") if self.y is None else judge(value)

            if look in ("all", "train"):
                script.expect(label, ref, tried, after=y, quiet=quiet)

        if look in ("all", "train"):
            script.expect("output", y, self._scaled)
        if dtype is np.float64:
            rule("share that is dropped", y, self._share)
        if 0 < self.p < 1 and dtype is np.float64:
            again = script.method(layer, "forward", np.asfortranarray(x))
            rule("a new mask each pass", again, partial(self._differs, AGAIN))
            rule("output, later", script.read(y), self._still, quiet=True)
            rule("output, another order in memory", again, self._turned, quiet=True)
            rule("a mask of each object's own", other, partial(self._differs, ALIKE), quiet=True)
            self.masks: list[np.ndarray] = []
            for left in reversed(range(independence.PASSES)):  # of another size than x
                ones = script.method(layer, "forward", np.ones((x.shape[0] + 1, *x.shape[1:])))
                rule("every entry on its own", ones, self._own, quiet=left > 0)
        if look in ("all", "backward"):
            self._backward(script, layer, beside, x_ref, g_ref)
        if look in ("all", "eval") and dtype is np.float64:
            script.method(layer, "eval")
            out = script.method(layer, "forward", x_ref)
            grad = script.method(layer, "backward", x_ref, g_ref)
            for ref, label in (out, "output, eval mode"), (grad, "gradient for x, eval mode"):
                script.look(label, ref, label, hint=EVAL)
        if dtype is np.float64:
            many = np.ones(longer(x.shape))
            small, large = [layer, x_ref, g_ref], [layer, many, many]
            script.no_loops(small, large, forward=1, backward=2)

    def _backward(self, script: Script, layer: Any, beside: Any, x_ref: Any, g_ref: Any) -> None:
        """Twice through the same mask, then once through that of another pass."""
        passed: list[Ref] = []
        for again in ("", ", called again", ", new mask"):
            if again != ", called again":
                y = script.method(layer, "forward", x_ref)
                script.expect("output", y, self._remember, quiet=True)
            with script.aside():
                script.method(beside, "forward", x_ref)
            g = np.asfortranarray(self.g.astype(self.dtype)) if passed[1:] else g_ref
            found, label = script.method(layer, "backward", x_ref, g), f"gradient for x{again}"
            script.expect(label, found, partial(self._passed_on, label), quiet=bool(again))
            passed.append(found)
        same = script.call("fixtures.same_memory", passed[:1], passed[-1:])
        label = "gradient for x, later"
        script.expect(label, same, lambda same: BUFFER if same is True else "", quiet=True)

    def _like_x(self, value: Any) -> np.ndarray:
        """The value with 0 for what is not finite; nothing but 0 if it is no array like x."""
        fits = isinstance(value, np.ndarray) and value.shape == self.x.shape
        value = value.astype(self.dtype) if fits else np.zeros(self.x.shape, self.dtype)
        return np.nan_to_num(value, nan=0, posinf=0, neginf=0)

    def _compare(self, label: str, value: Any, expected: np.ndarray, **how: Any) -> Line:
        line = compare(label, value, expected.astype(self.dtype), **how)
        line.hint = MASK_DTYPE if line.hint == MIXED else line.hint
        return line

    def _remember(self, y: Any) -> Line:
        self.y = y
        return self._compare("output", y, self._like_x(y))

    def _scaled(self, y: Any) -> Line:
        """Every entry is 0 or x / (1 - p)."""
        x, keep = self.x * (self._like_x(y) != 0), 1 - self.p
        suspects = [
            ("The entries that stay are not scaled up by 1 / (1 - p).", x),
            ("It is scaled by 1 / p: p is the probability to drop, not to keep.", x / self.p),
            ("It is scaled by 1 - p; divide by it.", x * keep),
        ]
        how = dict(against="x / (1 - p)", suspects=lambda: suspects)
        line = self._compare("output", y, x / keep if keep else 0 * x, **how)
        compared = line.yours is not None and np.isfinite(y).all()
        self.y = y if line.ok or compared else None
        line.text = "every entry is 0 or x / (1 - p)" if line.ok else line.text
        return line

    def _share(self, y: np.ndarray) -> Line:
        dropped, p = y[self.x != 0] == 0, self.p
        share, stray = dropped.mean(), SIGMAS * np.sqrt(p * (1 - p) / dropped.size)
        ok = bool(abs(share - p) <= stray + 1e-12)
        turned = not ok and abs(share - (1 - p)) <= stray
        hint = "p is the probability to drop an entry, not to keep it." if turned else ""
        return Line("share that is dropped", ok, f"{share:.3f}, expected about {p:g}", hint=hint)

    def _own(self, y: Any) -> str | Line:
        """No mask of several is constant along an axis, and nothing ties their entries together."""
        shape = (len(self.x) + 1, *self.x.shape[1:])
        if not isinstance(y, np.ndarray) or y.shape != shape:
            return f"is {described(y)} for x of shape {shape}"
        self.masks.append(y == 0)
        for axis, size in enumerate(shape):
            if size > 1 and (self.masks[-1].all(axis) | (~self.masks[-1]).all(axis)).all():
                names = {0: "all samples have", y.ndim - 1: "all features have"}
                shared = names.get(axis, f"all entries along axis {axis} have")
                return f"{shared} the same mask: draw it with x's shape"
        if len(self.masks) < independence.PASSES:
            return ""
        if all(np.array_equal(mask, self.masks[0]) for mask in self.masks):
            return Line("every entry on its own", None, "not tried")
        return independence.dependence(self.masks)

    def _still(self, y: Any) -> str:
        return "" if np.array_equal(y, self.y) else BUFFER

    def _turned(self, y: Any) -> Line:
        first, line = self.y, self._scaled(y)
        self.y = first
        return line

    def _differs(self, words: str, y: Any) -> str:
        same = isinstance(y, np.ndarray) and y.shape == self.y.shape
        return words if same and np.array_equal(y == 0, self.y == 0) else ""

    def _passed_on(self, label: str, grad: Any) -> Line:
        """The rule for a gradient: g / (1 - p) where x passed, 0 where it was dropped."""
        fits = isinstance(self.y, np.ndarray) and self.y.shape == self.x.shape
        if not fits or not np.isfinite(self.y).all():
            said = label != "gradient for x"  # once is enough
            return Line(label, said, "not tried: there is no output to compare it with")
        seen, g, given = self.x != 0, self.g.astype(self.dtype), self._like_x(grad)
        through = np.divide(self._like_x(self.y), self.x, out=np.zeros_like(self.x), where=seen)
        right, *wrong = (
            np.where(seen, v, given) for v in (g * through, g * (through != 0), through, g)
        )
        mistakes = (
            "g is not scaled by 1 / (1 - p).",
            "g is missing: multiply with the upstream gradient.",
            "No mask is applied to g.",
        )
        line = self._compare(label, grad, right, suspects=lambda: zip(mistakes, wrong, strict=True))
        if line.yours is not None:
            line.hint = line.hint or SAME_MASK
        passed = given[~seen] != 0
        if line.ok and 0 < self.p < 1 and passed.all() == passed.any():
            text = "where x is 0, the mask still decides: keep the mask, do not read it off y"
            return Line(label, False, text)
        return line
