"""Figures of layers: what goes in and out, what a layer does to numbers."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from byhand.plots.style import BACKWARD, FAINT, FORWARD, INK, OTHERS, PAPER, arrow, figure


def layer_box(name: str, parameters: Sequence[str] = ()) -> Figure:
    """A layer as a box: x goes in and y comes out, dl/dy goes in and dl/dx comes out.

    parameters: their names as formulas, such as "W"; each is drawn below the box with its
    gradient.
    """
    with figure(7, 2.9 if parameters else 1.9) as (drawn, axes):
        axes.set(xlim=(0, 10), ylim=(-1.9 if parameters else 0, 3))
        axes.axis("off")
        box = FancyBboxPatch(
            (3.5, 0.4), 3, 2.2, boxstyle="round,pad=0.1", facecolor="white", edgecolor=INK
        )
        axes.add_patch(box)
        axes.text(5, 1.5, name, ha="center", va="center", fontsize=14)
        arrow(axes, (0.9, 2.1), (3.4, 2.1), "$x$", FORWARD)
        arrow(axes, (6.6, 2.1), (9.1, 2.1), "$y$", FORWARD)
        arrow(axes, (9.1, 0.9), (6.6, 0.9), r"$g = \partial\ell/\partial y$", BACKWARD)
        arrow(axes, (3.4, 0.9), (0.9, 0.9), r"$\partial\ell/\partial x$", BACKWARD)
        places = 5 + 2.2 * (np.arange(len(parameters)) - (len(parameters) - 1) / 2)
        for parameter, place in zip(parameters, places, strict=True):
            arrow(axes, (place - 0.3, -0.9), (place - 0.3, 0.3), "", FORWARD)
            arrow(axes, (place + 0.3, 0.3), (place + 0.3, -0.9), "", BACKWARD)
            axes.text(place - 0.3, -1.4, f"${parameter}$", ha="right", color=FORWARD)
            gradient = rf"$\partial\ell/\partial {parameter}$"
            axes.text(place + 0.1, -1.4, gradient, ha="left", color=BACKWARD)
        axes.set_title("forwards above (blue), backwards below (orange)")
    return drawn


def activations(x: np.ndarray, curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Activations and their derivatives over x: (N,), one panel for each.

    curves: the name of an activation -> (y, derivative), both (N,).
    """
    with figure(8, 3, columns=len(curves)) as (drawn, all_axes):
        for axes, (name, (y, slope)) in zip(np.atleast_1d(all_axes), curves.items(), strict=True):
            axes.plot(x, y, color=FORWARD, label=f"{name}(x)")
            axes.plot(x, slope, color=BACKWARD, linestyle="--", label="its derivative")
            axes.set(xlabel="x", title=f"{name} and its derivative")
            axes.legend()
    return drawn


def overlaid(x: np.ndarray, curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Functions of x: (N,) over each other, and beside them their derivatives.

    curves: a name -> (y, derivative), both (N,); at most four.
    """
    with figure(8, 3, columns=2) as (drawn, panels):
        looks = zip((FORWARD, BACKWARD, INK, OTHERS[1]), ("-", "--", "-.", ":"), strict=True)
        for (name, both), (colour, dashes) in zip(curves.items(), looks, strict=False):
            for axes, values in zip(panels, both, strict=True):
                axes.plot(x, values, color=colour, linestyle=dashes, label=name)
        for axes, title in zip(panels, ("the functions", "their derivatives"), strict=True):
            axes.set(xlabel="x", title=title)
        panels[0].legend()
    return drawn


def masks(kept: np.ndarray, titles: Sequence[str]) -> Figure:
    """Which entries of an array were kept, in several passes; kept: (passes, B, N) of bool."""
    with figure(8, 2.1, columns=len(kept)) as (drawn, all_axes):
        for axes, mask, title in zip(np.atleast_1d(all_axes), kept, titles, strict=True):
            colours = ListedColormap([FAINT, FORWARD])
            axes.pcolormesh(mask[::-1], cmap=colours, vmin=0, vmax=1, edgecolor=PAPER, linewidth=1)
            axes.set(title=title, xlabel="feature", ylabel="sample", xticks=[], yticks=[])
            axes.set_aspect("equal")
            axes.spines[:].set_visible(False)
        drawn.suptitle("blue: kept, grey: dropped", fontsize=10)
    return drawn
