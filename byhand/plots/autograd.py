"""Figures of PyTorch's autograd: the graph it records, and what comes of each step."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from byhand.plots.graphs import PITCH, Edge, Node, draw, graph
from byhand.plots.moving import Movie
from byhand.plots.style import BACKWARD, INK, OTHERS, PYTORCH, TRAIN, VALIDATION, figure

Numbers = Any  # an array, or what np.asarray() takes, tensors included
WIDE, TALL = 1.15, 1.35  # times the usual distances, where arrows carry numbers
FORWARDS = "forwards; the gradient of the loss for itself is 1"
HINGES = (INK, OTHERS[1])
NARROW = 0.78  # of the usual distance between columns
# the operations of the two-layer net, by the names of their grad_fn without "Backward0", each with
# the leaf that goes into it
FIRST_LAYER = {"Mm": "w1", "Add": "b1", "Relu": None}
SECOND_LAYER = {"Mm": "w2", "Add": "b2", "Sub": "t", "Pow": None, "Sum": None}
STEPS = ("y", "w2", "b2", "h", "z", "w1", "b1")  # the order in which gradients are found
RECORDED = ("w1", "b1", "w2", "b2")  # the leaves that require a gradient


def two_layer_graph() -> Figure:
    """What PyTorch records of loss = sum((relu(x w1 + b1) w2 + b2 - t)^2), in two lines."""
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
        # no gradient flows back into the data
        edges += [_edge(a, b, a != "x in") for a, b in pairwise(line)]
        nodes |= line
    title = "grey: operations, light blue: leaves; gradients (orange) flow where they are required"
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


def backward_steps(values: Mapping[str, Numbers], gradients: Mapping[str, Numbers]) -> Movie:
    """The two-layer net with numbers on its arrows, the gradients step by step from the loss back.

    values: name -> numbers, of x, w1, b1, z, h, w2, b2, y, t and loss; gradients: the same for
    what the loss is differentiated by, all of these but x, t and loss.
    """
    middle = ["layer 1", "ReLU", "layer 2", "error"]
    nodes = {"x": Node("x", (0, 0), "leaf")}
    nodes |= {n: Node(n, (WIDE * i, 0), "operation") for i, n in enumerate(middle, start=1)}
    nodes["loss"] = Node("loss", (WIDE * (len(middle) + 1), 0))
    flows = dict(zip(("x", "z", "h", "y", "loss"), pairwise(nodes), strict=True))
    leaves = {"w1": (1, -1), "b1": (1, 1), "w2": (3, -1), "b2": (3, 1), "t": (4, 1)}
    for name, (column, row) in leaves.items():
        nodes[name] = Node(name, (WIDE * column, TALL * row), "leaf")
        flows[name] = (name, middle[column - 1])

    def edges(seen: Sequence[str]) -> list[Edge]:
        back = {name: _written(gradients[name]) for name in seen} | {"loss": "1"}
        return [Edge(*ends, _written(values[name]), back.get(name)) for name, ends in flows.items()]

    def show(frame: int) -> None:
        now = STEPS[frame - 1] if frame else "loss"
        what = f"the gradient for {now} is {_written(gradients[now])}" if frame else FORWARDS
        draw(axes, nodes, edges(STEPS[:frame]), f"Step {frame}: {what}".replace("\n", " "))
        start, end = (PITCH * nodes[n].at * (1, -1) for n in flows[now])
        axes.plot(*zip(start, end, strict=True), color=BACKWARD, alpha=0.25, linewidth=16, zorder=1)

    width, height = WIDE * (len(middle) + 1) * PITCH[0] + 1.4, 2 * TALL * PITCH[1] + 1.4
    with figure(width, height) as (drawn, axes):
        return Movie(drawn, show, len(STEPS) + 1, pause=1500)


def _written(numbers: Numbers) -> str:
    """'3 -1': a row of numbers, or one a line."""
    rows = np.atleast_2d(np.asarray(numbers) + 0.0)  # no -0
    return "\n".join("  ".join(f"{number:g}" for number in row) for row in rows)


def hinges(
    x: Numbers, t: Numbers, runs: Mapping[str, Sequence[Sequence[Numbers]]], moments: Sequence[int]
) -> Movie:
    """Training of the two-layer net, seen: samples, output and hidden units over the first input.

    x: (B, N), t: (B, 1); runs: name -> for each of the moments (numbers of steps) the parameters
    w1 (N, H), b1 (H,), w2 (H, 1) and b2 (1,). The other inputs are 0 in the curves.
    """
    x, t = np.asarray(x), np.asarray(t)
    at = np.linspace(x[:, 0].min(), x[:, 0].max(), 200)

    def show(frame: int) -> None:
        for axes, (name, kept) in zip(panels, runs.items(), strict=True):
            w1, b1, w2, b2 = (np.asarray(parameter) for parameter in kept[frame])
            units = np.maximum(np.outer(at, w1[0]) + b1, 0) * w2[:, 0]
            y = np.maximum(x @ w1 + b1, 0) @ w2 + b2
            axes.clear()
            axes.scatter(x[:, 0], t, s=14, color=OTHERS[3], label="samples")
            for number, colour in zip(range(units.shape[1]), HINGES, strict=False):
                look = dict(color=colour, linestyle=(0, (4, 2)), label=f"hidden unit {number + 1}")
                axes.plot(at, units[:, number], **look)
            axes.plot(at, units.sum(axis=1) + b2, color=TRAIN, linewidth=2.6, label="output")
            axes.set(ylim=limits, xlabel="first input", ylabel="target, output")
            loss = ((y - t) ** 2).sum()
            axes.set_title(f"{name}, after {moments[frame]} steps: loss {loss:.4g}")
            axes.legend(loc="upper right", fontsize=9, frameon=False)

    limits = (min(-2.0, t.min() - 0.5), t.max() + 0.5)
    with figure(4.6 * len(runs) + 0.6, 3.6, columns=len(runs)) as (drawn, axes):
        panels = np.atleast_1d(axes)
        return Movie(drawn, show, len(moments), pause=500)
