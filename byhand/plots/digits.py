"""Figures of images: samples, what a network gets wrong, what it looks at inside."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from byhand.plots.style import BACKWARD, FORWARD, INK, PAPER, figure

INKED = LinearSegmentedColormap.from_list("inked", [PAPER, INK])
SIGNED = LinearSegmentedColormap.from_list("signed", [FORWARD, "white", BACKWARD])
COUNTED = LinearSegmentedColormap.from_list("counted", [PAPER, BACKWARD])
EDGE = "#b5b1a4"
COVERED = 4  # images in a figure of what is covered
OFTEN = 8  # kinds of mistakes that are named
GAP = 0.12  # between tiles, in widths of a tile
LINE = 0.25  # the height of a line of words, in widths of a tile


def samples(images: np.ndarray, labels: np.ndarray, data: str) -> Figure:
    """Images with their labels, ten a row; images: (n, 1, H, W), labels: (n,).

    data: the name of the data set, for the title.
    """
    captions = [str(label) for label in labels]
    return _gallery(images[:, 0], captions, columns=10, title=f"{data}: images and their labels")


def mistakes_made(
    images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, data: str, most: int = 16
) -> Figure:
    """The wrong answers that were given with the highest probability, the highest first.

    images: (n, 1, H, W); labels: (n,); probabilities: (n, classes); data: as in samples().
    """
    answers, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(answers != labels)
    shown = wrong[np.argsort(-sure[wrong])][:most]
    captions = [f"{labels[i]}, not {answers[i]}\n{sure[i]:.1%} sure" for i in shown]
    many = "mistake" if len(wrong) == 1 else "mistakes"
    title = f"{data}: the most confident of {len(wrong)} {many}, label first"
    return _gallery(images[shown, 0], captions, columns=8, title=title)


def confusion(labels: np.ndarray, answers: np.ndarray, data: str) -> Figure:
    """How often a digit (row) was taken for which (column); labels, answers: (n,) class numbers."""
    classes = int(max(labels.max(), answers.max())) + 1
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (labels, answers), 1)
    wrong = counts * ~np.eye(classes, dtype=bool)
    with figure(5.6, 5.4) as (drawn, axes):
        axes.imshow(wrong, cmap=COUNTED, vmin=0, vmax=max(1, wrong.max()) * 1.4)
        for (row, column), count in np.ndenumerate(counts):
            if count:
                weight = "normal" if row == column else "bold"
                axes.text(column, row, count, ha="center", va="center", fontsize=8, weight=weight)
        right = f"{len(labels) - wrong.sum():,} of {len(labels):,} right"
        axes.set(xlabel="the network's answer", ylabel="label", title=f"{data}\n{right}")
        axes.set(xticks=range(classes), yticks=range(classes))
        axes.grid(False)
    pairs = np.argwhere(wrong > 0)
    often = sorted(map(tuple, pairs), key=lambda pair: -wrong[pair])[:OFTEN]
    taken = ", ".join(f"{label} for {answer} ({wrong[label, answer]})" for label, answer in often)
    drawn.words = f"{data}: {right}; taken most often: {taken or 'nothing for anything else'}"
    return drawn


def filters(kernels: Mapping[str, np.ndarray]) -> Figure:
    """Kernels of a convolution for its first input channel, a row of tiles for each title.

    kernels: title -> weight, (out, in, kH, kW). All are in the same shades: blue below zero, white
    at zero, orange above.
    """
    first = {title: weight[:, 0] for title, weight in kernels.items()}
    top = max(np.abs(stack).max() for stack in first.values())
    title = "Kernels of the first layer: blue below zero, orange above"
    drawn = _rows({name: (stack, top) for name, stack in first.items()}, title)
    drawn.words = "; ".join(
        f"{name}: {len(stack)} kernels from {stack.min():.2f} to {stack.max():.2f}"
        for name, stack in first.items()
    )
    return drawn


def feature_maps(image: np.ndarray, maps: Mapping[str, np.ndarray], data: str) -> Figure:
    """What layers make of one image, (1, H, W), a row for each layer, numbered like its kernels.

    maps: the name of a layer -> its output for the image, (C, H, W): blue below zero, orange
    above, in the same shades within a layer; data: as in samples().
    """
    rows = {"the image": (image, None)}
    rows |= {name: (stack, np.abs(stack).max() or 1) for name, stack in maps.items()}
    return _rows(rows, f"{data}: one image, and what the layers make of it")


def occlusion(
    images: np.ndarray, labels: np.ndarray, answers: np.ndarray, maps: np.ndarray, data: str
) -> Figure:
    """Images that were misread, and how sure of the label a network is when a part is covered.

    images: (n, 1, H, W), at most four; labels, answers: (n,); maps: (n, rows, columns), the
    probability of the label with a patch around that place covered; data: as in samples().
    """
    with figure(9, 3.3, COVERED) as (drawn, all_axes):
        drawn.suptitle(f"{data}: where covering a part makes the label likely")
        for axes in all_axes[len(images) :]:
            axes.axis("off")
        for axes, image, label, answer, places in zip(
            all_axes, images[:, 0], labels, answers, maps, strict=False
        ):
            edges = (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)
            axes.imshow(image, cmap=INKED, vmin=0, vmax=1)
            shades = np.broadcast_to(to_rgba(BACKWARD), (*places.shape, 4)).copy()
            shades[..., 3] = 0.85 * places
            axes.imshow(shades, extent=edges, zorder=2)
            axes.set_title(f"{label}, read as {answer}")
            axes.set_xlabel(f"at most {places.max():.0%} for {label}", fontsize=9)
            axes.set(xticks=[], yticks=[])
            axes.grid(False)
            axes.spines[:].set_visible(False)
        scale = ScalarMappable(cmap=COUNTED)
        bar = drawn.colorbar(scale, ax=all_axes, fraction=0.02, pad=0.01)
        bar.set_label("probability of the label", fontsize=9)
        bar.outline.set_visible(False)
    pairs = zip(labels, answers, maps, strict=True)
    told = ", ".join(f"{one} read as {two} (at most {p.max():.0%})" for one, two, p in pairs)
    drawn.words = f"{data}: images with the probability of the label when a part is covered: {told}"
    return drawn


def _rows(rows: Mapping[str, tuple[np.ndarray, float | None]], title: str) -> Figure:
    """Numbered tiles in rows of eight under a name each.

    rows: name -> (images, the value of the strongest orange, or None for an image in ink).
    """
    widest = min(8, max(len(stack) for stack, _ in rows.values()))
    lines = sum(-(-len(stack) // 8) for stack, _ in rows.values())
    size = 8 / (8 * (1 + GAP)) * (1 + GAP + LINE)
    with figure(8, 0.4 + size * lines + 0.3 * len(rows)) as (drawn, axes):
        top = 0.0
        for name, (stack, most) in rows.items():
            axes.text(0, top + LINE * 0.75, name, fontsize=10)
            look = (INKED, 0, 1) if most is None else (SIGNED, -most, most)
            captions = [] if most is None else [str(n + 1) for n in range(len(stack))]
            top = _tiles(axes, stack, captions, widest, top + LINE, look)
        axes.set_title(title)
    return drawn


def _gallery(
    images: np.ndarray,
    captions: Sequence[str],
    columns: int,
    title: str,
    look: tuple = (INKED, 0, 1),
) -> Figure:
    """Images with captions and nothing else; look: colours, their lowest and highest value."""
    rows = max(1, -(-len(images) // columns))
    lines = max((1 + caption.count("\n") for caption in captions), default=1)
    tile = 8 / (columns * (1 + GAP) + GAP)  # inches
    with figure(8, 0.5 + rows * tile * (1 + GAP + LINE * lines)) as (drawn, axes):
        _tiles(axes, images, captions, columns, 0.0, look)
        axes.set_title(title)
    return drawn


def _tiles(
    axes: Axes, images: np.ndarray, captions: Sequence[str], columns: int, top: float, look: tuple
) -> float:
    """Images from `top` downwards, a caption under each; returns where the next may begin."""
    colours, low, high = look
    lines = max((1 + caption.count("\n") for caption in captions), default=0)
    step = 1 + GAP + LINE * lines
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        x, y = column * (1 + GAP), top + row * step
        extent = (x, x + 1, y + 1, y)
        axes.imshow(image, cmap=colours, vmin=low, vmax=high, extent=extent)
        if colours is SIGNED:  # a white tile would have no border on light paper
            axes.add_patch(Rectangle((x, y), 1, 1, fill=False, edgecolor=EDGE, linewidth=0.8))
        if captions:
            axes.text(x + 0.5, y + 1.06, captions[number], ha="center", va="top", fontsize=9)
    bottom = top + max(1, -(-len(images) // columns)) * step
    axes.set(xlim=(-GAP, columns * (1 + GAP)), ylim=(bottom, -GAP))
    axes.set_aspect("equal")
    axes.axis("off")
    return bottom
