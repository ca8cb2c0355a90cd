"""Parts of a layer with points of their own, loops where they are allowed, draws for images."""

import numpy as np
import pytest
import torch

from byhand import check
from byhand.check.compare import compare
from byhand.check.random_inputs import Draw
from byhand.nn import Module


class Scale(Module):
    """y = weight · x, right in every way."""

    def __init__(self):
        super().__init__()
        self.weight, self.grad_weight = np.ones(4), np.zeros(4)

    def compute_output(self, x):
        return self.weight * x

    def compute_grad_input(self, x, grad_output):
        return self.weight * grad_output

    def update_grad_parameters(self, x, grad_output):
        self.grad_weight += (grad_output * x).sum(axis=0)


class Twin(torch.nn.Module):
    """PyTorch's side of Scale."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(4))

    def forward(self, x):
        return self.weight * x


def scale_with(**methods):
    return type("Scale", (Scale,), {"__module__": __name__, **methods})


def broken(self, *args):
    raise RuntimeError("no")


def doubled(self, x):
    return 2 * self.weight * x


class Looped(Scale):
    """Scale with a loop over the samples."""

    def compute_output(self, x):
        return np.array([self.weight * row for row in x])


PARTS = {
    "output": "compute_output",
    "grad_input": "compute_grad_input",
    "grad_parameters": "update_grad_parameters",
}


@pytest.mark.parametrize("look", PARTS)
@pytest.mark.parametrize("method", [PARTS["grad_input"], PARTS["grad_parameters"]])
def test_a_part_that_fails_costs_itself_only(look, method):
    layer = scale_with(**{method: broken})
    if PARTS[look] != method:
        assert check.layer(layer, like=Twin, look=look).passed
        return
    with pytest.raises(check.CheckFailed, match="raised RuntimeError: no") as caught:
        check.layer(layer, like=Twin, look=look)
    assert str(caught.value).count("FAIL") == 1


@pytest.mark.parametrize("look", ["grad_input", "grad_parameters"])
def test_a_part_that_is_wrong_fails(look):
    wrong = {
        "compute_grad_input": lambda self, x, g: g,
        "update_grad_parameters": lambda self, x, g: None,
    }
    with pytest.raises(check.CheckFailed, match="gradient for"):
        check.layer(scale_with(**wrong), like=Twin, look=look)


@pytest.mark.parametrize("look", ["backward", "grad_input", "grad_parameters"])
def test_a_wrong_output_is_a_note_where_right_gradients_are_asked_for(look):
    report = check.layer(scale_with(compute_output=doubled), like=Twin, look=look)
    notes = [line.text for line in report.lines if line.ok is None]
    assert notes
    assert all("not the slope of your own forward pass" in note for note in notes)
    with pytest.raises(check.CheckFailed, match="not the slope of your own forward pass"):
        check.layer(scale_with(compute_output=doubled), like=Twin)


def test_loops_are_refused_unless_the_task_allows_them():
    with pytest.raises(check.CheckFailed, match="compute_output loops with a comprehension"):
        check.layer(Looped, like=Twin)
    assert check.layer(Looped, like=Twin, loops=True).passed


def test_no_two_numbers_of_images_are_so_close_that_a_nudge_changes_their_order():
    for _ in range(20):
        x = np.sort(Draw().batch((2, 3, 9, 10), scale=1.5, shift=0.5).ravel())
        assert np.diff(x).min() > 1e-3
        assert np.abs(x).min() >= 0.01
        assert abs(x.mean() - 0.5) < 0.1
        assert abs(x.std() - 1.5) < 0.1


@pytest.mark.parametrize("shape", [(2, 3), (3, 2000), (30, 7, 2), (100, 20, 5)])
def test_no_column_and_no_token_is_nearly_constant_and_drawing_ends(shape):
    x = Draw().batch(shape)
    assert x.std(axis=0 if len(shape) == 2 else -1).min() > 0.19


def test_draws_of_images_differ():
    assert not np.array_equal(Draw(1).batch((1, 1, 3, 3)), Draw(2).batch((1, 1, 3, 3)))


def test_a_wrong_shape_is_named_where_the_numbers_tell_the_mistake():
    value, expected = np.arange(4.0), np.array([6.0])
    line = compare("sum", value, expected, suspects=lambda: [("It is not summed.", value)])
    assert line.hint == "It is not summed."
    line = compare("sum", value, expected, suspects=lambda: [("No.", value + 1)])
    assert line.hint == ""


def test_a_wrong_gradient_for_one_sample_in_eval_mode_is_no_error_of_ours():
    class BatchNormalization(Module):
        def __init__(self, num_features):
            super().__init__()
            self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)
            self.weight, self.bias = np.ones(num_features), np.zeros(num_features)
            self.grad_weight, self.grad_bias = np.zeros((2, num_features))

        def compute_output(self, x):
            return x

        def compute_grad_input(self, x, grad_output):
            return grad_output

    make = dict(num_features=4)
    with pytest.raises(check.CheckFailed, match="gradient for x"):
        check.layer(BatchNormalization, torch.nn.BatchNorm1d, make, x=(1, 4), mode="eval")
