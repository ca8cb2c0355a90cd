"""A convolution at work: on a photograph, window by window, and backwards."""

from collections.abc import Mapping

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from byhand.plots.digits import SIGNED
from byhand.plots.moving import Movie
from byhand.plots.style import BACKWARD, FAINT, FORWARD, INK, figure

CHANNELS = ("red", "green", "blue")
SENT = "#f6d5bd"  # pale BACKWARD: cells that receive something in this frame
GREYS = 16  # a frame has few colours, and the kernel needs some of them
CUT = "#8a8575"


def hand_made_kernels(
    photo: np.ndarray, kernels: Mapping[str, np.ndarray], outputs: np.ndarray
) -> Figure:
    """A photograph and what kernels make of it, each kernel with its numbers below its output.

    photo: (H, W) from 0 to 1; kernels: title -> (k, k); outputs: (len(kernels), H, W). What a
    kernel whose numbers add up to 0 makes is blue below zero and orange above.
    """
    columns = 1 + len(kernels)
    high = 10 / columns * photo.shape[0] / photo.shape[1]
    ratios = dict(height_ratios=[high + 0.2, 1.1])
    with figure(10, high + 1.6, columns, rows=2, gridspec_kw=ratios) as (
        drawn,
        (above, below),
    ):
        above[0].imshow(photo, cmap="gray", vmin=0, vmax=1)
        above[0].set_title("the photograph")
        below[0].axis("off")
        for axes, small, (title, kernel), output in zip(
            above[1:], below[1:], kernels.items(), outputs, strict=True
        ):
            signed = abs(kernel.sum()) < 1e-6
            top = np.quantile(abs(output), 0.995) if signed else 1
            look = dict(cmap=SIGNED, vmin=-top) if signed else dict(cmap="gray", vmin=0)
            axes.imshow(output, vmax=top, **look)
            axes.set_title(title)
            _numbers(small, kernel)
        for axes in (*above, *below[1:]):
            _bare(axes)
    told = "; ".join(f"{title} {kernel.round(2).tolist()}" for title, kernel in kernels.items())
    drawn.words = f"A photograph and the outputs of hand-made kernels: {told}"
    return drawn


def window_slides(image: np.ndarray, weight: np.ndarray, outputs: np.ndarray) -> Movie:
    """A kernel moves over a colour image, and the matrix of all windows fills up beside it.

    image: (3, H, W) from 0 to 1; weight: (3, k, k); outputs: (H - k + 1, W - k + 1), what the
    convolution makes of it. One output in every frame; its window is one column of the matrix.
    """
    k, columns = weight.shape[1], outputs.shape[1]
    windows = np.lib.stride_tricks.sliding_window_view(image, (k, k), axis=(1, 2))
    matrix = windows.transpose(0, 3, 4, 1, 2).reshape(weight.size, -1)
    places = "\n".join(["aaabbbcccooo", "dddeeefffsss", "wmmmmmmmmmmm", ".nnnnnnnnnnn"])
    top = abs(outputs).max()
    greys = dict(cmap=colormaps["gray"].resampled(GREYS), vmin=0, vmax=1)
    with figure(9, 7) as (drawn, blank):
        blank.remove()
        axes = drawn.subplot_mosaic(places, height_ratios=[1.6, 1.1, 1.8, 0.12])
        drawn.get_layout_engine().set(h_pad=0.05, w_pad=0.04)
        for panel in axes.values():
            _bare(panel)
        moving = [axes["o"].add_patch(_frame(1))]
        for name, colour, channel in zip("abc", CHANNELS, image, strict=True):
            axes[name].imshow(channel, **greys)
            axes[name].set_title(f"image, {colour} channel")
            moving.append(axes[name].add_patch(_frame(k)))
        for name, kernel in zip("def", weight, strict=True):
            _numbers(axes[name], kernel)
        sums = [axes[name].set_xlabel("", color=FORWARD, fontsize=11) for name in "def"]
        axes["o"].set_title("output so far")
        filled = axes["o"].imshow(outputs, cmap=SIGNED, vmin=-top, vmax=top)
        total = axes["s"].text(0.5, 0.5, "", ha="center", va="center", fontsize=12, color=FORWARD)
        most = abs(weight).max()
        look = dict(cmap=SIGNED, vmin=-most, vmax=most, aspect="auto")
        axes["w"].imshow(weight.reshape(-1, 1), **look)
        axes["w"].set_title("w")
        axes["m"].imshow(matrix, aspect="auto", **greys)
        size = f"{matrix.shape[0]} rows, {outputs.size} columns"
        axes["m"].set_title(f"the matrix of all windows, one a column: {size}")
        axes["n"].set_xlabel("the output as one row: w times each column, added up")
        row = axes["n"].imshow(outputs.reshape(1, -1), cmap=SIGNED, vmin=-top, vmax=top)
        row.axes.set_aspect("auto")
        column = axes["m"].add_patch(_frame(1))
        column.set_height(len(matrix))
        below = axes["n"].add_patch(_frame(1))

    def show(frame: int) -> None:
        r, q = divmod(frame, columns)
        for patch in moving:
            patch.set_xy((q - 0.5, r - 0.5))
        for patch in (column, below):
            patch.set_xy((frame - 0.5, -0.5))
        so_far = np.where(np.arange(outputs.size) <= frame, outputs.ravel(), np.nan)
        filled.set_data(so_far.reshape(outputs.shape))
        row.set_data(so_far.reshape(1, -1))
        parts = (weight * windows[:, r, q]).sum(axis=(1, 2))
        for label, part in zip(sums, parts, strict=True):
            label.set_text(f"{k * k} products: {part:+.2f}")
        total.set_text(f"sum of {weight.size}\nproducts:\n{outputs[r, q]:+.2f}")

    drawn.words = (
        f"A {k} by {k} kernel for three channels moves over an image; each of its "
        f"{outputs.size} windows is one column of a matrix, and gives one output: "
        f"{outputs.round(2).tolist()}"
    )
    return Movie(drawn, show, outputs.size, pause=500)


