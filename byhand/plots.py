"""Every figure of the course. A function takes data and returns a matplotlib Figure.

One role has one colour throughout, from Okabe and Ito's palette, which colour-blind readers can
tell apart; a figure brings its own paper, so that it reads the same in a dark JupyterLab.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import LogLocator, NullFormatter

from byhand.training import History

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
def once_solved() -> Iterator[None]:
    """Run the lines of a figure or an experiment.

    While one of the layers in it is not written yet, say so in one line in place of a traceback.
    """
    try:
        yield
    except NotImplementedError:
        print("This cell needs a class that you have not written yet. Come back to it later.")


def layer_box(name: str, parameters: Sequence[str] = ()) -> Figure:
    """A layer as a box: x goes in and y comes out, dl/dy goes in and dl/dx comes out.

    parameters: their names as formulas, such as "W"; each is drawn below the box with its
    gradient.
    """
    with _figure(7, 2.9 if parameters else 1.9) as (figure, axes):
        axes.set(xlim=(0, 10), ylim=(-1.9 if parameters else 0, 3))
        axes.axis("off")
        box = FancyBboxPatch(
            (3.5, 0.4), 3, 2.2, boxstyle="round,pad=0.1", facecolor="white", edgecolor=INK
        )
        axes.add_patch(box)
        axes.text(5, 1.5, name, ha="center", va="center", fontsize=14)
        _arrow(axes, (0.9, 2.1), (3.4, 2.1), "$x$", FORWARD)
        _arrow(axes, (6.6, 2.1), (9.1, 2.1), "$y$", FORWARD)
        _arrow(axes, (9.1, 0.9), (6.6, 0.9), r"$g = \partial\ell/\partial y$", BACKWARD)
        _arrow(axes, (3.4, 0.9), (0.9, 0.9), r"$\partial\ell/\partial x$", BACKWARD)
        places = 5 + 2.2 * (np.arange(len(parameters)) - (len(parameters) - 1) / 2)
        for parameter, place in zip(parameters, places, strict=True):
            _arrow(axes, (place - 0.3, -0.9), (place - 0.3, 0.3), "", FORWARD)
            _arrow(axes, (place + 0.3, 0.3), (place + 0.3, -0.9), "", BACKWARD)
            axes.text(place - 0.3, -1.4, f"${parameter}$", ha="right", color=FORWARD)
            gradient = rf"$\partial\ell/\partial {parameter}$"
            axes.text(place + 0.1, -1.4, gradient, ha="left", color=BACKWARD)
        axes.set_title("forwards above (blue), backwards below (vermilion)")
    return figure


def activations(x: np.ndarray, curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Activations and their derivatives over x: (N,), one panel for each.

    curves: the name of an activation -> (y, derivative), both (N,).
    """
    with _figure(8, 3, columns=len(curves)) as (figure, all_axes):
        for axes, (name, (y, slope)) in zip(np.atleast_1d(all_axes), curves.items(), strict=True):
            axes.plot(x, y, color=FORWARD, label=f"{name}(x)")
            axes.plot(x, slope, color=BACKWARD, linestyle="--", label="its derivative")
            axes.set(xlabel="x", title=f"{name} and its derivative")
            axes.legend()
    return figure


def distributions(panels: Mapping[str, np.ndarray]) -> Figure:
    """How the values of every feature are spread, one panel for each (B, N) array."""
    with _figure(8, 3, columns=len(panels), sharey=True) as (figure, all_axes):
        for axes, (title, values) in zip(np.atleast_1d(all_axes), panels.items(), strict=True):
            violins = axes.violinplot(values, showmeans=True)
            for body in violins["bodies"]:
                body.set(facecolor=FORWARD, alpha=0.35)
            for line in ("cmeans", "cmins", "cmaxes", "cbars"):
                violins[line].set(color=FORWARD, linewidth=1.2)
            features = np.arange(1, values.shape[1] + 1)
            axes.set(title=title, xlabel="feature", ylabel="value", xticks=features)
            axes.label_outer()
    return figure


