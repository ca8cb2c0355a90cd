"""The figure of a training run: while it goes on, and in the end.

It is written as SVG here, in a millisecond or two; matplotlib takes a hundred, which a run of a few
seconds would feel.
"""

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from IPython import get_ipython
from IPython.display import display

from byhand.plots.style import FAINT, INK, PAPER, TRAIN, VALIDATION, Shown, image, reach
from byhand.training import History, Run

WIDTH, HEIGHT = 700, 430  # pixels
POINTS = 250  # intervals in which a long curve is drawn, with two points each
SMOOTH = 40  # running means in a whole run, side by side
LEAST = 1e-16  # of a loss that is drawn
DOTS = 30  # of a curve, at most; more would touch each other
PAGE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" '
    'font-family="DejaVu Sans, Verdana, sans-serif" font-size="11.5" fill="{ink}">'
    '<rect width="100%" height="100%" fill="{paper}"/>{shapes}</svg>'
)
TEXT = '<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{text}</text>'
LINE = (
    '<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" '
    'stroke-linejoin="round" stroke-linecap="round"{more}/>'
)
INSIDE = (  # what is drawn in it ends at its edges
    '<svg x="{x}" y="{y}" width="{w}" height="{h}" viewBox="{x} {y} {w} {h}">{shapes}</svg>'
)
EDGE = 4  # pixels beside and above a panel's axes, for the half of a dot
FAR = 100  # heights of a panel; what is further away is drawn there
DOT = '<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="{colour}"/>'


@dataclass
class Curve:
    """Values over epochs. name: what they are; label: the same in short; dots: if each has one."""

    name: str
    label: str
    x: np.ndarray
    y: np.ndarray
    colour: str
    width: float = 2
    more: str = ""
    dots: bool = False


