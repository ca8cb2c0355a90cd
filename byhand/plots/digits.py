"""Figures of images: samples, what a network gets wrong, what it looks at inside."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from byhand.plots.style import BACKWARD, FORWARD, INK, PAPER, figure

INKED = LinearSegmentedColormap.from_list("inked", [PAPER, INK])
SIGNED = LinearSegmentedColormap.from_list("signed", [FORWARD, "white", BACKWARD])
COUNTED = LinearSegmentedColormap.from_list("counted", [PAPER, BACKWARD])
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


def filters(weight: np.ndarray) -> Figure:
    """The kernels of a convolution for its first input channel; weight: (out, in, kH, kW)."""
    kernels = weight[:, 0]
    title = "Kernels of the first layer: blue below zero, orange above"
    captions = [str(number + 1) for number in range(len(kernels))]
    top = np.abs(kernels).max()
    return _gallery(kernels, captions, columns=8, title=title, look=(SIGNED, -top, top))


def feature_maps(image: np.ndarray, maps: Mapping[str, np.ndarray], data: str) -> Figure:
    """What layers make of one image, (1, H, W), a row for each layer.

    maps: the name of a layer -> its output for the image, (C, H, W), every map in shades of its
    own; data: as in samples().
    """
    widest = max(len(stack) for stack in maps.values())
    height = 1.2 + 0.8 * sum(-(-len(stack) // 8) for stack in maps.values())
    with figure(8, height) as (drawn, axes):
        top = 0.0
        for name, stack in {"the image": image, **maps}.items():
            axes.text(0, top + LINE * 0.8, name, fontsize=9)
            top = _tiles(axes, stack, [], min(widest, 8), top + LINE, (INKED, None, None))
        axes.set_title(f"{data}: one image, and what the layers make of it")
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
        if captions:
            axes.text(x + 0.5, y + 1.06, captions[number], ha="center", va="top", fontsize=9)
    bottom = top + max(1, -(-len(images) // columns)) * step
    axes.set(xlim=(-GAP, columns * (1 + GAP)), ylim=(bottom, -GAP))
    axes.set_aspect("equal")
    axes.axis("off")
    return bottom
