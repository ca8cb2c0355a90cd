"""How every figure looks: one role has one colour throughout, on paper of its own.

The colours are from Okabe and Ito's palette, which colour-blind readers can tell apart.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PAPER, INK, FAINT = "#fbfaf6", "#2b2b2b", "#d9d6cc"
TRAIN = FORWARD = "#0072b2"  # blue: the student's network, what flows forwards
TEST = "#e69f00"  # orange: test data
PYTORCH = "#009e73"  # green: PyTorch, the oracle
BACKWARD = "#d55e00"  # vermilion: gradients, what flows backwards
OTHERS = (INK, "#cc79a7", "#56b4e9", "#8a8575")  # things without a role, told apart by marker too

STYLE = {
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "figure.dpi": 100,
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
}


@contextmanager
def figure(
    width: float, height: float, columns: int = 1, sharey: bool = False, rows: int = 1
) -> Iterator[tuple[Figure, Axes]]:
    """A figure in the style of the course and its axes (an array of them for several).

    It is closed for pyplot, so that a notebook shows it once: as the result of its cell.
    """
    with plt.rc_context(STYLE):
        drawn, axes = plt.subplots(
            rows, columns, figsize=(width, height), layout="constrained", sharey=sharey
        )
        plt.close(drawn)
        yield drawn, axes


def arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], label: str, colour: str
) -> None:
    """An arrow from start to end in the units of the axes, its label above the middle."""
    look = dict(arrowstyle="-|>", color=colour, linewidth=1.8, shrinkA=0, shrinkB=0)
    axes.annotate("", xy=end, xytext=start, arrowprops=look)
    middle = (np.asarray(start) + end) / 2
    axes.text(middle[0], middle[1] + 0.15, label, ha="center", color=colour, fontsize=12)
