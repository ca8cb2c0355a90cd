"""Figures of speed: how long things take, over sizes or beside each other."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from byhand.plots.style import FORWARD, INK, OTHERS, PYTORCH, figure

MARKERS = "os^Dv"


def timing(
    seconds: Mapping[str, Sequence[float]],
    sizes: Sequence[int],
    title: str,
    size: str = "size",
    guide: str = "",
) -> Figure:
    """Seconds over sizes, both logarithmic, one line for each way to do the same.

    seconds: the name of a way -> its seconds for each of the sizes, NaN where it was not timed;
    "PyTorch" has the colour of PyTorch; at most five others. size: what the x axis counts. guide:
    the label of a dotted line of slope 1, on which twice the size takes twice the time; none if
    it is empty.
    """
    with figure(8, 3.8) as (drawn, axes):
        looks = zip((FORWARD, *OTHERS), MARKERS, strict=True)
        for name, times in seconds.items():
            colour, marker = (PYTORCH, "*") if name == "PyTorch" else next(looks)
            axes.plot(sizes, times, color=colour, marker=marker, label=name)
        if guide:
            last = max(times[-1] for times in seconds.values())
            straight = 1.6 * last * np.array(sizes) / sizes[-1]
            axes.plot(sizes, straight, color=INK, linestyle=":", linewidth=1.2, label=guide)
        axes.set(xlabel=size, ylabel="seconds", title=title, xscale="log", yscale="log")
        axes.set_xticks(sizes, [f"{number:g}" for number in sizes])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.legend()
    return drawn


def timing_bars(seconds: Mapping[str, float], title: str) -> Figure:
    """One bar for each way to do the same, on a logarithmic scale.

    seconds: the name of a way -> its seconds. Where "PyTorch" is among them, every other bar
    says how many times as long it took.
    """
    with figure(8, 0.9 + 0.45 * len(seconds)) as (drawn, axes):
        names, times = list(seconds), np.array(list(seconds.values()))
        colours = [PYTORCH if name == "PyTorch" else FORWARD for name in names]
        bars = axes.barh(names, times, color=colours, height=0.6)
        labels = [_duration(time) for time in times]
        if "PyTorch" in seconds:
            labels = [
                label if name == "PyTorch" else f"{label}, {_times(time / seconds['PyTorch'])}"
                for name, label, time in zip(names, labels, times, strict=True)
            ]
        axes.bar_label(bars, labels, padding=4)
        axes.set(xscale="log", xlabel="seconds (logarithmic)", title=title)
        left = times.min() / 3
        axes.set_xlim(left, times.max() * (times.max() / left) ** 0.6)  # room for the labels
        if axes.get_xlim()[1] < 100 * left:  # room for more than a power of ten here and there
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.invert_yaxis()
        axes.grid(False, axis="y")
        told = "; ".join(f"{name}: {label}" for name, label in zip(names, labels, strict=True))
        drawn.words = f"{title}: {told}"
    return drawn


def _duration(seconds: float) -> str:
    """'1.2 s', '35 ms' or '80 µs'."""
    if seconds >= 1:
        return f"{_number(seconds)} s"
    return f"{_number(seconds * 1e3)} ms" if seconds >= 1e-3 else f"{_number(seconds * 1e6)} µs"


def _times(ratio: float) -> str:
    return f"{_number(ratio)} times PyTorch's"


def _number(number: float) -> str:
    """One digit or more: '0.03', '1.3', '38', '1,250'."""
    if number < 0.1:
        return f"{number:.1g}"
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"
