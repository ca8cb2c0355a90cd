"""Figures of learning-rate schedules."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from byhand.plots.style import FORWARD, PYTORCH, figure


def schedules(own: Mapping[str, Sequence[float]], pytorch: Mapping[str, Sequence[float]]) -> Figure:
    """The learning rates of schedules over the steps, a panel for each, PyTorch's beneath.

    own, pytorch: name of a schedule -> its rates, one a step.
    """
    with figure(9, 2.7, columns=len(own), sharey=True) as (drawn, all_axes):
        for axes, name in zip(all_axes, own, strict=True):
            axes.plot(pytorch[name], color=PYTORCH, linewidth=5, alpha=0.5, label="PyTorch")
            axes.plot(own[name], color=FORWARD, linestyle=(0, (3, 2)), label="yours")
            axes.set(title=name, xlabel="step", ylabel="learning rate")
            axes.label_outer()
        all_axes[0].legend()
    return drawn
