"""Figures of training: losses, predictions, the way of an optimizer."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from byhand.plots.style import (
    BACKWARD,
    INK,
    OTHERS,
    PYTORCH,
    TRAIN,
    VALIDATION,
    figure,
    logarithmic,
)
from byhand.training import History

PANELS = 4  # in a row
EPS = 2.0**-52  # between 1 and the next float64


def twins(yours: Sequence[float], pytorch: Sequence[float]) -> Figure:
    """The training losses of two runs that should be the same, and the difference below them.

    yours, pytorch: a loss for every epoch. A difference of exactly 0 is left out.
    """
    epochs, apart = np.arange(1, len(yours) + 1), np.abs(np.subtract(yours, pytorch))
    with figure(7.2, 4.6, rows=2, sharex=True, gridspec_kw=dict(height_ratios=[1.5, 1])) as (
        drawn,
        (above, below),
    ):
        above.plot(epochs, pytorch, color=PYTORCH, linewidth=5, alpha=0.5, label="PyTorch")
        above.plot(epochs, yours, color=TRAIN, linestyle=(0, (3, 2)), label="yours")
        above.set(ylabel="loss (logarithmic)", title="Training loss", xlabel="epoch")
        logarithmic(above)
        above.legend()
        distance = np.where(apart > 0, apart, np.nan) / pytorch
        below.plot(epochs, distance, "o", color=INK, markersize=3, label="relative difference")
        below.axhline(
            EPS, color=BACKWARD, linewidth=1, ls="--", label=f"last digit of float64: {EPS:.1e}"
        )
        below.set(yscale="log", ylim=(1e-17, 1e-12), xlabel="epoch", ylabel="difference")
        below.set(title="Relative difference (logarithmic)")
        below.legend(loc="upper left", ncols=2)
        _count_epochs(below)
    return drawn


def _count_epochs(*panels: Axes) -> None:
    """Whole numbers along the x axis."""
    for axes in panels:
        axes.xaxis.get_major_locator().set_params(integer=True)


def learning_rates(rates: Mapping[str, Sequence[float]]) -> Figure:
    """Learning rates over the steps of training; rates: the name of a run -> one rate a step."""
    with figure(8, 2.8) as (drawn, axes):
        looks = zip((TRAIN, *OTHERS), ("-", "--", "-.", ":", (0, (6, 3))), strict=True)
        for (colour, dashes), (name, values) in zip(looks, rates.items(), strict=False):
            steps = np.arange(1, len(values) + 1)
            axes.plot(steps, values, color=colour, linestyle=dashes, label=name)
        axes.set(xlabel="step", ylabel="learning rate", title="Learning rate while training")
        if len(rates) > 1:
            axes.legend()
    return drawn


def compared(histories: Mapping[str, History], data: str = "") -> Figure:
    """Training loss and validation accuracy of several runs over epochs, in colours and markers.

    histories: the name of a run -> its History, at most five; data: the name of the data set.
    """
    with figure(8, 3.8, columns=2) as (drawn, (left, right)):
        looks = zip((TRAIN, *OTHERS), "os^Dv", strict=True)
        for (colour, marker), (name, history) in zip(looks, histories.items(), strict=False):
            epochs = np.arange(1, len(history.train_loss) + 1)
            look = dict(color=colour, marker=marker, ms=4, label=name)
            left.plot(epochs, history.train_loss, **look)
            right.plot(epochs, np.multiply(100, history.validation_accuracy), **look)
        left.set(xlabel="epoch", ylabel="loss (logarithmic)", title="Training loss")
        logarithmic(left)
        right.set(xlabel="epoch", ylabel="right answers in %", title="Validation accuracy")
        _count_epochs(left, right)
        left.legend()
        if data:
            drawn.suptitle(data, fontsize=10)
    return drawn


def predictions(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Predictions over targets as dots, with the line on which a perfect network puts them.

    pairs: "training" or "validation" -> (target, prediction), arrays of the same size.
    """
    with figure(4.6, 4.4) as (drawn, axes):
        for name, (target, prediction) in pairs.items():
            colour = VALIDATION if name == "validation" else TRAIN
            axes.scatter(target, prediction, s=10, alpha=0.6, color=colour, label=name)
        low, high = axes.get_xlim()
        axes.plot([low, high], [low, high], color=INK, linewidth=1, label="perfect")
        axes.set(xlabel="target", ylabel="prediction", title="Predictions against targets")
        axes.set_aspect("equal", adjustable="datalim")
        axes.legend()
    return drawn


def paths(
    loss: np.ndarray, extent: tuple[float, float, float, float], steps: Mapping[str, np.ndarray]
) -> Figure:
    """The paths of optimizers over the contours of a loss of two parameters, a panel for each.

    loss: its values on a grid (rows: second parameter); extent: left, right, bottom, top of the
    grid; steps: name of an optimizer -> (steps, 2), the points it went through.
    """
    left, right, bottom, top = extent
    across, up = np.linspace(left, right, loss.shape[1]), np.linspace(bottom, top, len(loss))
    columns = min(len(steps), PANELS)
    rows = -(-len(steps) // PANELS)
    with figure(9, 0.5 + 2 * rows, columns, rows=rows, sharey=True) as (drawn, all_axes):
        panels = np.atleast_1d(all_axes).flat
        for axes, (name, points) in zip(panels, steps.items(), strict=False):
            axes.contour(across, up, loss, levels=10, colors="#b5b1a4", linewidths=0.8)
            axes.plot(*points.T, color=TRAIN, marker="o", ms=2.5, lw=1.1)
            axes.plot(*points[0], color=INK, marker="o", ms=5)
            axes.set(xlim=(left, right), ylim=(bottom, top), title=name)
            axes.set(xlabel="first parameter", ylabel="second parameter")
            axes.label_outer()
            axes.grid(False)
        for axes in list(panels)[len(steps) :]:
            axes.axis("off")
    ends = (f"{name} at ({x:.2g}, {y:.2g})" for name, (*_, (x, y)) in steps.items())
    first = ", ".join(f"{value:.2g}" for value in next(iter(steps.values()))[0])
    drawn.words = f"Paths of optimizers from ({first}) over a loss, and where they end: "
    drawn.words += ", ".join(ends)
    return drawn
