"""Numbers that a training loop measures: what they are worth, and what is wrong with them."""

import math
from numbers import Real
from typing import Any

import numpy as np

# An output beyond this belongs to a network that has run away. NaN compares as not below it.
DIVERGED = 1e6


class NotFiniteError(ArithmeticError):
    """A loss that is NaN or infinite, and what most likely made it so; one line in a notebook."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


def check_finite(loss: float, X: np.ndarray, y: np.ndarray, prediction: np.ndarray | None) -> None:
    """Raise NotFiniteError if the loss of a training batch (X, y) is not a finite number."""
    if math.isfinite(loss):
        return
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        cause = "The training data holds numbers that are not finite: look for NaN in X and y."
    elif isinstance(prediction, np.ndarray) and np.abs(prediction).max() < DIVERGED:
        cause = "The network's output looks healthy, so look at the loss: a log of 0, or an exp?"
    else:
        cause = (
            "The network's output has run away too: most likely the learning rate is too high, "
            "or a layer divides by 0 or overflows."
        )
    raise NotFiniteError(f"the training loss is {loss}. {cause}")


def number(name: str, value: Any, expected: str) -> float:
    """The value as a float. Raises TypeError, with what was expected, if it is no number."""
    if type(value) in (float, np.float64):  # nearly always, and once a step
        return float(value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, Real) or isinstance(value, bool):
        what = "None" if value is None else f"a {type(value).__name__}"
        raise TypeError(f"run.{name} is {what}, not a number. {expected}")
    return float(value)


def right_answers(output: np.ndarray | None, y: np.ndarray) -> float:
    """How many outputs (B, C) are largest at their class (B,); NaN where there are no classes."""
    if y.dtype.kind not in "iu" or np.ndim(output) != 2 or y.shape != output.shape[:1]:
        return math.nan
    return int(np.count_nonzero(output.argmax(axis=1) == y))
