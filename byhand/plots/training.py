"""Figures of training: losses, predictions, the way of an optimizer."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from byhand.plots.style import INK, OTHERS, PYTORCH, TEST, TRAIN, figure
from byhand.training import History


def learning_curves(histories: Mapping[str, History], data: str = "") -> Figure:
    """Loss over epochs on a logarithmic scale, train and test, for one or two runs.

    histories: the name of a run -> its History; "PyTorch" is drawn in the colour of PyTorch.
    data: the name of the data set, for the title.
    """
    with figure(8, 3.8) as (drawn, axes):
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
    """The paths of optimizers over the contours of a loss of two parameters.

    loss: its values on a grid (rows: second parameter); extent: left, right, bottom, top of the
    grid; steps: name of an optimizer -> (steps, 2), the points it went through; at most four.
    """
    left, right, bottom, top = extent
    with figure(8, 3.8) as (drawn, axes):
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
    return drawn