@dataclass
class Panel:
    """Axes in the figure: x from 0 to `end`, y from `low` to `high`.

    box: left, right, top, bottom; legend: in which corner, "top" or "bottom" right, if in any.
    """

    title: str
    box: tuple[float, float, float, float]
    end: float
    curves: list[Curve]
    low: float
    high: float
    log: bool = False
    legend: str = ""

    def svg(self) -> str:
        left, right, top, bottom = self.box
        shapes = [_text(left, top - 9, self.title, "start", ' font-weight="bold"')]
        for value in _ticks(self.low, self.high, self.log):
            (y,) = self._down(np.array([value]))
            shapes.append(_line([(left, y), (right, y)], FAINT, 1))
            shapes.append(_text(left - 5, y + 4, _short(value), "end"))
        for value in _ticks(0, self.end, most=int((right - left) // 45)):
            if value == round(value):
                (x,) = self._across(np.array([value]))
                shapes.append(_line([(x, bottom), (x, bottom + 4)], INK, 1))
                shapes.append(_text(x, bottom + 16, f"{value:g}", "middle"))
        shapes.append(_text(right, bottom + 30, "epoch", "end"))
        shapes.append(_line([(left, top), (left, bottom), (right, bottom)], INK, 1))
        corner = dict(x=left - EDGE, y=top - EDGE)
        size = dict(w=right - left + 2 * EDGE, h=bottom - top + EDGE + 1)
        drawn = "".join(map(self._drawn, self.curves))
        shapes.append(INSIDE.format(**corner, **size, shapes=drawn))
        for row, curve in enumerate(self.curves if self.legend else []):
            y = top + 10 + 16 * row
            if self.legend == "bottom":
                y += bottom - top - 16 * len(self.curves) - 4
            shapes.append(
                _line([(right - 22, y - 4), (right - 2, y - 4)], curve.colour, 2, curve.more)
            )
            shapes.append(_text(right - 27, y, curve.label, "end"))
        return "".join(shapes)

    def _across(self, x: np.ndarray) -> np.ndarray:
        left, right, _, _ = self.box
        return left + (right - left) * np.clip(x / self.end, 0, 1)

    def _down(self, y: np.ndarray) -> np.ndarray:
        _, _, top, bottom = self.box
        low, high = self.low, self.high
        if self.log:
            y, low, high = np.log(np.maximum(y, LEAST)), math.log(low), math.log(high)
        return bottom - (bottom - top) * np.clip((y - low) / (high - low), -FAR, FAR)

    def _drawn(self, curve: Curve) -> str:
        points = np.column_stack([self._across(curve.x), self._down(curve.y)])
        shape = _line(points, curve.colour, curve.width, curve.more)
        marked = points if curve.dots or len(points) == 1 else []
        return shape + "".join(DOT.format(x=x, y=y, r=3.2, colour=curve.colour) for x, y in marked)


def _short(value: float) -> str:
    """'0.5', '1.5e-4'."""
    return (
        f"{value:g}"
        if value == 0 or value >= 1e-3
        else np.format_float_scientific(value, 3, trim="-", exp_digits=1)
    )


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return TEXT.format(x=x, y=y, text=html.escape(text), anchor=anchor, more=more)


def _line(points: Sequence, colour: str, width: float, more: str = "") -> str:
    text = " ".join(map(str, np.round(points, 1).ravel().tolist()))
    return LINE.format(points=text, colour=colour, width=width, more=more)


def _ticks(low: float, high: float, log: bool = False, most: int = 6) -> list[float]:
    """Round numbers from low to high, few of them."""
    if log:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digits in (1, 2, 5), (1, 3), (1,):
            found = [d * 10.0**p for p in powers for d in digits]
            found = [value for value in found if low <= value <= high]
            if len(found) <= most:
                break
        return found
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(d * power for d in (1, 2, 5, 10) if (high - low) / (d * power) <= most)
    first = math.ceil(low / step - 1e-9)
    return [float(f"{n * step:.9g}") for n in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass
class RunFigure(Shown):
    """The figure of a run. svg: its text; alt: what it shows, in words."""

    svg: str
    alt: str

    def image(self) -> str:
        """An HTML element of its own, as a notebook keeps it."""
        return image("svg+xml", self.svg.encode(), self.alt, WIDTH)

    def frame(self) -> str:
        """A part of the page, as it can be exchanged without a flicker."""
        return self.svg.replace(
            "<svg ", f'<svg role="img" aria-label="{html.escape(self.alt)}" ', 1
        )


def training_run(
    history: History,
    data: str = "",
    goal: float | None = None,
    planned: int = 0,
    steps: float = 0,
    accuracy: float = math.nan,
) -> RunFigure:
    """Loss and learning rate of every step and, of classes, the right answers, over epochs.

    With the loss comes its running mean; the right answers are shown whole and from close by.
    data: the name of the data set; goal: an accuracy on the validation data to mark. Of a run that
    is not over: the number of its epochs, steps in an epoch, train accuracy since the last one.
    """
    done = len(history.seconds)
    steps = steps or len(history.loss) / max(1, done)
    end = planned or max(1, done)
    loss, rate, answers = _curves(history, steps, end, accuracy)
    told = [f"{curve.name} {reach(curve.y)}" for curve in (*loss[1:], *rate, *answers)]
    if answers and goal is not None:
        level = np.array([0.0, end]), np.full(2, 100 * goal)
        answers.append(Curve("", f"goal {100 * goal:g}", *level, INK, 1, ' stroke-dasharray="5 4"'))
    values = np.maximum(np.concatenate([curve.y for curve in loss[1:]]), LEAST)
    limits = {
        "Loss (logarithmic)": (loss, values.min() / 3, 1.6 * values.max(), True, "top"),
        "Learning rate": (rate, 0, 1.05 * rate[0].y.max() or 1),
        "Right answers in %": (answers, 0, 100, False, "bottom"),
        "The same, close to 100": (answers, 90 if goal is None else 100 - 300 * (1 - goal), 100),
    }
    left, right = (52, 405 if answers else WIDTH - 14), (466, WIDTH - 14)
    top, bottom = (52 if data else 32, 236), (292, HEIGHT - 40)
    boxes = [(*x, *y) for x in (left, right) for y in (top, bottom)][: 4 if answers else 2]
    panels = [
        Panel(title, box, end, *limit)
        for (title, limit), box in zip(limits.items(), boxes, strict=False)
    ]
    shapes = _text(WIDTH / 2, 20, data, "middle") + "".join(panel.svg() for panel in panels)
    svg = PAGE.format(w=WIDTH, h=HEIGHT, ink=INK, paper=PAPER, shapes=shapes)
    begun = f"{len(history.loss) / steps:.3g} of {end} epochs on {data or 'the data'}"
    return RunFigure(svg, f"A training run, {begun}: {'; '.join(told)}")


def live_training(data: str = "", goal: float | None = None) -> Callable[[Run], None]:
    """A `watch` for training.Run: the figure of training_run(), always with the latest numbers.

    Does nothing where there is no notebook to draw in.
    """
    shown = None

    def watch(run: Run) -> None:
        nonlocal shown
        if get_ipython() is None:
            return
        drawn = training_run(run.history, data, goal, run.planned, run.steps, run.train_accuracy)
        bundle = {
            "text/html": drawn.image() if run.over else drawn.frame(),
            "text/plain": drawn.alt,
        }
        if shown is None:
            shown = display(bundle, raw=True, display_id=True)
        else:
            shown.update(bundle, raw=True)

    return watch


def _curves(history: History, steps: float, end: int, accuracy: float) -> list[list[Curve]]:
    """What was measured of the loss, of the learning rate, of right answers."""
    loss, n = np.array(history.loss), len(history.loss)
    at, ends = (np.arange(n) + 1) / steps, np.arange(len(history.seconds)) + 1.0
    window = max(1, round(steps * end / SMOOTH))
    sums = np.concatenate([np.zeros(window), np.cumsum(loss)])
    mean = (sums[window:] - sums[:-window]) / np.minimum(np.arange(n) + 1, window)
    train_ends, train = ends, 100 * np.array(history.train_accuracy)
    if n > round(steps * len(ends)) and math.isfinite(accuracy):
        train_ends, train = np.append(ends, at[-1]), np.append(train, 100 * accuracy)
    faint, dots = ' stroke-opacity="0.4"', dict(colour=VALIDATION, dots=len(ends) <= DOTS)
    share = "share of right answers in %,"
    panels = [
        [
            Curve("loss", "every step", *_thinned(at, loss), TRAIN, 0.8, faint),
            Curve("running mean of the loss", "running mean", *_thinned(at, mean), TRAIN),
            Curve("validation loss", "validation", ends, np.array(history.validation_loss), **dots),
        ],
        [Curve("learning rate", "", *_thinned(at, np.array(history.lr)), TRAIN)],
        [
            Curve(f"{share} training", "training", train_ends, train, TRAIN),
            Curve(
                f"{share} validation",
                "validation",
                ends,
                100 * np.array(history.validation_accuracy),
                **dots,
            ),
        ],
    ]
    return [[curve for curve in curves if len(curve.y)] for curves in panels]


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of a long curve the lowest and the highest point in every interval: no peak is lost."""
    length = len(x) // POINTS
    if length < 4:
        return x, y
    starts = np.arange(0, len(x) - length + 1, length)
    rows = starts[:, None] + np.arange(length)
    both = np.sort([y[rows].argmin(axis=1), y[rows].argmax(axis=1)], axis=0) + starts
    places = np.append(both.T.ravel(), len(x) - 1)
    return x[places], y[places]
