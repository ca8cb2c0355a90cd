"""Figures of batch normalisation: what it does to values, and how its gradient comes back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from byhand.plots.graphs import PITCH, Edge, Node, draw
from byhand.plots.moving import Movie
from byhand.plots.style import BACKWARD, FAINT, FORWARD, INK, OTHERS, PAPER, figure

Numbers = Any  # an array, or what np.asarray() takes, tensors included
NODES = {
    "x": Node("$x$", (0, 0), "leaf"),
    "mean": Node(r"$\mu$", (1.1, -1.1), "operation"),
    "s": Node("$s$", (1.1, 1.1), "operation"),
    "x_hat": Node(r"$\hat{x}$", (2.2, 0), "operation"),
    "y": Node("$y$", (3.4, 0)),
}
PATHS = {  # the name of a path -> the nodes that it goes through, backwards, and its colour
    "direct": (("x_hat", "x"), BACKWARD),
    "mean": (("x_hat", "mean", "x"), OTHERS[1]),
    "s": (("x_hat", "s", "x"), OTHERS[2]),
}
NAMES = {"direct": "straight to x", "mean": "by way of μ", "s": "by way of s"}


def distributions(rows: Mapping[str, np.ndarray], features: Sequence[str]) -> Figure:
    """How the values of every feature are spread: a column for each feature, a row for each array.

    rows: title -> (B, N); features: their N names. The last row has one scale for all features, and
    shows the mean and one standard deviation to either side.
    """
    *_, last = rows
    size = (9, 0.5 + 1.5 * len(rows), len(features))
    with figure(*size, rows=len(rows), squeeze=False) as (drawn, all_axes):
        for panels, (title, values) in zip(all_axes, rows.items(), strict=True):
            for axes, name, column in zip(panels, features, values.T, strict=True):
                axes.hist(column, bins=30, color=FORWARD if title == last else OTHERS[3])
                axes.set(xlabel=f"{title}: {name}", yticks=[])
                if title == last:
                    low, high = column.mean() - column.std(), column.mean() + column.std()
                    axes.axvspan(low, high, color=FAINT, zorder=0)
                    axes.axvline(column.mean(), color=INK, linewidth=1)
                    axes.set(xlim=(-4, 4))
                mean, deviation = column.mean().round(2) + 0.0, column.std()  # no -0
                axes.set_title(f"mean {mean:.3g}, deviation {deviation:.2g}")
            panels[0].set_ylabel("samples")
    return drawn


def three_paths(
    values: Mapping[str, Numbers], gradients: Mapping[str, Numbers], to_x: Mapping[str, Numbers]
) -> Movie:
    """One feature through batch normalisation, and the three paths on which its gradient returns.

    values: numbers of x (B,), mean, s and x_hat (B,); gradients: of the loss by x_hat (B,), mean
    and s; to_x: what each path (direct, mean, s) brings to x, (B,). One frame forwards, one for
    each path, and one for their sum.
    """
    parts = {name: np.asarray(to_x[name]) for name in PATHS}
    total = sum(parts.values())
    samples = np.arange(1, len(total) + 1)

    def edges(seen: Sequence[str]) -> list[Edge]:
        x, x_hat = _row(values["x"]), _row(values["x_hat"])
        inner = {name: _row(gradients[name]) for name in seen if name in gradients}
        upstream = _row(gradients["x_hat"])
        return [
            Edge("x", "x_hat", x, _row(parts["direct"]) if "direct" in seen else None),
            *(Edge("x", n, "", "" if n in seen else None) for n in ("mean", "s")),
            *(Edge(n, "x_hat", _row(values[n]), inner.get(n)) for n in ("mean", "s")),
            Edge("x_hat", "y", x_hat, upstream),
        ]

    def show(frame: int) -> None:
        seen = list(PATHS)[:frame]
        now = seen[-1] if seen and frame <= len(PATHS) else None
        title = (
            f"gradient that comes {NAMES[now]}"
            if now
            else "forwards (blue), and the upstream gradient"
        )
        title = "the three paths add up" if frame > len(PATHS) else title
        draw(left, NODES, edges(seen), title)
        if now:
            nodes, colour = PATHS[now]
            places = np.array([PITCH * NODES[node].at * (1, -1) for node in nodes])
            left.plot(*places.T, color=colour, alpha=0.3, linewidth=16, zorder=1)
        right.clear()
        right.axhline(0, color=INK, linewidth=0.8)
        for number, name in enumerate(seen):
            place = samples + 0.29 * (number - 1)
            look = dict(width=0.25, color=PATHS[name][1], edgecolor=PAPER, label=NAMES[name])
            right.bar_label(right.bar(place, parts[name], **look), fmt="{:.3g}", fontsize=7)
        if frame > len(PATHS):
            right.plot(samples, total, "D", color=INK, markersize=7, label="their sum")
        right.set(xlim=(0.5, len(total) + 0.5), ylim=limits, xticks=samples, xlabel="sample")
        right.set(title="gradient for x", ylabel="gradient")
        if seen:
            right.legend(loc="upper right", fontsize=9, frameon=False)

    every = np.array([*parts.values(), total])
    limits = min(every.min(), 0) - 0.2, max(every.max(), 0) + 0.2
    with figure(10, 4, columns=2, width_ratios=[1.15, 1]) as (drawn, (left, right)):
        told = "; ".join(f"{NAMES[name]} {_row(part)}" for name, part in parts.items())
        drawn.words = f"Gradient for x = {_row(values['x'])}, its three paths: {told}; "
        drawn.words += f"their sum {_row(total)}"
        return Movie(drawn, show, len(PATHS) + 2, pause=1500)


def _row(numbers: Numbers) -> str:
    """'3 -1': numbers in a row, to three digits."""
    return "  ".join(f"{number:.3g}" for number in np.atleast_1d(np.asarray(numbers)) + 0.0)
