"""Figures of training: losses, predictions, the way of an optimizer."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from IPython import get_ipython
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from byhand.plots.style import INK, OTHERS, PYTORCH, TEST, TRAIN, figure
from byhand.training import History

PANELS = 4  # in a row


def learning_curves(histories: Mapping[str, History], data: str = "") -> Figure:
    """Loss over epochs on a logarithmic scale, train and test; beside it accuracy, if measured.

    histories: the name of a run -> its History; "PyTorch" is drawn in the colour of PyTorch.
    data: the name of the data set, for the title.
    """
    measured = any(history.test_accuracy for history in histories.values())
    with figure(8, 3.8, columns=2 if measured else 1) as (drawn, panels):
        axes, *beside = np.atleast_1d(panels)
        for name, history in histories.items():
            _curves(axes, name, history.train_loss, history.test_loss)
        axes.set(xlabel="epoch", ylabel="loss (logarithmic)", title="Loss while training")
        _logarithmic(axes)
        for right in beside:
            for name, history in histories.items():
                percent = np.multiply(100, [history.train_accuracy, history.test_accuracy])
                _curves(right, name, *percent)
            right.set(xlabel="epoch", ylabel="right answers in %", title="Accuracy while training")
        _count_epochs(axes, *beside)
        axes.legend(ncols=1 if measured else len(histories))
        if data:
            drawn.suptitle(data, fontsize=10)
    return drawn


def _curves(axes: Axes, name: str, train: Sequence[float], test: Sequence[float]) -> None:
    """What a run measured on both sets, over epochs."""
    by_pytorch = name == "PyTorch"
    epochs = np.arange(1, len(train) + 1)
    look = {"marker": "o"} if len(train) == 1 else {}  # one epoch is no line yet
    colours = (PYTORCH, PYTORCH) if by_pytorch else (TRAIN, TEST)
    dashes = (0, (4, 2)) if by_pytorch else "-"
    axes.plot(epochs, train, color=colours[0], label=f"{name}: train", **look)
    axes.plot(epochs, test, color=colours[1], label=f"{name}: test", linestyle=dashes, **look)


def _logarithmic(axes: Axes) -> None:
    """A logarithmic y axis with plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _count_epochs(*panels: Axes) -> None:
    """Whole numbers along the x axis."""
    for axes in panels:
        axes.xaxis.get_major_locator().set_params(integer=True)


def live_curves(data: str = "") -> Callable[[History], None]:
    """A `watch` for training.fit: one figure of the learning curves, drawn anew every epoch.

    Does nothing where there is no notebook to draw in.
    """
    shown = display(display_id=True) if get_ipython() is not None else None

    def watch(history: History) -> None:
        if shown is not None:
            shown.update(learning_curves({"yours": history}, data))

    return watch


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
    """The test loss and accuracy of several runs over epochs, told apart by colour and marker.

    histories: the name of a run -> its History, at most five; data: as in learning_curves.
    """
    with figure(8, 3.8, columns=2) as (drawn, (left, right)):
        looks = zip((TRAIN, *OTHERS), "os^Dv", strict=True)
        for (colour, marker), (name, history) in zip(looks, histories.items(), strict=False):
            epochs = np.arange(1, len(history.test_loss) + 1)
            look = dict(color=colour, marker=marker, ms=4, label=name)
            left.plot(epochs, history.test_loss, **look)
            right.plot(epochs, np.multiply(100, history.test_accuracy), **look)
        left.set(xlabel="epoch", ylabel="loss (logarithmic)", title="Test loss")
        _logarithmic(left)
        right.set(xlabel="epoch", ylabel="right answers in %", title="Test accuracy")
        _count_epochs(left, right)
        left.legend()
        if data:
            drawn.suptitle(data, fontsize=10)
    return drawn


def predictions(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Predictions over targets as dots, with the line on which a perfect network puts them.

    pairs: "train" or "test" -> (target, prediction), arrays with the same number of entries.
    """
    with figure(4.6, 4.4) as (drawn, axes):
        for name, (target, prediction) in pairs.items():
            colour = TEST if name == "test" else TRAIN
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
    return drawn
