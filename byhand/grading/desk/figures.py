"""The figures of the report."""

from collections.abc import Sequence

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator, PercentFormatter

from byhand.plots.style import FAINT, FORWARD, INK, VALIDATION, Picture, figure

PANELS = 24  # small multiples; of a larger class, as many from the bottom, the middle and the top


def bars(counts: Sequence[tuple[str, int]], mean: float, most: float) -> Markup:
    """How many students have how many points. counts: of each tenth, as distribution() has them."""
    with figure(5.6, 2.5) as (drawn, axes):
        width = most / len(counts)
        centres = [(number + 0.5) * width for number in range(len(counts))]
        axes.bar(centres, [count for _, count in counts], 0.88 * width, color=FORWARD)
        axes.axvline(mean, color=INK, linestyle=":", linewidth=1.4)
        axes.annotate(
            f"mean {mean:.2f}",
            (mean, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-5 if mean > most / 2 else 5, 0),
            textcoords="offset points",
            ha="right" if mean > most / 2 else "left",
            va="bottom",
        )
        axes.set(xlabel="points, after lateness", ylabel="students", xlim=(0, most))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="x", visible=False)
    told = ", ".join(f"{count} from {name}" for name, count in counts if count)
    return _image(drawn, f"Students by points, mean {mean:.2f}: {told or 'nobody'}")


def all_curves(curves: dict[str, list[float]]) -> Markup:
    """The accuracy on the validation data over the epochs, a line for each student."""
    with figure(5.6, 2.8) as (drawn, axes):
        lines = [_points(curve) for curve in curves.values()]
        alpha = max(0.08, min(0.8, 12 / len(lines)))
        axes.add_collection(LineCollection(lines, colors=VALIDATION, alpha=alpha, linewidths=1.4))
        axes.plot(*zip(*(line[-1] for line in lines), strict=True), ".", color=INK, markersize=3)
        axes.set(xlabel="epoch", ylabel="validation accuracy")
        axes.autoscale_view()
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    last = sorted(curve[-1] for curve in curves.values())
    told = f"{len(last)} training runs; they end between {last[0]:.2%} and {last[-1]:.2%}"
    return _image(drawn, f"Accuracy on the validation data over the epochs: {told}")


def panels(curves: dict[str, list[float]]) -> list[tuple[str, Markup]]:
    """Small multiples: a student and a panel each, from the lowest last accuracy to the highest."""
    order = sorted(curves, key=lambda student: (curves[student][-1], student))
    if len(order) > PANELS:
        third, middle = PANELS // 3, len(order) // 2
        order = order[:third] + order[middle - third // 2 :][:third] + order[-third:]
    low = min(min(curves[student]) for student in order)
    longest = max(len(curves[student]) for student in order)
    return [(student, _panel(student, curves[student], low, longest)) for student in order]


def _panel(student: str, curve: list[float], low: float, longest: int) -> Markup:
    with figure(1.7, 1.15) as (drawn, axes):
        axes.plot(*zip(*_points(curve), strict=True), color=VALIDATION, marker=".", markersize=4)
        axes.set(xlim=(0.5, longest + 0.5), ylim=(low - 0.05 * (1.001 - low), 1.001), xticks=[])
        axes.set_yticks([low, 1], [f"{low:.0%}", "100%"], fontsize=7)
        axes.set_title(f"{curve[-1]:.2%}", fontsize=8)
        axes.spines[:].set_color(FAINT)
    told = f"from {curve[0]:.2%} to {curve[-1]:.2%} in {len(curve)} epochs"
    return _image(drawn, f"Accuracy of {student}: {told}")


def _points(curve: list[float]) -> list[tuple[int, float]]:
    return list(enumerate(curve, 1))


def _image(drawn: Picture, words: str) -> Markup:
    drawn.words = words
    with mpl.rc_context({"svg.fonttype": "none"}):
        return Markup(drawn.image())
