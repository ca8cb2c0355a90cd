"""Figures of one number over another: errors over a step, a learned function over its input."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from byhand.plots.moving import Movie
from byhand.plots.style import BACKWARD, FORWARD, INK, OTHERS, TRAIN, VALIDATION, figure

COLOURS, MARKERS = (FORWARD, BACKWARD, INK), "os^"


def step_errors(
    errors: Mapping[str, Sequence[float]], steps: Sequence[float], chosen: float
) -> Figure:
    """Relative error of numerical gradients over the step size, both logarithmic.

    errors: the name of a kind of difference -> its error at each of the steps, at most three
    kinds; an error of exactly 0 is left out. chosen: a step to mark.
    """
    with figure(8, 3.8) as (drawn, axes):
        looks = zip(COLOURS, MARKERS, strict=True)
        for (name, values), (colour, marker) in zip(errors.items(), looks, strict=False):
            heights = np.where(np.asarray(values) > 0, values, np.nan)
            axes.plot(steps, heights, color=colour, marker=marker, markersize=5, label=name)
        axes.axvline(chosen, color=INK, linewidth=1, linestyle=":", label=f"step {chosen:g}")
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="step (smaller to the left)",
            ylabel="relative error",
            title="Error of the numerical gradient over the step",
        )
        axes.legend()
    return drawn


def secants(
    f: Callable[[np.ndarray], np.ndarray], x: float, slope: float, steps: Sequence[float]
) -> Movie:
    """A function around x under a magnifying glass, and the central difference there.

    f: works entry by entry; slope: its derivative at x; steps: one for each frame. On the left f
    over x - 2 eps to x + 2 eps, enlarged so that it always fills the panel, on the right the error
    of the slope over eps.
    """
    steps = np.asarray(steps)
    sides = f(x + steps), f(x - steps)
    errors = abs((sides[0] - sides[1]) / (2 * steps) - slope) / abs(slope)
    with figure(8, 3.6, columns=2) as (drawn, (near, far)):
        offsets = np.linspace(-2, 2, 801)
        (curve,) = near.plot(offsets, 0 * offsets, color=FORWARD, label="f, as floats have it")
        (line,) = near.plot([-1, 1], [0, 0], color=BACKWARD, marker="o", label="central difference")
        near.plot(offsets, slope * offsets, color=INK, linestyle=":", label="true slope")
        near.set(xlabel="distance from x, in steps", ylabel="change of f, in steps")
        near.set(ylim=(-3 * abs(slope), 3 * abs(slope)), title="step")
        near.legend(loc="upper left", fontsize=9)
        far.plot(steps, np.where(errors > 0, errors, np.nan), color=FORWARD, marker="o")
        (here,) = far.plot([], [], color=BACKWARD, marker="o", markersize=11, linestyle="")
        far.set(xscale="log", yscale="log", xlabel="step (smaller to the left)")
        far.set(ylabel="relative error", title="Error of the central difference")

    def show(frame: int) -> None:
        step = steps[frame]
        curve.set_ydata((f(x + step * offsets) - f(np.asarray(x))) / step)
        line.set_ydata([(side[frame] - f(np.asarray(x))) / step for side in sides[::-1]])
        here.set_data([step], [errors[frame]])
        near.title.set_text(f"step {step:.0e}, error {errors[frame]:.0e}")

    return Movie(drawn, show, len(steps), pause=900)


def fitting(
    x: np.ndarray,
    t: np.ndarray,
    at: np.ndarray,
    fits: Mapping[int, np.ndarray],
    losses: Mapping[str, Sequence[float]],
) -> Movie:
    """A network that learns a function of one number, one frame for each step in fits.

    x, t: (B,) or (B, 1), the samples it learns from; fits: the number of steps -> its outputs at
    the places `at`, (K,) or (K, 1); losses: "training" and "validation" -> the loss after each of
    these numbers of steps. Earlier outputs stay as thin lines.
    """
    steps = np.array(list(fits))
    with figure(9, 3.6, columns=2, width_ratios=[1.5, 1]) as (drawn, (left, right)):
        left.scatter(x, t, s=14, color=OTHERS[3], label="samples")
        ghosts = [left.plot(at, fit, color=FORWARD, linewidth=0.7)[0] for fit in fits.values()]
        (now,) = left.plot(at, fits[steps[0]], color=FORWARD, linewidth=2.6, label="the network")
        left.set(xlabel="x", ylabel="output", ylim=(-1.6, 1.6), title="The network")
        left.legend(loc="upper left", fontsize=9)
        dots = []
        for (name, values), colour in zip(losses.items(), (TRAIN, VALIDATION), strict=True):
            right.plot(steps, values, color=colour, label=name)
            dots += right.plot([], [], color=colour, marker="o", markersize=9)
        right.set(xscale="symlog", yscale="log", xlabel="step (logarithmic)", title="loss")
        right.set(ylabel="loss (logarithmic)", xlim=(0, steps[-1]))
        right.legend(fontsize=9)

    def show(frame: int) -> None:
        now.set_ydata(fits[steps[frame]])
        for number, ghost in enumerate(ghosts):
            ghost.set_alpha(0.35 if number < frame else 0)
        for dot, values in zip(dots, losses.values(), strict=True):
            dot.set_data([steps[frame]], [values[frame]])
        left.title.set_text(f"The network after {steps[frame]:,} steps")

    return Movie(drawn, show, len(steps), pause=300)


def boundaries(
    X: np.ndarray,
    t: np.ndarray,
    extent: float,
    seen: Mapping[int, np.ndarray],
    losses: Mapping[str, Sequence[float]],
) -> Movie:
    """A network that learns to tell two classes of points apart, one frame for each epoch in seen.

    X: (B, 2), t: (B,), 0 or 1: the samples it learns from; seen: the number of epochs -> the
    probability of class 1 on a square grid from -extent to extent, (K, K), rows upwards; losses:
    "training" and "validation" -> the loss after each of these numbers of epochs.
    """
    epochs = np.array(list(seen))
    ends = [OTHERS[2], "white", OTHERS[1]]
    colours = LinearSegmentedColormap.from_list("classes", ends, N=21)  # few, for small frames
    with figure(9, 4, columns=2, width_ratios=[1.15, 1]) as (drawn, (left, right)):
        square = (-extent, extent, -extent, extent)
        look = dict(extent=square, origin="lower", vmin=0, vmax=1, cmap=colours)
        shades = left.imshow(seen[epochs[0]], interpolation="bilinear", alpha=0.75, **look)
        bar = drawn.colorbar(shades, ax=left, ticks=[0, 0.5, 1], aspect=30)
        bar.set_ticklabels(["class 0", "50%", "class 1"])
        bar.outline.set_visible(False)
        for number, (marker, colour) in enumerate((("o", OTHERS[2]), ("s", OTHERS[1]))):
            dots = dict(
                marker=marker, s=13, edgecolors=INK, linewidths=0.4, label=f"class {number}"
            )
            left.scatter(*X[t == number].T, color=colour, **dots)
        left.set(xlim=square[:2], ylim=square[2:], xlabel="first input", ylabel="second input")
        left.set(title="epochs", aspect="equal")
        left.grid(False)
        left.legend(loc="upper left", fontsize=9, handletextpad=0.2)
        dots = []
        for (name, values), colour in zip(losses.items(), (TRAIN, VALIDATION), strict=True):
            right.plot(epochs, values, color=colour, label=name)
            dots += right.plot([], [], color=colour, marker="o", markersize=9)
        right.set(xscale="symlog", yscale="log", xlabel="epoch (logarithmic)", title="loss")
        right.set(ylabel="cross-entropy (logarithmic)", xlim=(0, 1.1 * epochs[-1]))
        right.legend(fontsize=9)

    def show(frame: int) -> None:
        shades.set_data(seen[epochs[frame]])
        for dot, values in zip(dots, losses.values(), strict=True):
            dot.set_data([epochs[frame]], [values[frame]])
        training = next(iter(losses.values()))[frame]
        left.title.set_text(f"after {epochs[frame]} epochs: loss {training:.2g}")

    return Movie(drawn, show, len(epochs), pause=500)


def by_layer(norms: Mapping[str, Sequence[float]], title: str) -> Figure:
    """The norm of a gradient in every layer, logarithmic, one curve a network; at most three."""
    with figure(8, 3.6) as (drawn, axes):
        looks = zip((FORWARD, *OTHERS), MARKERS, strict=False)
        for (name, values), (colour, marker) in zip(norms.items(), looks, strict=False):
            layers = np.arange(1, len(values) + 1)
            axes.plot(layers, values, color=colour, marker=marker, label=name)
        axes.set(yscale="log", xlabel="layer (1 is next to the input)", title=title, xticks=layers)
        axes.set_ylabel("norm of the gradient")
        axes.legend()
    return drawn
