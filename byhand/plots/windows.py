"""Figures of windows on images: grids of numbers, where a window stands, how much it sees."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from byhand.plots.style import BACKWARD, FAINT, FORWARD, INK, OTHERS, figure

EDGE = "#b5b1a4"


def grids(
    panels: Mapping[str, np.ndarray], marked: Mapping[str, Any], backward: Sequence[str] = ()
) -> Figure:
    """Small images as grids of their numbers, one panel each.

    panels: title -> (rows, columns); marked: title -> an index or a mask of the entries that
    stand out, blue, or orange in the panels whose titles are in `backward`.
    """
    widths = [values.shape[1] for values in panels.values()]
    width, height = sum(widths) + len(widths) - 1, max(map(len, panels.values()))
    with figure(8, 8 * (height + 1) / width) as (drawn, axes):
        left = 0
        for title, values in panels.items():
            chosen = np.zeros(values.shape, dtype=bool)
            chosen[marked.get(title, ())] = title in marked
            colour = BACKWARD if title in backward else FORWARD
            top = (height - len(values)) / 2
            _cells(axes, np.where(chosen, colour, "white"), left, top)
            for (row, column), value in np.ndenumerate(values):
                place = left + column + 0.5, top + row + 0.5
                ink = "white" if chosen[row, column] else INK
                axes.text(*place, f"{value:g}", ha="center", va="center", color=ink)
            axes.text(left + values.shape[1] / 2, top - 0.2, title, ha="center", fontsize=11)
            left += values.shape[1] + 1
        _empty(axes, width, height, top=-0.8)
    rows = {title: [" ".join(f"{v:g}" for v in row) for row in x] for title, x in panels.items()}
    drawn.words = "; ".join(f"{title}: {', '.join(lines)}" for title, lines in rows.items())
    return drawn


def window_places(panels: Mapping[str, Mapping[str, int]]) -> Figure:
    """Where a square window stands on an image, one panel each.

    panels: title -> size, kernel_size, stride, padding and dilation of a square image and window
    (stride and dilation 1, padding 0 if left out). The border of zeros is grey, the first window
    blue, and a dot marks the middle of every place.
    """
    with figure(8, 0.6 + 8 / len(panels), len(panels)) as (drawn, all_axes):
        for axes, (title, numbers) in zip(np.atleast_1d(all_axes), panels.items(), strict=True):
            how = dict(stride=1, padding=0, dilation=1) | numbers
            whole = how["size"] + 2 * how["padding"]
            inside = np.arange(whole) - how["padding"]
            inside = (inside >= 0) & (inside < how["size"])
            seen = np.arange(how["kernel_size"]) * how["dilation"]
            colours = np.where(np.outer(inside, inside), "white", FAINT)
            colours[np.ix_(seen, seen)] = FORWARD
            _cells(axes, colours)
            middles = np.arange(0, whole - seen[-1], how["stride"]) + (seen[-1] + 1) / 2
            across, down = np.meshgrid(middles, middles)
            axes.scatter(across, down, s=30, color=INK, edgecolors="white", zorder=3)
            _empty(axes, whole, whole)
            axes.set(title=title, xlabel=f"{len(middles)} by {len(middles)} places")
    return drawn


def receptive(image: np.ndarray, seen: Mapping[str, tuple[int, int]]) -> Figure:
    """How much of an image one number behind each layer sees, on the edges of its pixels.

    image: (H, W); seen: the name of a layer -> (first, size), the first row, which is also the
    first column, and the rows of the square that it sees; a part of it may lie on the padding.
    """
    low = min(0, *(first for first, _ in seen.values()))
    high = max(len(image), *(first + size for first, size in seen.values()))
    with figure(7.6, 4) as (drawn, axes):
        axes.imshow(image, cmap="gray_r", interpolation="nearest")
        looks = zip((FORWARD, *OTHERS, BACKWARD), ("-", "-", "--", "-", "--", "-"), strict=True)
        for (name, (first, size)), (colour, dashes) in zip(seen.items(), looks, strict=False):
            look = dict(fill=False, edgecolor=colour, linewidth=2.2, linestyle=dashes)
            square = Rectangle((first - 0.5, first - 0.5), size, size, clip_on=False, **look)
            square.set_label(f"{name}: {size} by {size}")
            axes.add_patch(square)
        axes.set_xticks(np.arange(low, high + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(low, high + 1) - 0.5, minor=True)
        axes.grid(False)
        axes.grid(which="minor", color=FAINT, linewidth=0.4)
        axes.tick_params(which="minor", length=0)
        axes.set(title="What one number sees", xlabel="column", ylabel="row")
        axes.set(xlim=(low - 0.5, high - 0.5), ylim=(high - 0.5, low - 0.5))
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return drawn


def _cells(axes: Axes, colours: np.ndarray, left: float = 0, top: float = 0) -> None:
    """A square for every entry, row 0 on top. colours: (rows, columns)."""
    for (row, column), colour in np.ndenumerate(colours):
        where = (left + column, top + row)
        axes.add_patch(Rectangle(where, 1, 1, facecolor=colour, edgecolor=EDGE))


def _empty(axes: Axes, width: float, height: float, top: float = 0) -> None:
    """Squares that are square, rows that go down, and no axes."""
    axes.set(xlim=(-0.05, width + 0.05), ylim=(height + 0.05, top - 0.05), aspect="equal")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.grid(False)