def masks(kept: np.ndarray, titles: Sequence[str]) -> Figure:
    """Which entries of an array were kept, in several passes; kept: (passes, B, N) of bool."""
    with _figure(8, 2.1, columns=len(kept)) as (figure, all_axes):
        for axes, mask, title in zip(np.atleast_1d(all_axes), kept, titles, strict=True):
            colours = ListedColormap([FAINT, FORWARD])
            axes.pcolormesh(mask[::-1], cmap=colours, vmin=0, vmax=1, edgecolor=PAPER, linewidth=1)
            axes.set(title=title, xlabel="feature", ylabel="sample", xticks=[], yticks=[])
            axes.set_aspect("equal")
            axes.spines[:].set_visible(False)
        figure.suptitle("blue: kept, grey: dropped", fontsize=10)
    return figure


def learning_curves(histories: Mapping[str, History], data: str = "") -> Figure:
    """Loss over epochs on a logarithmic scale, train and test, for one or two runs.

    histories: the name of a run -> its History; "PyTorch" is drawn in the colour of PyTorch.
    data: the name of the data set, for the title.
    """
    with _figure(8, 3.8) as (figure, axes):
        for name, history in histories.items():
            epochs = np.arange(1, len(history.train_loss) + 1)
            train, test = (PYTORCH, PYTORCH) if name == "PyTorch" else (TRAIN, TEST)
            dashes = (0, (4, 2)) if name == "PyTorch" else "-"
            axes.plot(epochs, history.train_loss, color=train, label=f"{name}: train")
            axes.plot(
                epochs, history.test_loss, color=test, linestyle=dashes, label=f"{name}: test"
            )
        title = f"Loss while training on {data}" if data else "Loss while training"
        axes.set(xlabel="epoch", ylabel="loss (logarithmic)", yscale="log", title=title)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.legend(ncols=len(histories))
    return figure


def predictions(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Predictions over targets as dots, with the line on which a perfect network puts them.

    pairs: "train" or "test" -> (target, prediction), arrays with the same number of entries.
    """
    with _figure(4.6, 4.4) as (figure, axes):
        for name, (target, prediction) in pairs.items():
            colour = TEST if name == "test" else TRAIN
            axes.scatter(target, prediction, s=10, alpha=0.6, color=colour, label=name)
        low, high = axes.get_xlim()
        axes.plot([low, high], [low, high], color=INK, linewidth=1, label="perfect")
        axes.set(xlabel="target", ylabel="prediction", title="Predictions against targets")
        axes.set_aspect("equal", adjustable="datalim")
        axes.legend()
    return figure


def paths(
    loss: np.ndarray, extent: tuple[float, float, float, float], steps: Mapping[str, np.ndarray]
) -> Figure:
    """The paths of optimizers over the contours of a loss of two parameters.

    loss: its values on a grid (rows: second parameter); extent: left, right, bottom, top of the
    grid; steps: name of an optimizer -> (steps, 2), the points it went through; at most four.
    """
    left, right, bottom, top = extent
    with _figure(8, 3.8) as (figure, axes):
        across, up = np.linspace(left, right, loss.shape[1]), np.linspace(bottom, top, len(loss))
        axes.contour(across, up, loss, levels=12, colors="#b5b1a4", linewidths=0.8)
        styles = zip(OTHERS, "os^D", strict=True)
        for (colour, marker), (name, points) in zip(styles, steps.items(), strict=False):
            axes.plot(*points.T, color=colour, marker=marker, ms=3.5, lw=1.2, label=name)
        axes.set(
            xlim=(left, right),
            ylim=(bottom, top),
            xlabel="first parameter",
            ylabel="second parameter",
            title="Paths of the optimizers, contours of the loss",
        )
        axes.grid(False)
        axes.legend(loc="upper right")
    return figure


@contextmanager
def _figure(
    width: float, height: float, columns: int = 1, sharey: bool = False
) -> Iterator[tuple[Figure, Axes]]:
    """A figure in the style of the course and its axes (an array of them for several columns).

    It is closed for pyplot, so that a notebook shows it once: as the result of its cell.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            ncols=columns, figsize=(width, height), layout="constrained", sharey=sharey
        )
        plt.close(figure)
        yield figure, axes


def _arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], label: str, colour: str
) -> None:
    arrow = dict(arrowstyle="-|>", color=colour, linewidth=1.8, shrinkA=0, shrinkB=0)
    axes.annotate("", xy=end, xytext=start, arrowprops=arrow)
    middle = (np.asarray(start) + end) / 2
    axes.text(middle[0], middle[1] + 0.15, label, ha="center", color=colour, fontsize=12)