def _frame(size: float) -> Rectangle:
    """A frame around entries of an image, seen whole at its border too."""
    look = dict(fill=False, edgecolor=FORWARD, linewidth=3, clip_on=False, zorder=4)
    return Rectangle((-0.5, -0.5), size, size, **look)


def _bare(axes: Axes) -> None:
    """No ticks, no grid, no lines around it."""
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)


def _numbers(axes: Axes, kernel: np.ndarray) -> None:
    """A kernel as coloured squares with its numbers."""
    top = max(abs(kernel).max(), 1e-9)
    axes.imshow(kernel, cmap=SIGNED, vmin=-top, vmax=top)
    for (row, column), value in np.ndenumerate(kernel):
        ink = "white" if abs(value) > 0.6 * top else INK
        axes.text(column, row, f"{value:.2g}", ha="center", va="center", fontsize=9, color=ink)


class _Cells:
    """A grid of numbers whose colours and numbers can change; its upper left corner is given."""

    def __init__(self, axes: Axes, shape: tuple[int, int], left: float, top: float, title: str):
        self.squares, self.texts = {}, {}
        for place in np.ndindex(shape):
            x, y = left + place[1], top + place[0]
            square = Rectangle((x, y), 1, 1, facecolor="white", edgecolor=INK, linewidth=0.8)
            self.squares[place] = axes.add_patch(square)
            self.texts[place] = axes.text(x + 0.5, y + 0.5, "", ha="center", va="center")
        self.title = axes.text(left + shape[1] / 2, top - 0.25, title, ha="center", fontsize=11)

    def show(self, values: np.ndarray, marked: dict, back: dict | None = None) -> None:
        """values: (rows, columns); marked: place -> colour; back: colours under those."""
        for place, square in self.squares.items():
            colour = marked.get(place, (back or {}).get(place, "white"))
            square.set_facecolor(colour)
            dark = colour in (BACKWARD, FORWARD)
            self.texts[place].set(text=f"{values[place]:g}", color="white" if dark else INK)


def scatter(g: np.ndarray, weight: np.ndarray, padding: int) -> Movie:
    """The gradient for x of a convolution with stride 1, one entry of g after the other.

    g: (rows, columns), the upstream gradient; weight: (k, k). Each entry sends its product with
    the kernel to the window that it came from; where windows overlap, the shares add up. In the
    last frame the border is cut off.
    """
    k, inside = len(weight), slice(padding, -padding if padding else None)
    whole = np.zeros(np.add(g.shape, k - 1), np.result_type(g, weight))
    steps = []
    for r, q in np.ndindex(g.shape):
        whole[r : r + k, q : q + k] += g[r, q] * weight
        steps.append(whole.copy())
    border = dict.fromkeys(np.ndindex(whole.shape), FAINT)
    for place in np.ndindex(whole[inside, inside].shape):
        border.pop(tuple(np.add(place, padding)))
    width, height = g.shape[1] + 2 * k + whole.shape[1] + 3.6, max(whole.shape)
    with figure(9, 9 * (height + 2) / width) as (drawn, axes):
        top = [(height - size) / 2 for size in (len(g), k, k, len(whole))]
        left = np.cumsum([0, g.shape[1] + 1.2, k + 1.2, k + 1.2])
        names = ["$g$", "kernel $w$", "entry times $w$", r"gradient for $\bar x$ so far"]
        sizes = (g.shape, weight.shape, weight.shape, whole.shape)
        grids = [_Cells(axes, *part) for part in zip(sizes, left, top, names, strict=True)]
        said = axes.text(width / 2, height + 0.75, "", ha="center", fontsize=11, color=BACKWARD)
        axes.set(xlim=(-0.1, width + 0.1), ylim=(height + 1, -1), aspect="equal")
        axes.axis("off")

    def show(frame: int) -> None:
        last = frame == g.size
        r, q = divmod(min(frame, g.size - 1), g.shape[1])
        window = [(r + i, q + j) for i, j in np.ndindex(weight.shape)]
        grids[0].show(g, {} if last else {(r, q): BACKWARD})
        grids[1].show(weight, {})
        sent = 0 * weight if last else g[r, q] * weight
        grids[2].show(sent, {} if last else dict.fromkeys(np.ndindex(weight.shape), SENT))
        now = dict.fromkeys([] if last else window, SENT)
        grids[3].show(steps[min(frame, g.size - 1)], now, border)
        for part in (*grids[2].texts.values(), *grids[2].squares.values(), grids[2].title):
            part.set_visible(not last)
        for place, text in grids[3].texts.items():
            if last:
                text.set_color(CUT if place in border else INK)
                square = grids[3].squares[place]
                square.set_facecolor(FAINT if place in border else SENT)
        said.set_text(
            "the border is cut off: what is left is the gradient for $x$"
            if last
            else f"entry {g[r, q]:g} times the kernel goes back to the window that made it"
        )

    result = whole[inside, inside]
    drawn.words = (
        f"The upstream gradient {g.tolist()} goes back through the kernel {weight.tolist()}, one "
        f"entry at a time; without its border the sum is {result.tolist()}"
    )
    return Movie(drawn, show, g.size + 1, pause=900)
