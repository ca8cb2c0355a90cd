"""Figures of PyTorch's autograd: the graph it records, and what comes of each step."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure

from byhand.plots.graphs import Edge, Node, graph
from byhand.plots.style import OTHERS, PYTORCH, TRAIN, VALIDATION, figure

NARROW = 0.78  # of the usual distance between columns
# the operations of the two-layer net, by the names of their grad_fn without "Backward0", each with
# the leaf that goes into it
FIRST_LAYER = {"Mm": "w1", "Add": "b1", "Relu": None}
SECOND_LAYER = {"Mm": "w2", "Add": "b2", "Sub": "y", "Pow": None, "Sum": None}
RECORDED = ("w1", "b1", "w2", "b2")  # the leaves that want a gradient


def two_layer_graph() -> Figure:
    """What PyTorch records of loss = sum((relu(x w1 + b1) w2 + b2 - y)^2), in two lines."""
    nodes, edges = {}, []
    lines = [("x", FIRST_LAYER, "h"), ("h", SECOND_LAYER, "loss")]
    for row, (start, operations, end) in enumerate(lines):
        at = 2.1 * row
        line = {f"{start} in": Node(start, (0, at), "value" if row else "leaf")}
        for column, (operation, leaf) in enumerate(operations.items(), start=1):
            name = f"{operation} {row}"
            line[name] = Node(operation, (NARROW * column, at), "operation")
            if leaf is not None:
                nodes[leaf] = Node(leaf, (NARROW * column, at + 1), "leaf")
                edges.append(_edge(leaf, name, leaf in RECORDED))
        line[f"{end} out"] = Node(end, (NARROW * (len(operations) + 1), at))
        # nothing flows back into the data
        edges += [_edge(a, b, a != "x in") for a, b in pairwise(line)]
        nodes |= line
    title = "grey: operations, light blue: leaves; gradients (vermilion) flow where they are wanted"
    return graph(nodes, edges, title)


def _edge(start: str, end: str, back: bool) -> Edge:
    return Edge(start, end, "", "" if back else None)


def over_steps(
    curves: Mapping[str, Sequence[float]],
    title: str,
    ylabel: str = "loss",
    log: bool = True,
    over: str = "autograd",
) -> Figure:
    """Numbers over the steps of a training, one curve for each name; at most five.

    over: the name of the curve, if there is one, that is drawn dashed and in the colour of PyTorch
    over the others, so that one sees what lies under it.
    """
    with figure(8, 3.6) as (drawn, axes):
        colours = iter((TRAIN, *OTHERS))
        below = dict(linewidth=4, alpha=0.5) if over in curves else dict(linewidth=1.2)
        for name, values in curves.items():
            steps = np.arange(1, len(values) + 1)
            if name == over:
                look = dict(color=PYTORCH, linestyle=(0, (5, 3)), linewidth=1.6, zorder=3)
            else:
                colour = VALIDATION if name == "validation" else next(colours)
                look = dict(color=colour, **below)
            axes.plot(steps, values, label=name, **look)
        scale = "log" if log else "linear"
        label = f"{ylabel} (logarithmic)" if log else ylabel
        axes.set(xlabel="step", ylabel=label, title=title, yscale=scale)
        axes.legend()
    return drawn
