"""The three matrix products of a linear layer: which row and which column meet in an entry."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from byhand.plots.moving import Movie
from byhand.plots.style import BACKWARD, FAINT, FORWARD, INK, OTHERS, figure

GAP = 0.5  # cells between the factors and the product
SLOPE = r"$\partial\ell/\partial %s$"
ROW, COLUMN = OTHERS[2], OTHERS[1]


class _Product:
    """Two factors and their product, whose upper left corner is at (left, 0)."""

    def __init__(self, axes: Axes, left: float, names: tuple, factors: tuple, product: np.ndarray):
        self.left, self.right = factors
        self.product = product
        self.colour = BACKWARD if "partial" in names[2] else FORWARD
        inner, (rows, columns) = self.left.shape[1], product.shape
        self.left_cells = _grid(axes, self.left, (left - GAP - inner, 0))
        self.right_cells = _grid(axes, self.right, (left, GAP + inner))
        self.cells = _grid(axes, product, (left, 0))
        write = dict(va="center", fontsize=14)
        axes.text(left - GAP - inner / 2, 0.5, names[0], ha="center", **write)
        axes.text(left + columns + 0.2, GAP + inner / 2, names[1], **write)
        axes.text(left + columns + 0.2, -rows / 2, names[2], color=self.colour, **write)
        middle = left + (columns - inner - GAP) / 2
        axes.text(middle, 4.3, names[3], ha="center", fontsize=10)
        self.sum = axes.text(middle, -4, "", ha="center", color=self.colour, fontsize=11)

    def show(self, entry: int) -> None:
        """The product up to an entry, its row and its column coloured; -1 for none."""
        i, j = divmod(entry, self.product.shape[1])
        for (row, _), (cell, _) in self.left_cells.items():
            cell.set_facecolor(ROW if row == i and entry >= 0 else "white")
        for (_, column), (cell, _) in self.right_cells.items():
            cell.set_facecolor(COLUMN if column == j and entry >= 0 else "white")
        for number, (cell, text) in enumerate(self.cells.values()):
            cell.set_facecolor(self.colour if number == entry else FAINT)
            text.set(visible=number <= entry, color="white" if number == entry else INK)
        terms = zip(self.left[i], self.right[:, j], strict=True)
        said = " + ".join(f"{a:g}·{b:g}" for a, b in terms)
        self.sum.set_text(f"{said} = {self.product[i, j]:g}" if entry >= 0 else "")


def three_products(
    x: np.ndarray,
    W: np.ndarray,
    g: np.ndarray,
    y: np.ndarray,
    grad_x: np.ndarray,
    grad_W: np.ndarray,
) -> Movie:
    """What a linear layer multiplies, forwards and backwards, one entry in every frame.

    x: (B, N), W: (M, N) and the upstream gradient g: (B, M), small integers; y, grad_x and
    grad_W: what the layer makes of them. At most three rows and columns each.
    """
    with figure(9, 4) as (drawn, axes):
        axes.set(xlim=(-3, 19.6), ylim=(-4.4, 5), aspect="equal")
        axes.axis("off")
        parts = [
            (0, ("$x$", "$W^T$", "$y$", "forwards: sum over the inputs"), (x, W.T), y),
            (8.3, ("$g$", "$W$", SLOPE % "x", "for $x$: sum over the outputs"), (g, W), grad_x),
            (
                15.2,
                ("$g^T$", "$x$", SLOPE % "W", "for $W$: sum over the samples"),
                (g.T, x),
                grad_W,
            ),
        ]
        panels = [_Product(axes, *part) for part in parts]
    sizes = [panel.product.size for panel in panels]

    def show(frame: int) -> None:
        for panel, start in zip(panels, np.cumsum([0, *sizes]), strict=False):
            panel.show(min(max(frame - start, -1), panel.product.size - 1))

    names = ("y = x Wᵀ", "dl/dx = g W", "dl/dW = gᵀ x")
    results = zip(names, (y, grad_x, grad_W), strict=True)
    told = ", ".join(f"{name} = {np.asarray(value).tolist()}" for name, value in results)
    drawn.words = f"Three products, a row and a column meeting in every entry: {told}"
    return Movie(drawn, show, sum(sizes), pause=700)


def _grid(axes: Axes, values: np.ndarray, corner: tuple[float, float]) -> dict:
    """A square for every entry, downwards from the corner: entry -> (square, its number)."""
    left, top = corner
    drawn = {}
    for (row, column), value in np.ndenumerate(values):
        place = left + column, top - row - 1
        square = axes.add_patch(Rectangle(place, 1, 1, facecolor="white", edgecolor=INK))
        middle = place[0] + 0.5, place[1] + 0.5
        number = axes.text(*middle, f"{value:g}", ha="center", va="center", fontsize=11)
        drawn[row, column] = square, number
    return drawn
