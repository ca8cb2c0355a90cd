"""Figures of optimizers on a quadratic: where momentum converges, and paths through a valley."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from ipywidgets import HTML, FloatLogSlider, FloatSlider, VBox
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from byhand.plots.moving import Movie
from byhand.plots.style import BACKWARD, FAINT, INK, OTHERS, TRAIN, figure

LEFT = 0.01  # of the first distance: where a direction counts as done
LEVELS = (0, 5, 10, 20, 50, 100, 200, 1e9)  # steps until then
SHADES = ("#2f6f9f", "#4d8ab5", "#74a7c8", "#9cc1d8", "#c0d8e5", "#dbe8ee", "#eef2f1")
RANGE = 0.005, 8  # of step size times curvature on the map
STEPS = 60  # of the curves beside it
FLAT, STEEP = INK, BACKWARD  # the colours of the two directions
FRAMES = 13  # of a descent, at most: the first steps one by one, later ones together
LOOKS = tuple(zip((TRAIN, BACKWARD, *OTHERS), "os^Dvx", strict=True))


def shrink_factor(rate: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """The factor by which the distance to the minimum changes a step, in the long run.

    For v <- beta v + g, x <- x - lr v on the loss curvature x^2 / 2; rate: lr times curvature. It
    is the spectral radius of the matrix that takes two distances in a row to the next two
    (Polyak 1964, doi:10.1016/0041-5553(64)90137-5).
    """
    trace = 1 + np.asarray(beta) - rate
    root = np.sqrt((trace**2 - 4 * np.asarray(beta)).astype(complex))
    return np.maximum(abs(trace + root), abs(trace - root)) / 2


def distances(rate: float, beta: float, steps: int = STEPS) -> np.ndarray:
    """The distance to the minimum before each step and after the last, from 1."""
    x, v, seen = 1.0, 0.0, [1.0]
    for _ in range(steps):
        v = beta * v + rate * x
        x -= v
        seen.append(x)
    return np.array(seen)


class _Map:
    """The map, the two dots on it, and what they do over the steps."""

    def __init__(self, height: float = 4.6):
        mosaic = [["map", "path"], ["map", "loss"]]
        with figure(10, height) as (self.figure, axes):
            axes.remove()
            panels = self.figure.subplot_mosaic(mosaic, width_ratios=[1.45, 1])
            self.map, self.path, self.loss = (panels[name] for name in ("map", "path", "loss"))
            _draw_map(self.map)
            (self.bar,) = self.map.plot([], [], color=INK, linewidth=1, zorder=4)
            look = dict(marker="o", markersize=11, mec="white", zorder=5, clip_on=False)
            self.dots = [self.map.plot([], [], color=c, **look)[0] for c in (FLAT, STEEP)]
            named = dict(zip(("flat direction", "steep direction"), (FLAT, STEEP), strict=True))
            look = dict(marker=".", markersize=4, linewidth=1.3)
            self.curves = [
                self.path.plot([], [], color=c, label=name, **look)[0] for name, c in named.items()
            ]
            self.path.set(xlim=(0, STEPS), ylim=(-1.4, 1.6), ylabel="distance", xlabel="step")
            self.path.legend(ncols=2, loc="upper right", fontsize=8)
            (self.fall,) = self.loss.plot([], [], color=TRAIN, linewidth=2.4, zorder=3)
            self.loss.set(xlim=(0, STEPS), ylim=(1e-8, 1e3), yscale="log", xlabel="step")
            self.loss.set(ylabel="loss (logarithmic)", title="the valley's loss")

    def put(self, lr: float, beta: float, steep: float) -> np.ndarray:
        """Show one choice; returns the losses."""
        rates = lr * np.array([1.0, steep])
        runs = [distances(rate, beta) for rate in rates]
        self.bar.set_data(rates, [beta, beta])
        for dot, curve, rate, run in zip(self.dots, self.curves, rates, runs, strict=True):
            dot.set_data([rate], [beta])
            curve.set_data(range(STEPS + 1), run)
        losses = (runs[0] ** 2 + steep * runs[1] ** 2) / 2
        self.fall.set_data(range(STEPS + 1), losses)
        slow, quick = shrink_factor(rates, beta)
        self.path.set_title(f"factor per step: flat {slow:.2f}, steep {quick:.2f}")
        self.map.set_title(rf"$\eta$ = {lr:.3g}, $\beta$ = {beta:.2g}")
        return losses


def momentum_map(stops: Sequence[tuple[float, float, str]], steep: float) -> Movie:
    """A walk over the map of momentum: learning rate and momentum for two curvatures, 1 and steep.

    stops: (learning rate, momentum, what to see there), one a frame.
    """
    scene = _Map()
    all_losses = [scene.put(lr, beta, steep) for lr, beta, _ in stops]
    ghosts = [scene.loss.plot(losses, color=OTHERS[3], linewidth=0.9)[0] for losses in all_losses]
    marks = [
        scene.map.text(
            lr * steep,
            beta + (0.035 if beta < 0.9 else -0.075),
            str(n),
            ha="center",
            fontsize=9,
            weight="bold",
        )
        for n, (lr, beta, _) in enumerate(stops, start=1)
    ]

    def show(frame: int) -> None:
        lr, beta, what = stops[frame]
        scene.put(lr, beta, steep)
        for number, (ghost, mark) in enumerate(zip(ghosts, marks, strict=True)):
            ghost.set_visible(number < frame)
            mark.set_visible(number <= frame)
        scene.map.title.set_text(f"{frame + 1}: {what}\n{scene.map.get_title()}")

    return Movie(scene.figure, show, len(stops), pause=2500)


def momentum_sliders() -> VBox:
    """The same map with three sliders: step size, momentum, curvature of the steep direction."""
    look = dict(continuous_update=False, readout_format=".3g")
    sliders = (
        FloatLogSlider(0.02, min=-2.5, max=0.5, step=0.02, description="step size", **look),
        FloatSlider(0.5, min=0, max=0.99, step=0.01, description="momentum", **look),
        FloatLogSlider(20, min=0, max=2, step=0.05, description="curvature", **look),
    )
    scene, shown = _Map(), HTML()

    def draw(_: object = None) -> None:
        scene.put(*(slider.value for slider in sliders))
        shown.value = scene.figure.image()

    for slider in sliders:
        slider.observe(draw, "value")
    draw()
    return VBox([*sliders, shown])


def _draw_map(axes: Axes) -> None:
    rate, beta = np.meshgrid(np.geomspace(*RANGE, 300), np.linspace(0, 0.995, 200))
    factor = shrink_factor(rate, beta)
    safe = np.clip(factor, 1e-9, 1 - 1e-9)
    steps = np.where(factor < 1, np.log(LEFT) / np.log(safe), np.nan)
    shades = axes.contourf(rate, beta, steps, LEVELS, colors=SHADES)
    bar = axes.figure.colorbar(shades, ax=axes, ticks=LEVELS[1:-1], pad=0.01, aspect=40)
    bar.set_label(f"steps until {LEFT:.0%} of the way is left")
    bar.outline.set_visible(False)
    line = np.geomspace(RANGE[0], 4, 300)
    axes.plot(line, (1 - np.sqrt(line)) ** 2, color=INK, linewidth=1.2)
    limit = np.linspace(0, 0.995, 50)
    axes.fill_betweenx(limit, 2 + 2 * limit, RANGE[1], color=BACKWARD, alpha=0.15, linewidth=0)
    axes.plot(2 + 2 * limit, limit, color=BACKWARD, linewidth=1.8)
    axes.set(xscale="log", xlim=RANGE, ylim=(0, 1), ylabel=r"momentum $\beta$")
    axes.set_xlabel(r"step size times curvature, $\eta h$")
    axes.grid(False)
    axes.set_xticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
    axes.text(0.007, 0.50, "creeps", fontsize=10)
    axes.text(1.1, 0.7, "rings", fontsize=10)
    axes.text(7.6, 0.04, "explodes", fontsize=10, color=BACKWARD, ha="right")
    axes.text(0.0056, 0.885, "critical damping", fontsize=8, rotation=-6)


def descent(
    loss: Callable[[np.ndarray, np.ndarray], np.ndarray],
    extent: tuple[float, float, float, float],
    runs: Mapping[str, np.ndarray],
    title: str = "",
) -> Movie:
    """Paths of optimizers over the contours of a loss, and the loss of each beside them.

    loss: of two arrays of one shape, smallest at (0, 0); extent: left, right, bottom, top of the
    panel; runs: name -> (steps + 1, 2), the points of a path, all of one length, at most six.
    """
    left, right, bottom, top = extent
    grid = np.meshgrid(np.linspace(left, right, 120), np.linspace(bottom, top, 90))
    heights = loss(*grid)
    losses = {name: loss(*points.T) for name, points in runs.items()}
    last = max(map(len, runs.values())) - 1
    moments = sorted({*map(round, np.geomspace(1, last, FRAMES))})
    with figure(9, 3.6, columns=2, gridspec_kw=dict(width_ratios=[1.25, 1])) as (drawn, panels):
        place, fall = panels
        levels = heights.max() * np.geomspace(1e-3, 0.8, 8)
        place.contour(*grid, heights, levels=levels, colors="#b5b1a4", linewidths=0.8)
        place.plot(0, 0, marker="*", color=INK, ms=14, mec="white", ls="", zorder=6)
        place.annotate("minimum", (0, 0), xytext=(8, -14), textcoords="offset points", fontsize=9)
        lines = []
        for (name, points), (colour, marker) in zip(runs.items(), LOOKS, strict=False):
            path = place.plot([], [], color=colour, marker=marker, ms=3.5, lw=1.1)[0]
            head = place.plot([], [], color=colour, marker=marker, ms=9, mec="white", ls="")[0]
            curve = fall.plot([], [], color=colour, marker=marker, ms=3.5, lw=1.3, label=name)[0]
            lines.append((points, losses[name], path, head, curve))
        place.plot(*next(iter(runs.values()))[0], color=INK, marker="o", ms=6, linestyle="")
        place.set(xlim=(left, right), ylim=(bottom, top), title=title or "paths")
        place.set(xlabel="first parameter", ylabel="second parameter")
        place.grid(False)
        every = np.concatenate(list(losses.values()))
        low = max(every[every > 0].min(), 1e-9 * heights.max())
        high = min(every.max(), 1e3 * heights.max())
        fall.set(xlim=(0, last), ylim=(low / 2, high * 2), yscale="log", xlabel="step")
        fall.set(ylabel="loss (logarithmic)", title="loss")
        fall.yaxis.set_minor_formatter(NullFormatter())
        fall.axhline(losses[next(iter(runs))][0], color=FAINT, linewidth=1)
        fall.legend(loc="lower left", fontsize=9)

    def show(frame: int) -> None:
        step = moments[frame]
        for points, heights_of, path, head, curve in lines:
            path.set_data(*points[: step + 1].T)
            head.set_data(*points[step : step + 1].T)
            curve.set_data(range(step + 1), heights_of[: step + 1])
        fall.title.set_text(f"loss after {step} step{'s' * (step != 1)}")

    return Movie(drawn, show, len(moments), pause=500)
