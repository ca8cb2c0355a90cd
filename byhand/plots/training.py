"""Figures of training: losses, predictions, the way of an optimizer."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from byhand.plots.style import (
    BACKWARD,
    INK,
    OTHERS,
    PYTORCH,
    TRAIN,
    VALIDATION,
    count_epochs,
    figure,
    logarithmic,
)
from byhand.training import History

PANELS = 4  # in a row
EPS = 2.0**-52  # between 1 and the next float64


def twins(
    yours: Sequence[float], pytorch: Sequence[float], others: Sequence[Sequence[float]] = ()
) -> Figure:
    """The training losses of two runs that should be the same, and the difference below them.

    yours, pytorch: a loss for every epoch; others: the same for runs that began with other random
    numbers, each compared with pytorch as well. A difference of exactly 0 is left out.
    """
    epochs, apart = np.arange(1, len(yours) + 1), np.abs(np.subtract(yours, pytorch))
    with figure(7.2, 4.6, rows=2, sharex=True, gridspec_kw=dict(height_ratios=[1.5, 1])) as (
        drawn,
        (above, below),
    ):
        for number, losses in enumerate(others):
            label = dict(label="_" if number else "yours, other seeds")
            away = np.abs(np.subtract(losses, pytorch)) / pytorch
            above.plot(epochs, losses, color=OTHERS[1], linewidth=0.9, **label)
            below.plot(epochs, away, ".", color=OTHERS[1], markersize=3, **label)
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
        top, corner = (10, "center left") if others else (1e-12, "upper left")
        below.set(yscale="log", ylim=(1e-17, top), xlabel="epoch", ylabel="difference")
        below.set(title="Relative difference (logarithmic)")
        below.legend(loc=corner, ncols=1 if others else 2)
        count_epochs(below)
    return drawn


def by_scale(
    panels: Mapping[str, Mapping[str, Sequence[float]]], scales: Sequence[float], constant: float
) -> Figure:
    """A loss after training over the scale of the first weights, both logarithmic.

    panels: title -> name of a network -> its loss for each of the scales, at most two networks; one
    that is not finite, or above ten times `constant`, is a cross at the top. constant: the loss of
    a network that always answers with the same number.
    """
    top = 2 * constant
    with figure(9, 3.3, columns=len(panels), sharey=True) as (drawn, all_axes):
        for axes, (title, networks) in zip(np.atleast_1d(all_axes), panels.items(), strict=True):
            looks = ((INK, "s"), (TRAIN, "o"))
            for (name, losses), (colour, marker) in zip(networks.items(), looks, strict=False):
                losses = np.nan_to_num(np.asarray(losses, float), nan=np.inf)
                kept = np.where(losses > 10 * constant, np.nan, np.minimum(losses, top))
                axes.plot(scales, kept, color=colour, marker=marker, label=name)
                gone = np.asarray(scales)[np.isnan(kept)]
                axes.plot(gone, np.full(len(gone), top), "x", color=colour, ms=9, mew=2.5)
            axes.axhline(constant, color=INK, linewidth=1, linestyle=":", label="always the mean")
            logarithmic(axes)
            axes.set(xscale="log", title=title)
            axes.set(xlabel="scale of the first weights", ylabel="loss (logarithmic)")
            axes.set_xticks(scales, [f"{scale:g}" for scale in scales], minor=False)
            axes.xaxis.minorticks_off()
            axes.label_outer()
        axes.set_ylim(top=1.2 * top)
        axes.plot([], [], "x", color=INK, ms=9, mew=2.5, label="exploded")
        handles, labels = axes.get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return drawn


def learning_curves(
    panels: Mapping[str, Mapping[str, Sequence[float]]], steps: Sequence[int], least: float
) -> Figure:
    """Training and validation loss over steps, one panel for each network, logarithmic.

    panels: title -> "training" and "validation" -> a loss for each of the steps; least: a loss that
    no network can get below on samples that it has not seen.
    """
    with figure(9, 3.6, columns=len(panels), sharey=True) as (drawn, all_axes):
        for axes, (title, curves) in zip(np.atleast_1d(all_axes), panels.items(), strict=True):
            for (name, losses), colour in zip(curves.items(), (TRAIN, VALIDATION), strict=True):
                axes.plot(steps, losses, color=colour, label=name)
            axes.axhline(least, color=INK, linewidth=1, linestyle=":", label="noise of the targets")
            logarithmic(axes)
            ends = ", ".join(f"{name} {losses[-1]:.2g}" for name, losses in curves.items())
            axes.set(title=f"{title}\nat the end: {ends}")
            axes.set(xlabel="step", ylabel="loss (logarithmic)", ylim=(least / 30, None))
            axes.label_outer()
        handles, labels = axes.get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return drawn


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
        count_epochs(left, right)
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
