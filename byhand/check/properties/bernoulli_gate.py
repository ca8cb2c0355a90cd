"""check.straight_through: a gate that samples forwards and lets the gradient through backwards."""

from functools import partial
from typing import Any

import numpy as np

from byhand.check.compare import changes, compare, described
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Line, Report, conclude
from byhand.check.subject import reach
from byhand.protocol.experiment import Experiment, Ref, StepResult, Tensor, as_array

ROWS, COLUMNS = 64, 32
SIGMAS = 6.0  # a right gate strays further once in 500 million looks


@calm()
def straight_through(subject: Any, seed: int | None = None) -> Report | None:
    """Look at gate(p), a Bernoulli gate: its samples, and its gradient for p.

    Raises CheckFailed with what was found.
    """
    [name], runner = reach(subject)
    draw = Draw(seed)
    report = Report(
        f"{name}(p) on p of shape {(ROWS, COLUMNS)}, backwards with a random gradient",
        draw.repeat("straight_through"),
    )
    trial = _Trial(name, draw)
    report.lines += trial.judge(runner.run(trial.experiment))
    return conclude(report)


class _Trial:
    """A gate on various p, on one p throughout, on a transposed p, and in float32."""

    def __init__(self, name: str, draw: Draw):
        self.name = name
        ex = self.experiment = Experiment(seed=draw.seed, tensors=True)
        self.p = draw.rng.uniform(0.05, 0.95, (ROWS, COLUMNS))
        self.p[0, :4] = 0, 1, 0, 1
        self.g = draw.normal(self.p.shape)
        self.p_ref = ex.put(Tensor(self.p))
        ex.method(self.p_ref, "requires_grad_")
        self.first = ex.call(name, self.p_ref)
        ex.method(self.first, "backward", Tensor(self.g))
        self.grad = ex.get(self.p_ref, "grad")
        self.second = ex.call(name, self.p_ref)
        self.even = ex.call(name, Tensor(np.full((ROWS, COLUMNS), 0.5)))
        self.turned_grad = self._turned()
        single = ex.method(ex.put(Tensor(self.p.astype(np.float32))), "requires_grad_")
        self.single = ex.call(name, single)
        ex.method(self.single, "backward", Tensor(self.g.astype(np.float32)))
        self.single_grad = ex.get(single, "grad")

    def _turned(self) -> Ref:
        """The gradient for p, where the gate gets p.T, which is not contiguous."""
        ex = self.experiment
        p = ex.method(ex.put(Tensor(self.p)), "requires_grad_")
        y = ex.call(self.name, ex.method(p, "t"))
        ex.method(y, "backward", Tensor(self.g.T))
        return ex.get(p, "grad")

    def judge(self, outcomes: list[StepResult]) -> list[Line]:
        found = {ref: as_array(outcomes[ref.index]) for ref in self._refs()}
        lines = [self._zeros_and_ones(found[self.first])]
        if not lines[0].ok:
            return lines
        y = found[self.first].value
        lines += [self._share(y), self._own(found[self.even]), self._fresh(found[self.second], y)]
        suspects = partial(self._suspects, y)
        gradient = [
            compare("gradient for p", found[self.grad], self.g, suspects=suspects),
            compare("gradient for p.T", found[self.turned_grad], self.g, suspects=suspects),
        ]
        lines += [line for line in gradient if not line.ok][:1] or gradient[:1]
        lines.append(self._dtypes(found))
        return lines + changes(outcomes, {self.p_ref: "p"})

    def _refs(self) -> list[Ref]:
        gradients = [self.grad, self.turned_grad, self.single_grad]
        return [self.first, self.second, self.even, self.single, *gradients]

    def _zeros_and_ones(self, outcome: StepResult) -> Line:
        name, y = "every entry is 0 or 1", outcome.value
        if outcome.failure is not None:
            return Line(name, False, str(outcome.failure))
        if not isinstance(y, np.ndarray):
            return Line(name, False, f"it is {described(y)}, expected a PyTorch tensor")
        if y.shape != self.p.shape:
            return Line(name, False, f"has shape {y.shape}, expected {self.p.shape}")
        if y.dtype != self.p.dtype:
            hint = "Give the sample the dtype of p: a gradient needs floating-point numbers."
            return Line(name, False, f"is {y.dtype}, expected {self.p.dtype}", hint=hint)
        other = y[(y != 0) & (y != 1)]
        return Line(name, not other.size, f"found {other[0]:.4g}" if other.size else "")

    def _share(self, y: np.ndarray) -> Line:
        """y - p adds up to about 0, over all entries and weighed with p, in standard deviations."""
        name, spread = "1 with probability p", self.p * (1 - self.p)
        if (y[self.p == 0] != 0).any() or (y[self.p == 1] != 1).any():
            return Line(name, False, "p = 0 should always give 0 and p = 1 always 1")
        for weight in (np.ones_like(self.p), self.p - 0.5):
            strayed = ((y - self.p) * weight).sum() / np.sqrt((spread * weight**2).sum())
            if abs(strayed) > SIGMAS:
                hint = ""
                if np.array_equal(y, self.p > 0.5) or np.array_equal(y, self.p.round()):
                    hint = "It rounds p. Draw a random number for every entry."
                text = f"the ones are {abs(strayed):.0f} standard deviations away from what p says"
                return Line(name, False, text, hint=hint)
        return Line(name, True, f"{y.mean():.3f} of them, expected about {self.p.mean():.3f}")

    def _own(self, outcome: StepResult) -> Line:
        """With p = 0.5 throughout, no two rows and no two columns are always alike."""
        name, y = "every entry on its own", outcome.value
        if not isinstance(y, np.ndarray) or y.shape != self.p.shape:
            return Line(name, False, str(outcome.failure or f"is {described(y)} for p = 0.5"))
        alike = [(y == y[:1]).all(), (y == y[:, :1]).all()]
        text = "one random number serves many entries: draw as many as p has" if any(alike) else ""
        return Line(name, not any(alike), text)

    def _fresh(self, outcome: StepResult, y: np.ndarray) -> Line:
        same = isinstance(outcome.value, np.ndarray) and np.array_equal(outcome.value, y)
        text = "a second call gives the same sample: draw in forward" if same else ""
        return Line("a new sample each call", not same and outcome.failure is None, text)

    def _suspects(self, y: np.ndarray) -> list[tuple[str, np.ndarray]]:
        p, g = self.p, self.g
        ones = "It is 1 everywhere: hand on the gradient that comes in."
        through = "Straight through means unchanged; yours is multiplied by"
        return [
            (ones, np.ones_like(g)),
            (f"{through} the sample.", g * y),
            (f"{through} p.", g * p),
            (f"{through} p (1 - p).", g * p * (1 - p)),
        ]

    def _dtypes(self, found: dict[Ref, StepResult]) -> Line:
        for ref, name in {self.single: "output", self.single_grad: "gradient for p"}.items():
            value = found[ref].value
            if not isinstance(value, np.ndarray) or value.dtype != np.float32:
                is_now = value.dtype if isinstance(value, np.ndarray) else described(value)
                return Line(f"{name} in float32", False, str(found[ref].failure or f"is {is_now}"))
        return Line("float32 stays float32", True)
