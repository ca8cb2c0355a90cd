"""Figures that compare runs: by epoch, by learning rate, and on images that have been moved."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from byhand.plots.style import INK, OTHERS, TRAIN, count_epochs, figure, logarithmic
from byhand.training import History

LOOKS = tuple(zip((TRAIN, *OTHERS), "os^Dv", ("-", "--", "-.", ":", (0, (6, 3))), strict=True))
FADED = 1e-3  # of the highest learning rate: below it the figure of rates ends


def learned(accuracies: Mapping[str, Sequence[float]], data: str, title: str) -> Figure:
    """Right answers over epochs, one curve for each network; accuracies: shares, at most five."""
    with figure(8, 3.6) as (drawn, axes):
        for (name, shares), (colour, marker, dashes) in zip(
            accuracies.items(), LOOKS, strict=False
        ):
            epochs = np.arange(1, len(shares) + 1)
            look = dict(color=colour, marker=marker, linestyle=dashes, ms=5, label=name)
            axes.plot(epochs, np.multiply(100, shares), **look)
        axes.set(xlabel="epoch", ylabel="right answers in %", title=f"{data}: {title}")
        count_epochs(axes)
        axes.legend()
    return drawn


def changed_images(
    accuracies: Mapping[str, Mapping[str, Sequence[float]]],
    amounts: Mapping[str, Sequence[float]],
    data: str,
) -> Figure:
    """Right answers on images that were changed, over how much; a panel for each kind of change.

    accuracies: what the x axis counts -> network -> a share for each amount; amounts: what the x
    axis counts -> the amounts.
    """
    with figure(8, 3.5, columns=len(amounts), sharey=True) as (drawn, all_axes):
        panels = np.atleast_1d(all_axes)
        for axes, (change, networks) in zip(panels, accuracies.items(), strict=True):
            for (name, shares), (colour, marker, dashes) in zip(
                networks.items(), LOOKS, strict=False
            ):
                look = dict(color=colour, marker=marker, linestyle=dashes, ms=5, label=name)
                axes.plot(amounts[change], np.multiply(100, shares), **look)
            axes.set(xlabel=change, title="changed images")
        panels[0].set_ylabel("right answers in %")
        panels[0].legend()
        drawn.suptitle(data, fontsize=10)
    return drawn


def tuned(sweep: Mapping[str, Mapping[str, float]], data: str) -> Figure:
    """The loss of short runs over the learning rate, both logarithmic, the best rates marked.

    sweep: name -> learning rate, as text -> loss; at most five names. A loss that is not finite
    leaves a gap.
    """
    with figure(8, 3.6) as (drawn, axes):
        best = []
        for (name, found), (colour, marker, _) in zip(sweep.items(), LOOKS, strict=False):
            rates = np.array(sorted(map(float, found)))
            losses = np.array(
                [loss for _, loss in sorted(found.items(), key=lambda x: float(x[0]))]
            )
            axes.plot(rates, losses, color=colour, marker=marker, ms=4, label=name)
            low = np.argmin(np.nan_to_num(losses, nan=np.inf))
            look = dict(color=colour, marker=marker, ms=11, mec=INK, zorder=4)
            axes.plot(rates[low], losses[low], **look)
            best.append(f"{name}: {rates[low]:g}, loss {losses[low]:.3g}")
        axes.set(xscale="log", xlabel="learning rate (logarithmic)")
        axes.set(ylabel="training loss (logarithmic)")
        axes.set(title=f"{data}: short runs, the best rate marked")
        logarithmic(axes)
        axes.legend()
    drawn.words = f"{data}: training loss over the learning rate; best {'; '.join(best)}"
    return drawn


def with_seeds(runs: Mapping[str, Sequence[History]], data: str) -> Figure:
    """Runs of several seeds: means as lines and bands from the lowest to the highest.

    runs: name -> a History for each seed, at most five names. Training loss, wrong validation
    answers and the learning rates (of the first seed, down to a thousandth of the highest).
    Raises ValueError without runs.
    """
    if not runs:
        raise ValueError("there are no runs to draw")
    with figure(10, 3.8, columns=3) as (drawn, (left, middle, right)):
        highest, ends = 0.0, []
        for (name, histories), (colour, marker, dashes) in zip(runs.items(), LOOKS, strict=False):
            losses = np.array([history.train_loss for history in histories])
            shares = np.array([history.validation_accuracy for history in histories])
            wrong = 100 * (1 - shares)
            for axes, values in ((left, losses), (middle, wrong)):
                epochs = np.arange(1, values.shape[1] + 1)
                axes.plot(
                    epochs, values.mean(axis=0), color=colour, marker=marker, ms=4, label=name
                )
                axes.fill_between(
                    epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2
                )
            rates = histories[0].lr
            right.plot(np.arange(1, len(rates) + 1), rates, color=colour, linestyle=dashes)
            highest = max(highest, *rates)
            low, high = wrong[:, -1].min(), wrong[:, -1].max()
            ends.append(f"{name} {low:.2f} to {high:.2f}")
        left.set(xlabel="epoch", ylabel="loss (logarithmic)", title="Training loss")
        middle.set(xlabel="epoch", ylabel="wrong answers in % (log.)", title="Validation")
        right.set(xlabel="step", ylabel="learning rate (logarithmic)", title="Learning rate")
        right.set(yscale="log", ylim=(highest * FADED, highest * 2))
        for axes in (left, middle):
            logarithmic(axes)
            count_epochs(axes)
        left.legend()
        seeds = len(next(iter(runs.values())))
        drawn.suptitle(f"{data}: means of {seeds} seeds, bands from lowest to highest", fontsize=10)
    drawn.words = f"{data}: wrong validation answers in % at the end: {'; '.join(ends)}"
    return drawn
