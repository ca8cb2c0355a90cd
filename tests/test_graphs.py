"""The drawn graphs, and the figures of one number over another, show what they are given."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import same_color
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from byhand import plots
from byhand.plots import style
from byhand.plots.graphs import Edge, Node

NODES = {"x": Node("$x$", (0, 0), "leaf"), "f": Node("sin", (1, 0), "operation")}
STEPS = np.array([1e-1, 1e-5, 1e-9])


def words(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(plt.Text)]


def arrows(figure) -> list[FancyArrowPatch]:
    return figure.findobj(FancyArrowPatch)


def way(arrow: FancyArrowPatch) -> float:
    """How far an arrow goes to the right."""
    (start, _), (end, _) = arrow._posA_posB
    return end - start


def test_every_node_is_a_box_with_its_text():
    figure = plots.graph(NODES, [], "a title")
    assert len(figure.findobj(FancyBboxPatch)) == 2
    assert {"$x$", "sin", "a title"} <= set(words(figure))
    assert not arrows(figure)


def test_what_flows_forwards_is_blue_and_gradients_come_back_in_orange():
    forward, backward = arrows(plots.graph(NODES, [Edge("x", "f", "x", "dx")], "t"))
    assert same_color(forward.get_edgecolor(), style.FORWARD)
    assert same_color(backward.get_edgecolor(), style.BACKWARD)
    assert way(forward) > 0 > way(backward)


def test_the_two_arrows_of_an_edge_lie_apart():
    forward, backward = arrows(plots.graph(NODES, [Edge("x", "f", "x", "dx")], "t"))
    above, below = forward._posA_posB[0][1], backward._posA_posB[0][1]
    assert above > below


def test_an_arrow_without_a_label_is_left_out():
    assert len(arrows(plots.graph(NODES, [Edge("x", "f", "x")], "t"))) == 1
    (backward,) = arrows(plots.graph(NODES, [Edge("x", "f", None, "")], "t"))
    assert same_color(backward.get_edgecolor(), style.BACKWARD)


def test_the_figure_grows_with_the_graph():
    wide = {"x": Node("$x$", (0, 0)), "y": Node("$y$", (5, 2))}
    small, large = (plots.graph(nodes, [], "t").get_size_inches() for nodes in (NODES, wide))
    assert (large > small).all()


def test_a_chain_names_every_value_and_its_gradient():
    text = words(plots.chain(["Linear", "mse"], ["x", "y", r"\ell"], {0: "W"}))
    for value in ("x", "y", "W"):
        assert f"${value}$" in text
        assert rf"$\partial \ell/\partial {value}$" in text
    assert {"Linear", "mse", r"$\ell$", "1"} <= set(text)


def test_an_error_of_zero_is_left_out_of_a_logarithmic_axis():
    figure = plots.step_errors({"central": [1e-2, 0.0, 1e-7]}, STEPS, chosen=1e-5)
    curve, chosen = figure.axes[0].get_lines()
    np.testing.assert_array_equal(curve.get_ydata(), [1e-2, np.nan, 1e-7])
    assert set(chosen.get_xdata()) == {1e-5}
    assert figure.axes[0].get_xscale() == figure.axes[0].get_yscale() == "log"
