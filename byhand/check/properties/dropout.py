"""check.dropout: a layer that draws random numbers, held against what it promises."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from byhand.check.compare import changes, compare, difference, not_an_array, warned
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Line, Report, conclude
from byhand.check.subject import reach
from byhand.protocol.experiment import Experiment, StepResult
from byhand.protocol.source_rules import broken_rules

LOOKS = ("all", "train", "backward", "eval")
SIGMAS = 6.0  # a right layer strays further once in 500 million looks


@calm()
def dropout(
    cls: Any,
    p: float = 0.3,
    x: Sequence[int] = (200, 50),
    look: str = "all",
    seed: int | None = None,
) -> Report | None:
    """Look at the mask of a Dropout(p): its share, its scale, its freshness, its way back.

    x: a shape; look: "all", "train" (forward), "backward" or "eval".
    Raises CheckFailed with what was found.
    """
    if look not in LOOKS:
        raise ValueError(f"look is one of {LOOKS}, not {look!r}")
    [name], runner = reach(cls)
    draw = Draw(seed)
    report = Report(f"{name}(p={p}) on x of shape {x}", draw.repeat("dropout"))
    for rule in broken_rules(runner.program(name), name):
        report.lines.append(Line("rules", False, rule))
    trial = _Trial(name, p, x, draw)
    report.lines += trial.judge(runner.run(trial.experiment), look)
    return conclude(report)


class _Trial:
    """Two passes in train mode, one in eval mode, one in float32."""

    def __init__(self, name: str, p: float, shape: Sequence[int], draw: Draw):
        self.p = p
        self.x = draw.batch(shape)
        self.g = draw.batch(shape)
        ex = self.experiment = Experiment(seed=draw.seed)
        self.layer = ex.call(name, p=p)
        ex.method(self.layer, "train")
        self.x_ref, self.g_ref = ex.put(self.x), ex.put(self.g)
        self.forward, self.backward = [], []
        for _ in range(2):
            self.forward.append(ex.method(self.layer, "forward", self.x_ref))
            self.backward.append(ex.method(self.layer, "backward", self.x_ref, self.g_ref))
            self.backward.append(ex.method(self.layer, "backward", self.x_ref, self.g_ref))
        ex.method(self.layer, "eval")
        self.eval_forward = ex.method(self.layer, "forward", self.x_ref)
        self.eval_backward = ex.method(self.layer, "backward", self.x_ref, self.g_ref)
        single = ex.call(name, p=p)
        x32, g32 = self.x.astype(np.float32), self.g.astype(np.float32)
        self.single = {
            "output": ex.method(single, "forward", x32),
            "gradient for x": ex.method(single, "backward", x32, g32),
        }

    def judge(self, outcomes: list[StepResult], look: str) -> list[Line]:
        built = outcomes[self.layer.index]
        if built.failure is not None:
            return [Line("constructor", False, str(built.failure))]
        lines = []
        if look in ("all", "train"):
            lines += self._train(outcomes)
        if look in ("all", "backward"):
            lines += self._backward(outcomes)
        if look in ("all", "eval"):
            lines += self._eval(outcomes)
        return lines + self._manners(outcomes, look)

    def _train(self, outcomes: list[StepResult]) -> list[Line]:
        first, second = (outcomes[ref.index] for ref in self.forward)
        line = self._scaled("output", first)
        if not line.ok:
            return [line]
        dropped = first.value == 0
        lines = [line, self._share(dropped)]
        if 0 < self.p < 1:
            lines.append(_independent(dropped))
            same = isinstance(second.value, np.ndarray) and np.array_equal(
                second.value == 0, dropped
            )
            text = "a second forward pass drops the same entries: draw the mask in compute_output"
            lines.append(Line("a new mask each pass", not same, text if same else ""))
        return lines

    def _scaled(self, name: str, outcome: StepResult) -> Line:
        """Every entry is 0 or x / (1 - p)."""
        if (wrong := not_an_array(outcome)) is not None:
            return Line(name, False, wrong)
        y = outcome.value
        if y.shape != self.x.shape:
            return Line(name, False, f"has shape {y.shape}, expected {self.x.shape}")
        if not np.isfinite(y).all():
            return Line(name, False, "some values are NaN or infinite", hint=f"p is {self.p}.")
        kept = y != 0
        scaled = self.x / (1 - self.p) if self.p < 1 else np.zeros_like(self.x)
        if np.allclose(y[kept], scaled[kept], rtol=1e-9, atol=0):
            return Line(name, True, "every entry is 0 or x / (1 - p)")
        hint = ""
        for factor, words in {
            1.0: "The entries that stay are not scaled up by 1 / (1 - p).",
            1 / self.p: "It is scaled by 1 / p: p is the probability to drop, not to keep.",
            1 - self.p: "It is scaled by 1 - p; divide by it.",
        }.items():
            if np.allclose(y[kept], factor * self.x[kept], rtol=1e-9, atol=0):
                hint = words
        text = "an entry that stays should be x / (1 - p): " + difference(
            y[kept], scaled[kept], "it"
        )
        return Line(name, False, text, hint=hint)

    def _share(self, dropped: np.ndarray) -> Line:
        share, spread = dropped.mean(), np.sqrt(self.p * (1 - self.p) / dropped.size)
        name, text = "share that is dropped", f"{share:.3f}, expected about {self.p:g}"
        if abs(share - self.p) <= SIGMAS * spread + 1e-12:
            return Line(name, True, text)
        turned = abs(share - (1 - self.p)) <= SIGMAS * spread
        hint = "p is the probability to drop an entry, not to keep it." if turned else ""
        return Line(name, False, text, hint=hint)

    def _backward(self, outcomes: list[StepResult]) -> list[Line]:
        lines = []
        for number, ref in enumerate(self.backward):
            forward = outcomes[self.forward[number // 2].index]
            output = forward.value
            if not isinstance(output, np.ndarray) or output.shape != self.x.shape:
                text = str(forward.failure or "not tried: there is no output to compare it with")
                return [Line("gradient for x", False, text)]
            expected = self.g * (output / self.x)
            fixed = "Where forward dropped an entry, backward passes nothing on: use the same mask."
            unscaled = self.g * (output != 0)
            words = ("g is not scaled by 1 / (1 - p).", unscaled)
            suspects = partial(list, [words])
            line = compare("gradient for x", outcomes[ref.index], expected, suspects=suspects)
            if not line.ok and not line.hint and isinstance(outcomes[ref.index].value, np.ndarray):
                line.hint = fixed
            lines.append(line)
        return [line for line in lines if not line.ok][:1] or lines[:1]

    def _eval(self, outcomes: list[StepResult]) -> list[Line]:
        forward, backward = self.eval_forward, self.eval_backward
        lines = [
            compare("output, eval mode", outcomes[forward.index], self.x, against="x"),
            compare("gradient for x, eval mode", outcomes[backward.index], self.g, against="g"),
        ]
        for line in lines:
            if line.yours is not None:
                line.hint = "In eval mode Dropout does nothing at all: no mask, no scale."
        return lines

    def _manners(self, outcomes: list[StepResult], look: str) -> list[Line]:
        lines = changes(outcomes, {self.x_ref: "x", self.g_ref: "grad_output"})
        if look in ("all", "train", "backward"):
            lines += [line for line in self._dtypes(outcomes) if look == "all" or not line.ok]
        return lines + warned(outcomes)

    def _dtypes(self, outcomes: list[StepResult]) -> list[Line]:
        for name, ref in self.single.items():
            value = outcomes[ref.index].value
            if isinstance(value, np.ndarray) and value.dtype != np.float32:
                hint = "Convert the mask: an integer or float64 mask turns float32 into float64."
                return [Line(f"{name} in float32", False, f"is {value.dtype}", hint=hint)]
        return [Line("float32 stays float32", True)]


def _independent(dropped: np.ndarray) -> Line:
    """No two rows and no two columns share their mask."""
    name = "every entry on its own"
    rows, columns = len(np.unique(dropped, axis=0)), len(np.unique(dropped, axis=1).T)
    if rows == 1:
        return Line(name, False, "all samples have the same mask", hint="Draw it with x's shape.")
    if columns == 1:
        return Line(name, False, "all features have the same mask", hint="Draw it with x's shape.")
    return Line(name, True)
