"""Drawn graphs: boxes for values and operations, arrows for what flows between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from byhand.plots.style import BACKWARD, FAINT, FORWARD, INK, PAPER, figure

PITCH = np.array([1.75, 1.15])  # inches from one column or row to the next
BOX = np.array([0.82, 0.46])  # inches
APART = 0.06  # inches from the middle of an edge to either of its arrows
FILLS = {"value": "white", "leaf": "#dcebf5", "operation": FAINT}


@dataclass(frozen=True)
class Node:
    """A box of a graph.

    at: its column and row, rows counted downwards, fractions allowed; kind: "value", "leaf" (an
    input or parameter that nothing computes) or "operation".
    """

    text: str
    at: tuple[float, float]
    kind: str = "value"


@dataclass(frozen=True)
class Edge:
    """An arrow from one node to another, and one back, by the nodes' names.

    forward, backward: their labels; where one is None, that arrow is left out.
    """

    start: str
    end: str
    forward: str | None = ""
    backward: str | None = None


def graph(nodes: Mapping[str, Node], edges: Sequence[Edge], title: str) -> Figure:
    """A graph of boxes: blue arrows for what flows forwards, orange for gradients.

    nodes: name -> Node. The figure is as large as the columns and rows need.
    """
    width, height = np.ptp(_corners(nodes), axis=0)
    with figure(width, height + 0.35) as (drawn, axes):
        draw(axes, nodes, edges, title)
    return drawn


def draw(axes: Axes, nodes: Mapping[str, Node], edges: Sequence[Edge], title: str) -> None:
    """The same on axes of one's own, one inch a unit; what was on them goes."""
    axes.clear()
    places = {name: PITCH * (node.at[0], -node.at[1]) for name, node in nodes.items()}
    across, up = _corners(nodes).T
    axes.set(xlim=across, ylim=up, title=title)
    axes.set_aspect("equal")
    axes.axis("off")
    boxes = {name: _box(axes, places[name], node) for name, node in nodes.items()}
    for edge in edges:
        ends, patches = ([d[n] for n in (edge.start, edge.end)] for d in (places, boxes))
        if edge.forward is not None:
            _arrow(axes, ends, patches, edge.forward, FORWARD)
        if edge.backward is not None:
            _arrow(axes, ends[::-1], patches[::-1], edge.backward, BACKWARD)


def _corners(nodes: Mapping[str, Node]) -> np.ndarray:
    """The lower left and the upper right corner of a graph."""
    places = np.array([PITCH * (node.at[0], -node.at[1]) for node in nodes.values()])
    edge = BOX / 2 + 0.25
    return np.array([places.min(axis=0) - edge, places.max(axis=0) + edge])


def chain(layers: Sequence[str], values: Sequence[str], parameters: Mapping[int, str]) -> Figure:
    """The chain rule over layers in a row: values go from left to right, gradients come back.

    values: as formulas such as "x", the input of the first layer and then the output of each,
    the last of them the loss; parameters: number of a layer -> the formula of its parameter.
    """
    loss = values[-1]
    nodes = {"input": Node(f"${values[0]}$", (0, 0), "leaf")}
    nodes |= {f"layer {i}": Node(name, (i + 1, 0), "operation") for i, name in enumerate(layers)}
    nodes["loss"] = Node(f"${loss}$", (len(layers) + 1, 0))
    edges = [
        Edge(start, end, f"${value}$", _slope(loss, value))
        for (start, end), value in zip(pairwise(nodes), values, strict=True)
    ]
    for i, parameter in parameters.items():
        nodes[parameter] = Node(f"${parameter}$", (i + 1, 1), "leaf")
        edges.append(Edge(parameter, f"layer {i}", f"${parameter}$", _slope(loss, parameter)))
    return graph(nodes, edges, "values forwards (blue), gradients backwards (orange)")


def _slope(loss: str, of: str) -> str:
    """The formula of a gradient, '1' for that of the loss itself."""
    return "1" if of == loss else rf"$\partial {loss}/\partial {of}$"


def _box(axes: Axes, place: np.ndarray, node: Node) -> FancyBboxPatch:
    corner, (width, height) = place - BOX / 2, BOX
    shape = "round,pad=0,rounding_size=0.08"
    look = dict(boxstyle=shape, facecolor=FILLS[node.kind], edgecolor=INK, linewidth=1.2)
    axes.text(*place, node.text, ha="center", va="center", fontsize=11, zorder=4)
    return axes.add_patch(FancyBboxPatch(corner, width, height, zorder=3, **look))


def _arrow(
    axes: Axes, ends: Sequence[np.ndarray], boxes: Sequence[FancyBboxPatch], label: str, colour: str
) -> None:
    """An arrow between two boxes, to the left of its way, its label beside it.

    So an arrow and the one back run side by side.
    """
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    left = np.array([-along[1], along[0]])
    start, end = (place + APART * left for place in ends)
    look = dict(arrowstyle="-|>", mutation_scale=12, color=colour, linewidth=1.6)
    clip = dict(patchA=boxes[0], patchB=boxes[1], shrinkA=0, shrinkB=1)
    axes.add_patch(FancyArrowPatch(start, end, **look, **clip))
    across = "center" if abs(left[0]) < 0.3 else "left" if left[0] > 0 else "right"
    up = "center" if abs(left[1]) < 0.3 else "bottom" if left[1] > 0 else "top"
    place = (start + end) / 2 + 0.05 * left
    shade = dict(facecolor=PAPER, edgecolor="none", pad=0.5)
    axes.text(*place, label, color=colour, ha=across, va=up, fontsize=10, zorder=2, bbox=shade)
