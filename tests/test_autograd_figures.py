"""The drawn graph is PyTorch's own, and curves over steps show what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import same_color
from matplotlib.patches import FancyArrowPatch

from byhand import plots
from byhand.plots import style
from byhand.plots.autograd import FIRST_LAYER, RECORDED, SECOND_LAYER, STEPS


def recorded_operations() -> list[str]:
    """The names of the operations that PyTorch records of the two-layer net, first to last."""
    shapes = dict(w1=(3, 2), b1=(2,), w2=(2, 1), b2=(1,))
    w1, b1, w2, b2 = (torch.randn(shape, requires_grad=True) for shape in shapes.values())
    out = torch.relu(torch.randn(4, 3) @ w1 + b1) @ w2 + b2
    node, names = ((out - torch.randn(4, 1)) ** 2).sum().grad_fn, []
    while node.next_functions:
        names.append(node.name().removesuffix("Backward0"))
        node = next(way for way, _ in node.next_functions if way is not None)
    return names[::-1]


def test_the_graph_has_the_operations_that_pytorch_records():
    operations = [*FIRST_LAYER, *SECOND_LAYER]
    assert recorded_operations() == operations
    drawn = [text.get_text() for text in plots.two_layer_graph().findobj(plt.Text)]
    for name in {*operations, "x", "t", "h", "loss", *RECORDED}:
        assert drawn.count(name) == max(1, operations.count(name) + 2 * (name == "h"))


def test_gradients_flow_back_everywhere_but_into_the_data():
    arrows = plots.two_layer_graph().findobj(FancyArrowPatch)
    forward = [a for a in arrows if same_color(a.get_edgecolor(), style.FORWARD)]
    backward = [a for a in arrows if same_color(a.get_edgecolor(), style.BACKWARD)]
    assert len(forward) - len(backward) == len(["x", "t"])

    def ends(arrow: FancyArrowPatch) -> np.ndarray:
        return np.round(arrow._posA_posB, 0)

    back = {tuple(map(tuple, ends(a)[::-1])) for a in backward}
    assert back <= {tuple(map(tuple, ends(a))) for a in forward}


def test_curves_over_steps_begin_at_step_one_and_autograds_lies_on_top():
    [axes] = plots.over_steps({"autograd": [3, 2], "yours": [4, 2]}, "t", "error", log=False).axes
    autograd, yours = axes.get_lines()
    np.testing.assert_array_equal(yours.get_xydata(), [[1, 4], [2, 2]])
    assert same_color(autograd.get_color(), style.PYTORCH)
    assert same_color(yours.get_color(), style.TRAIN)
    assert autograd.get_zorder() > yours.get_zorder()
    assert autograd.get_linestyle() != yours.get_linestyle()
    assert autograd.get_linewidth() < yours.get_linewidth()
    assert axes.get_ylabel() == "error"
    assert axes.get_yscale() == "linear"


def test_curves_over_steps_are_logarithmic_and_say_so():
    [axes] = plots.over_steps({"float64": [1e-12, 1e-13], "float32": [1e-6, 1e-7]}, "t").axes
    assert axes.get_yscale() == "log"
    assert "logarithmic" in axes.get_ylabel()
    colours = [line.get_color() for line in axes.get_lines()]
    assert not same_color(*colours)


def labels(figure: plt.Figure, colour: str) -> list[str]:
    """What stands beside the arrows of this colour."""
    return [t.get_text() for t in figure.axes[0].texts if same_color(t.get_color(), colour)]


def test_the_graph_with_numbers_is_stepped_backwards():
    names = ["x", "t", "loss", *STEPS]
    values = {name: [[number]] for number, name in enumerate(names)}
    gradients = {name: [[number + 0.5, -0.0]] for number, name in enumerate(names[3:])}
    movie = plots.backward_steps(values, gradients)
    assert movie.frames == 1 + len(STEPS)
    for frame in range(movie.frames):
        drawn = movie.still(frame)
        assert sorted(labels(drawn, style.FORWARD)) == sorted(map(str, range(len(names))))
        known = [f"{number + 0.5:g}  0" for number in range(frame)]
        assert sorted(labels(drawn, style.BACKWARD)) == sorted(["1", *known])
    assert f"the gradient for {STEPS[-1]} is 6.5  0" in drawn.axes[0].get_title()


def test_the_hinges_add_up_to_the_output():
    x, t = np.array([[-1.0, 7.0], [3.0, 7.0]]), np.array([[1.0], [2.0]])
    first = [np.zeros((2, 2)), np.zeros(2), np.zeros((2, 1)), np.zeros(1)]
    last = [
        torch.tensor([[1.0, -1.0], [0.0, 0.0]]),
        torch.tensor([0.0, 2.0]),
        torch.tensor([[3.0], [1.0]]),
        torch.tensor([0.5]),
    ]
    movie = plots.hinges(x, t, {"buggy": [first, first], "fixed": [first, last]}, [0, 10])
    buggy, fixed = movie.still().axes
    one, two, output = (line.get_ydata() for line in fixed.get_lines())
    np.testing.assert_allclose([one[0], one[-1], two[0], two[-1]], [0, 9, 3, 0])
    np.testing.assert_allclose(output, one + two + 0.5)
    assert "fixed, after 10 steps: loss" in fixed.get_title()
    assert f"loss {2.5**2 + 7.5**2:.4g}" in fixed.get_title()
    assert not buggy.get_lines()[2].get_ydata().any()
    assert not movie.still(0).axes[1].get_lines()[2].get_ydata().any()
