"""Code that loops runs more lines on longer arrays, however the loop is written; no other does."""

import builtins
import sys

import numpy as np
import pytest
import torch

from byhand import check
from byhand.nn import Criterion, Module

LINES = "more lines run where every axis is 30 longer"


def recursion(x):
    return -x if len(x) < 2 else np.concatenate([-x[:1], recursion(x[1:])])


def over_features(x):
    return recursion(x.T).T


def by_functions_of_others(x):
    each = vars(builtins)["m" + "ap"]
    return np.stack(list(each(np.flip, np.flip(-x, axis=1))))


def element_by_element(x):
    return getattr(np, "from" + "pyfunc")(lambda value: -value, 1, 1)(x).astype(x.dtype)


def consumed(x):
    return eval("np.fromiter((-value for value in x.flat), x.dtype)").reshape(x.shape)


def executed(x):
    names = {"x": x, "y": x.copy()}
    exec("i = 0\nwhile i < len(x): y[i] = -x[i]; i += 1", names)
    return names["y"]


LOOPS = [recursion, over_features, by_functions_of_others, element_by_element, consumed, executed]


def by_size(x):
    if x.size < 100:
        return -x
    y = np.array(x)
    y *= np.ones((), x.dtype)
    return np.negative(y, out=y)


def planned(x):
    one = np.ones((), x.dtype)
    return np.einsum("ij,,->ij", x, one, -one, optimize=True)


def windows(x):
    return -np.lib.stride_tricks.sliding_window_view(x, x.shape).reshape(x.shape)


def first_time(x, ready=[]):  # noqa: B006
    ready or exec("\n".join(["ready.append(1)"] * 100))
    return -x


def failed(checked, *args, **kwargs):
    with pytest.raises(check.CheckFailed) as caught:
        checked(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_function_that_loops_in_any_form_fails(loop):
    assert LINES in failed(check.function, loop, torch.neg, dict(x=(5, 4)))


def plain(x):
    return np.array([-row for row in x])


def test_a_loop_that_can_be_read_is_told_once():
    text = failed(check.function, plain, torch.neg, dict(x=(5, 4)))
    assert "loops with a comprehension" in text
    assert LINES not in text


@pytest.mark.parametrize("right", [by_size, planned, windows, first_time])
def test_a_function_whose_lines_depend_on_the_size_passes(right):
    for _ in range(5):
        assert check.function(right, torch.neg, dict(x=(5, 4))).passed


def test_to_switch_tracing_off_is_named():
    def untraced(x):
        sys.settrace(None)
        return executed(x)

    text = failed(check.function, untraced, torch.neg, dict(x=(5, 4)))
    assert "switches Python's tracing off" in text


def test_a_tracer_that_was_there_stays():
    def tracer(*_):
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        assert check.function(by_size, torch.neg, dict(x=(5, 4))).passed
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)


class Negative(Module):
    loop = staticmethod(np.negative)

    def compute_output(self, x):
        return -x

    def compute_grad_input(self, x, grad_output):
        return self.loop(grad_output)


class Neg(torch.nn.Module):
    def forward(self, x):
        return -x


@pytest.mark.parametrize("look", ["all", "output", "grad_input"])
def test_a_layer_that_loops_on_the_way_back_fails(look):
    assert check.layer(Negative, Neg, look=look).passed
    for loop in LOOPS:
        looping = type("Looping", (Negative,), {"loop": staticmethod(loop)})
        assert LINES in failed(check.layer, looping, Neg, look=look)


def test_a_layer_with_sizes_is_tried_with_larger_ones():
    class Linear(Module):
        def __init__(self, in_features, out_features):
            super().__init__()
            self.weight = np.ones((out_features, in_features))
            self.grad_weight = np.zeros_like(self.weight)

        def compute_output(self, x):
            return self.product(x, self.weight.T)

        def compute_grad_input(self, x, grad_output):
            return grad_output @ self.weight

        def update_grad_parameters(self, x, grad_output):
            self.grad_weight += grad_output.T @ x

        def product(self, x, w):
            y = x[:, :1] * w[0]
            return y if len(w) < 2 else y + self.product(x[:, 1:], w[1:])

    how = dict(make=dict(in_features=4, out_features=3), x=(5, 4))
    like = lambda in_features, out_features: torch.nn.Linear(in_features, out_features, False)  # noqa: E731
    assert LINES in failed(check.layer, Linear, like, **how)
    Linear.product = lambda self, x, w: x @ w
    assert check.layer(Linear, like, **how).passed


@pytest.mark.parametrize("look", ["all", "output", "gradient"])
def test_a_loss_that_loops_fails(look):
    class Mean(Criterion):
        loop = staticmethod(np.negative)

        def compute_output(self, prediction, target):
            return np.mean((prediction - target) ** 2)

        def compute_grad_input(self, prediction, target):
            return -self.loop(2 * (prediction - target) / prediction.size)

    assert check.criterion(Mean, torch.nn.MSELoss, look=look).passed
    Mean.loop = staticmethod(recursion)
    assert LINES in failed(check.criterion, Mean, torch.nn.MSELoss, look=look)


@pytest.mark.parametrize("look", ["all", "train", "backward", "eval"])
def test_a_dropout_that_loops_fails(look):
    class Dropout(Module):
        loop = staticmethod(np.negative)

        def __init__(self, p=0.5):
            super().__init__()
            self.p = p

        def compute_output(self, x):
            self.mask = (np.random.rand(*x.shape) >= self.p if self.training else x == x) / 1.0
            self.mask /= 1 - self.p if self.training else 1
            return -self.loop(x * self.mask.astype(x.dtype))

        def compute_grad_input(self, x, grad_output):
            return grad_output * self.mask.astype(x.dtype)

    assert check.dropout(Dropout, look=look).passed
    Dropout.loop = staticmethod(recursion)
    assert LINES in failed(check.dropout, Dropout, look=look)
