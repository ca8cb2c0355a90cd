"""Figures of one number over another: errors over a step, a learned function over its input."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from byhand.plots.style import BACKWARD, FORWARD, INK, OTHERS, figure

COLOURS, MARKERS = (FORWARD, BACKWARD, INK), "os^"


def step_errors(
    errors: Mapping[str, Sequence[float]], steps: Sequence[float], chosen: float
) -> Figure:
    """Relative error of numerical gradients over the step size, both logarithmic.

    errors: the name of a kind of difference -> its error at each of the steps, at most three
    kinds; an error of exactly 0 is left out. chosen: a step to mark.
    """
    with figure(8, 3.8) as (drawn, axes):
        looks = zip(COLOURS, MARKERS, strict=True)
        for (name, values), (colour, marker) in zip(errors.items(), looks, strict=False):
            heights = np.where(np.asarray(values) > 0, values, np.nan)
            axes.plot(steps, heights, color=colour, marker=marker, markersize=5, label=name)
        axes.axvline(chosen, color=INK, linewidth=1, linestyle=":", label=f"step {chosen:g}")
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="step (smaller to the left)",
            ylabel="relative error",
            title="Error of the numerical gradient over the step",
        )
        axes.legend()
    return drawn


def fitted(
    x: np.ndarray, y: np.ndarray, curves: Mapping[str, np.ndarray], at: np.ndarray
) -> Figure:
    """Samples of a function of one number as dots, and what a network makes of it as curves.

    x, y: (B,); curves: name -> predictions at the places `at`, (K,); the last one stands out.
    """
    with figure(8, 3.4) as (drawn, axes):
        axes.scatter(x, y, s=14, color=OTHERS[3], label="samples")
        *others, last = curves
        for name, dashes in zip(others, ("--", ":", "-."), strict=False):
            axes.plot(at, curves[name], color=INK, linewidth=1.2, linestyle=dashes, label=name)
        axes.plot(at, curves[last], color=FORWARD, label=last)
        axes.set(xlabel="x", ylabel="y", title="Samples, and the curve that was learned")
        axes.legend()
    return drawn
