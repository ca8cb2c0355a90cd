"""How every figure looks: one role has one colour throughout, on paper of its own.

The colours are from Okabe and Ito's palette, which colour-blind readers can tell apart.
"""

import base64
import html
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

PAPER, INK, FAINT = "#fbfaf6", "#2b2b2b", "#d9d6cc"
TRAIN = FORWARD = "#0072b2"  # blue: the student's network, what flows forwards
VALIDATION = "#e69f00"  # orange: validation data
PYTORCH = "#009e73"  # green: PyTorch, the oracle
BACKWARD = "#d55e00"  # orange: gradients, what flows backwards
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


LARGEST = 300_000  # characters of an SVG; beyond it a picture is smaller as PNG
SHARP = 2  # pixels of a PNG for every pixel of a page
MOST = 900  # characters of what stands in for a picture
FORMULA = [(r"\\partial\s*", "d"), (r"\\(left|right|mathrm|hat|ell)\b", r"\1"), (r"[$\\{}]", "")]


class Shown:
    """Something that a notebook shows as an image. alt: what it shows, for who cannot see it."""

    alt: str

    def image(self) -> str:
        """The image as an HTML element."""
        raise NotImplementedError

    def _ipython_display_(self) -> None:
        # JupyterLab 4 gives images an alt text only where they are HTML.
        display({"text/html": self.image(), "text/plain": self.alt}, raw=True)


class Picture(Shown, Figure):
    """A figure of matplotlib, sharp at every size."""

    words = ""  # a better text than the one below, if a figure has one

    @property
    def alt(self) -> str:
        """Titles, axes, where curves begin and end, words."""
        return (
            self.words
            or "; ".join(filter(None, [_plain(self.get_suptitle()), *map(_told, self.axes)]))[:MOST]
        )

    def image(self) -> str:
        """SVG or, where that would be large, PNG."""
        file = io.StringIO()
        with plt.rc_context({"svg.hashsalt": "byhand"}):
            self.savefig(file, format="svg", metadata={"Date": None})
        kind, content = "svg+xml", file.getvalue().encode()
        if len(content) > LARGEST:
            kind, png = "png", io.BytesIO()
            self.savefig(png, format="png", dpi=SHARP * self.dpi)
            content = png.getvalue()
        return image(kind, content, self.alt, round(self.get_figwidth() * self.dpi))


def image(kind: str, content: bytes, alt: str, width: int) -> str:
    """An HTML element that needs no other file."""
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return f'<img alt="{html.escape(alt)}" width="{width}" src="{source}">'


def _told(axes: Axes) -> str:
    """The words of a panel, and where its curves begin and end."""
    name, over = (
        axes.get_title(),
        " over ".join(filter(None, (axes.get_ylabel(), axes.get_xlabel()))),
    )
    name += f" ({over})" if over else ""
    curves = []
    for line in axes.get_lines():
        if not line.get_label().startswith("_") and len(set(line.get_xdata())) > 1:
            curves.append(f"{line.get_label()} {reach(line.get_ydata())}")
    words = [text.get_text() for text in axes.texts]
    labels = axes.get_legend_handles_labels()[1]
    words += [label for label in labels if not any(label in curve for curve in curves)]
    return _plain(": ".join(filter(None, [name, ", ".join(filter(None, [*curves, *words]))])))


def reach(values: Sequence[float]) -> str:
    """'from 1 to 2, at most 3': what a curve does, as far as numbers can tell."""
    values = np.asarray(values, float)
    values = values[np.isfinite(values)] + 0.0  # no -0
    if not len(values):
        return "without values"
    (first, last), low, high = values[[0, -1]], values.min(), values.max()
    text = f"from {first:.3g} to {last:.3g}" if first != last else f"at {first:.3g}"
    text += f", at least {low:.3g}" if low < min(first, last) else ""
    return text + (f", at most {high:.3g}" if high > max(first, last) else "")


def _plain(text: str) -> str:
    """Formulas and line breaks as one line of plain text."""
    for pattern, word in FORMULA:
        text = re.sub(pattern, word, text)
    return " ".join(text.split())


@contextmanager
def figure(
    width: float, height: float, columns: int = 1, sharey: bool = False, rows: int = 1, **more: dict
) -> Iterator[tuple[Picture, Axes]]:
    """A figure in the style of the course and its axes (an array of them for several).

    It is closed for pyplot, so that a notebook shows it once: as the result of its cell.
    more: for plt.subplots.
    """
    more.setdefault("layout", "constrained")
    with plt.rc_context(STYLE):
        drawn, axes = plt.subplots(
            rows,
            columns,
            figsize=(width, height),
            sharey=sharey,
            FigureClass=Picture,
            **more,
        )
        plt.close(drawn)
        yield drawn, axes


def logarithmic(axes: Axes) -> None:
    """A logarithmic y axis with plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def count_epochs(*panels: Axes) -> None:
    """Whole numbers along the x axis."""
    for axes in panels:
        axes.xaxis.get_major_locator().set_params(integer=True)


def arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], label: str, colour: str
) -> None:
    """An arrow from start to end in the units of the axes, its label above the middle."""
    look = dict(arrowstyle="-|>", color=colour, linewidth=1.8, shrinkA=0, shrinkB=0)
    axes.annotate("", xy=end, xytext=start, arrowprops=look)
    middle = (np.asarray(start) + end) / 2
    axes.text(middle[0], middle[1] + 0.15, label, ha="center", color=colour, fontsize=12)
