"""Figures that compare optimizers: over learning rates, over steps, and formula by formula."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib.figure import Figure

from byhand.plots.style import BACKWARD, INK, OTHERS, TRAIN, figure, logarithmic

LOOKS = tuple(zip((TRAIN, *OTHERS), "os^Dv", strict=True))
GUESSING = np.log(10)  # the loss of a network that gives ten classes the same probability
Groups = Mapping[str, Mapping[str, np.ndarray]]  # title of a panel -> name -> numbers


def rate_sweep(rates: Sequence[float], groups: Groups, data: str = "") -> Figure:
    """The final loss over the learning rate: medians and bands over seeds, the best marked.

    rates: of the sweep; groups: panel -> optimizer -> (seeds, rates), NaN where a run blew up. A
    curve ends where a seed does.
    """
    found = np.concatenate([losses.ravel() for runs in groups.values() for losses in runs.values()])
    lowest = found[np.isfinite(found)].min(initial=GUESSING)
    with _panels(groups, data) as (drawn, panels):
        for axes, (title, runs) in zip(panels, groups.items(), strict=True):
            for (name, losses), (colour, marker) in zip(runs.items(), LOOKS, strict=False):
                middle = np.median(losses, axis=0)
                axes.plot(rates, middle, color=colour, marker=marker, ms=4, label=name)
                axes.fill_between(rates, losses.min(0), losses.max(0), color=colour, alpha=0.2)
                best = np.argmin(np.nan_to_num(middle, nan=np.inf))
                look = dict(color=colour, marker=marker, ms=10, mec=INK, zorder=4)
                axes.plot(rates[best], middle[best], **look)
            axes.axhline(GUESSING, color=INK, linewidth=1, linestyle=":")
            axes.text(rates[0], GUESSING * 1.04, "guessing", fontsize=8)
            axes.set(xscale="log", xlabel="learning rate (logarithmic)", title=title)
            axes.set_xlim(rates[0] / 1.3, rates[-1] * 1.3)
            axes.set_ylim(0.8 * lowest, 1.3 * GUESSING)
    return drawn


def race(groups: Groups, data: str = "", over: int = 20) -> Figure:
    """Training losses over the steps: the median of the seeds and the band between them.

    groups: panel -> optimizer -> (seeds, steps); over: steps that a running mean takes together.
    """
    with _panels(groups, data) as (drawn, panels):
        for axes, (title, runs) in zip(panels, groups.items(), strict=True):
            for (name, losses), (colour, _) in zip(runs.items(), LOOKS, strict=False):
                smooth = np.array([running_mean(one, over) for one in losses])
                steps = np.arange(over, over + smooth.shape[1])
                axes.plot(steps, np.median(smooth, axis=0), color=colour, label=name)
                axes.fill_between(steps, smooth.min(0), smooth.max(0), color=colour, alpha=0.2)
            axes.set(xlabel=f"step (mean of {over} before it)", title=title)
    return drawn


def running_mean(values: Sequence[float], over: int) -> np.ndarray:
    """The means of so many values in a row: over - 1 fewer than there are values."""
    return np.convolve(values, np.full(over, 1 / over), mode="valid")


def rate_finder(rates: Sequence[float], losses: Sequence[float], chosen: float) -> Figure:
    """The loss while the learning rate grows at every step.

    rates, losses: one a step; chosen: a rate to mark.
    """
    with figure(8, 3.4) as (drawn, axes):
        axes.plot(rates, losses, color=TRAIN, linewidth=0.8, alpha=0.5, label="of each batch")
        over = max(1, len(losses) // 15)
        smooth = running_mean(losses, over)
        middle = np.asarray(rates)[over // 2 :][: len(smooth)]
        axes.plot(middle, smooth, color=TRAIN, linewidth=2.4, label=f"mean of {over}")
        axes.axvline(chosen, color=BACKWARD, linestyle="--", label=f"chosen: {chosen:.1g}")
        axes.set(xscale="log", xlabel="learning rate (logarithmic)", ylabel="loss")
        axes.set(title="A run whose learning rate grows at every step")
        axes.set_ylim(0, 1.6 * np.median(losses[:10]))
        axes.legend(loc="lower left")
    return drawn


def step_ratios(panels: Mapping[str, tuple[str, np.ndarray, np.ndarray]]) -> Figure:
    """How long the steps of another form of an optimizer are, as multiples of PyTorch's.

    panels: title -> (what stands on the x axis, its values, the ratios), at most three; an x axis
    whose values span over a thousandfold is logarithmic.
    """
    with figure(10, 3.1, columns=len(panels)) as (drawn, all_axes):
        for axes, (title, (label, at, ratios)) in zip(all_axes, panels.items(), strict=True):
            axes.axhline(1, color=INK, linewidth=1, linestyle=":")
            axes.plot(at, ratios, color=TRAIN)
            axes.set(title=title, xlabel=label, ylabel="ratio of the steps")
            if at[0] > 0 and at[-1] / at[0] > 1000:
                axes.set_xscale("log")
            logarithmic(axes)
            low, high = axes.get_ylim()
            axes.set_ylim(min(low, 0.5), max(high, 2))
        for axes in all_axes[1:]:
            axes.set_ylabel("")
    return drawn


@contextmanager
def _panels(groups: Groups, data: str) -> Iterator[tuple[Figure, np.ndarray]]:
    """Panels side by side for groups of curves, with one logarithmic axis of losses."""
    with figure(10, 4, columns=len(groups), sharey=True) as (drawn, axes):
        panels = np.atleast_1d(axes)
        yield drawn, panels
        for one in panels:
            one.set_ylabel("loss (logarithmic)")
            logarithmic(one)
            one.legend(fontsize=9)
            one.label_outer()
        if data:
            drawn.suptitle(data, fontsize=10)
