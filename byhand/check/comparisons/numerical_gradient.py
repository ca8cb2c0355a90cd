"""check.numerical_gradient and check.relative_error: what students check with is checked too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check.compare import SINGLE
from byhand.check.core import Check, one_of
from byhand.check.oracles import numbers
from byhand.check.random_inputs import calm, is_shape
from byhand.check.report import Report
from byhand.check.script import Hint, Script
from byhand.protocol.experiment import Given

CONSTANT = 1000.0  # leaves 1e-13 of rounding in f, too much for a default step below 1e-7
DEFAULT_TOLERANCE = 3e-7  # with the default step: one-sided errors are 4.5e-7 at least
PUT_BACK = "Keep the old value and put it back: x + eps - eps is not always x. Or work on a copy."
ROUGH = 1e-2  # where x counts: to leave it alone is not enough


@calm()
def numerical_gradient(
    subject: Any, x: Sequence | np.ndarray = (2, 3), eps: float | None = None,
    look: str = "gradient", seed: int | None = None,
) -> Report | None:  # fmt: skip
    """Compare a function (f, x, eps) -> df/dx with the difference quotients of some f.

    x: a shape, for positive random numbers, or an array of any dtype; eps: the step, None for the
    subject's own default; look: "gradient", or "argument" for whether x is left as it was. The
    gradient is expected in float64. With a large eps central differences are told from all others.
    Raises CheckFailed with what was found.
    """
    one_of(("gradient", "argument"), look, "look")
    check, in_place = Check("numerical_gradient", subject, seed=seed), look == "argument"
    draw, shape = check.draw, x if is_shape(x) else None
    # positive, so that the gradient is never almost 0
    x = np.asarray(x if shape is None else draw.positive(shape))
    if shape is not None and in_place:  # what is smaller than eps loses digits in x + eps - eps
        x = np.asarray(x / 10.0 ** (np.arange(x.size).reshape(shape) % 8))
    weight, shift = draw.positive(x.shape), draw.rng.uniform(0.4, 0.9, x.shape)
    of = "" if x.dtype == np.float64 else f" of {x.dtype}"
    step = "" if eps is None else f" with eps={eps:g}"
    check.report.title = f"{check.name} of some f at x of shape {x.shape}{of}{step}"
    check.rules(loops=True)
    hint = "" if eps else "Is the step too small or too large? Are the differences central?"
    if x.dtype != np.float64:
        hint = f"In {x.dtype} a step of eps is lost: move x in float64."
    tolerance = ROUGH if in_place else None if eps else DEFAULT_TOLERANCE
    how = dict(against="central differences", tolerance=tolerance)

    def write(script: Script, dtype: type) -> None:
        constant = 0.0 if eps or in_place else CONSTANT
        script.on_a_copy = PUT_BACK
        x_ref = script.argument("x", x)
        with script.aside(not in_place):
            f = script.put(Given(Landscape(weight, shift, constant)))
            result = script.call(check.name, f, x_ref, *([] if eps is None else [eps]))
            script.call(check.name, script.put(Given(Landscape(shift, weight, 0.0))), x_ref)
        script.look("gradient", result, hint=hint, **how)
        script.later("gradient", result, **how)

    hints = [Hint(says, partial(_quotients, wrong)) for says, wrong in (WRONG if eps else ())]
    return check.differential(partial(_quotients, _central), write, hints, dtypes=[np.float64])


@dataclass
class Landscape:
    """f(x) = Σ weight exp(shift x) + (Σ x)² / 2 + constant."""

    weight: np.ndarray
    shift: np.ndarray
    constant: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Real numbers of the weight's shape -> an array without axes. Raises ValueError."""
        if x.shape != self.weight.shape or x.dtype.kind not in "biuf":
            mine = f"shape {x.shape}" if x.dtype.kind in "biuf" else f"{x.dtype} numbers"
            raise ValueError(f"f was called with {mine}, but x has shape {self.weight.shape}")
        bumps = (self.weight * np.exp(self.shift * x)).sum()
        return np.asarray(bumps + x.sum() ** 2 / 2 + self.constant)


def _quotients(of: Callable, f: Given, x: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """An answer for a Landscape, from its formula: its terms' quotients, and Σ x."""
    x, land = np.asarray(x, dtype=np.float64), f.function
    return np.asarray(of(land.weight * np.exp(land.shift * x), land.shift, eps, x))


def _central(bumps: Any, s: Any, eps: float, x: np.ndarray) -> Any:
    return bumps * np.sinh(s * eps) / eps + x.sum()


def _at_once(b: Any, s: Any, e: float, x: np.ndarray, first: int) -> np.ndarray:
    """All entries along the axes from `first` on are moved at once."""
    quotients, axes = np.asarray(_central(b, s, e, x)), tuple(range(first, x.ndim))
    return np.broadcast_to(quotients.sum(axis=axes, keepdims=True), x.shape)


ONE_SIDED = "It is one-sided: central differences go eps to either side of x."
WRONG: list[tuple[str, Callable]] = [
    (ONE_SIDED, lambda b, s, e, x: b * np.expm1(s * e) / e + x.sum() + e / 2),
    (ONE_SIDED, lambda b, s, e, x: b * np.expm1(-s * e) / -e + x.sum() - e / 2),
    ("It is not divided by 2 eps.", lambda b, s, e, x: _central(b, s, e, x) * 2 * e),
    ("It is multiplied by eps instead of divided.", lambda b, s, e, x: _central(b, s, e, x) * e**2),
    ("The step is not eps: use the argument.", lambda b, s, e, x: b * s + x.sum()),
    ("The whole step is eps, not 2 eps: go eps to either side.",
     lambda b, s, e, x: _central(b, s, e / 2, x)),
    ("A coordinate stays moved when its turn is over: put the old value back.",
     lambda b, s, e, x: _central(b, s, e, x) - e * np.arange(x.size).reshape(x.shape)),
    ("Whole rows are moved at once: move one coordinate at a time.", partial(_at_once, first=1)),
    ("All entries are moved at once: move one coordinate at a time.", partial(_at_once, first=0)),
]  # fmt: skip


@calm()
def relative_error(
    subject: Any, shape: Sequence[int] = (3, 4), seed: int | None = None
) -> Report | None:
    """Compare a function (a, b) -> largest relative error with PyTorch's, on telling pairs.

    Raises CheckFailed with what was found.
    """
    check = Check("relative_error", subject, seed=seed)
    check.report.title = f"{check.name}(a, b) for pairs of shape {tuple(shape)}"
    check.rules(loops=True)
    draw = check.draw
    errors = draw.rng.uniform(0.01, 0.5, shape)
    a = draw.batch(shape) * 10 ** draw.rng.uniform(-2, 2, shape)
    errors.flat[np.abs(a).argmax()] = 0  # or two different mistakes could give the same number
    b = a * (1 - errors) / (1 + errors)  # so that |a - b| is errors * (|a| + |b|)
    tiny, places = np.zeros(shape), np.arange(a.size).reshape(shape)
    tiny.flat[-1] = 3e-9
    pairs = {"": (a, b), ", a and b exchanged": (b, a), ", b = -a": (a, -a)}
    pairs |= {", numbers below 1e-8": (tiny, 0 * tiny), ", zeros": (0 * tiny, 0 * tiny)}
    pairs[", a by columns in memory"] = np.asfortranarray(a), b
    for zero, where in (0, "first"), (a.size - 1, "last"):
        pairs[f", {where} pair 0"] = tuple(np.where(places == zero, 0.0, v) for v in (a, b))

    def write(script: Script, dtype: type) -> None:
        near = dict(tolerance=SINGLE) if dtype is np.float32 else {}
        for which, (one, other) in pairs.items():
            a_ref = script.argument("a", one.astype(dtype))
            b_ref = script.argument("b", other.astype(dtype))
            script.look(f"error{which}", script.call(check.name, a_ref, b_ref), **near)

    hints = [Hint(says, partial(_of_arrays, wrong)) for says, wrong in MISTAKEN.items()]
    right = partial(_of_arrays, lambda apart, total, *_: (apart / total.clamp(min=1e-8)).amax())
    return check.differential(right, write, hints, single="the same in float32")


def _of_arrays(of: Callable, *arrays: np.ndarray) -> Any:
    """of(|a - b|, |a| + |b|, a, b), in PyTorch."""
    a, b = map(torch.from_numpy, arrays)
    return numbers(of((a - b).abs(), a.abs() + b.abs(), a, b))


MISTAKEN: dict[str, Callable] = {
    "Divide entry by entry first, then take the largest.":
        lambda apart, total, a, b: apart.amax() / total.amax(),
    "It is the mean of the errors, not the largest.":
        lambda apart, total, a, b: (apart / total).mean(),
    "It is divided by the larger of the two, not by their sum.":
        lambda apart, total, a, b: (apart / a.abs().maximum(b.abs())).amax(),
    "It is divided by the first alone, not by the sum of both.":
        lambda apart, total, a, b: (apart / a.abs()).amax(),
    "It is divided by the second alone, not by the sum of both.":
        lambda apart, total, a, b: (apart / b.abs()).amax(),
    "It is not divided by anything.": lambda apart, *_: apart.amax(),
    "An abs is missing.": lambda apart, total, a, b: ((a - b) / total).amax(),
    "An abs is missing below the line: |a| + |b|.":
        lambda apart, total, a, b: (apart / (a + b).abs()).amax(),
}  # fmt: skip
