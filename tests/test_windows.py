"""The sizes and places of windows, and what is said of those that do not fit."""

import numpy as np
import pytest
import torch

from byhand.nn import Module
from byhand.windows import output_size, pair, print_shapes


def test_one_number_stands_for_both():
    assert pair(3, "stride") == (3, 3)
    assert pair((2, 5), "stride") == (2, 5)
    assert pair([2, np.int64(5)], "stride") == (2, 5)
    assert pair(0, "padding", least=0) == (0, 0)


@pytest.mark.parametrize("value", [0, -1, 1.5, "ab", (1, 0), (1, 2, 3), (), None, True])
def test_what_is_no_size_is_refused_in_one_line(value):
    with pytest.raises(ValueError, match=r"^stride is .* of at least 1$") as caught:
        pair(value, "stride")
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("kernel_size", [(1, 1), (3, 2), (4, 5)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
@pytest.mark.parametrize("padding", [(0, 0), (1, 2)])
def test_the_output_has_pytorchs_size(kernel_size, stride, padding):
    x = np.zeros((2, 3, 6, 7))
    layer = torch.nn.Conv2d(3, 1, kernel_size, stride, padding).double()
    expected = layer(torch.from_numpy(x)).shape[2:]
    assert output_size(x, kernel_size, stride, padding, channels=3) == expected


@pytest.mark.parametrize(
    ("shape", "kernel", "padding", "says"),
    [
        ((2, 3, 4, 4), (5, 1), (0, 0), "kernel_size (5, 1) is larger than x: (4, 4)"),
        ((2, 3, 4, 4), (5, 9), (1, 1), "larger than x: (4, 4), (6, 6) with its padding"),
        ((2, 4, 4), (1, 1), (0, 0), "x has shape (2, 4, 4), expected (B, 3, H, W)"),
        ((2, 2, 4, 4), (1, 1), (0, 0), "x has shape (2, 2, 4, 4), expected (B, 3, H, W)"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(shape, kernel, padding, says):
    with pytest.raises(ValueError, match="x") as caught:
        output_size(np.zeros(shape), kernel, (1, 1), padding, channels=3)
    assert says in str(caught.value)


def test_any_number_of_channels_will_do_if_none_is_asked_for():
    assert output_size(np.zeros((1, 7, 4, 4)), (2, 2), (2, 2), (0, 0)) == (2, 2)
    with pytest.raises(ValueError, match=r"expected \(B, C, H, W\)"):
        output_size(np.zeros((4, 4)), (2, 2), (2, 2), (0, 0))


class Cut(Module):
    """Leaves out the first row and column of images; its parameter serves no purpose."""

    def __init__(self):
        super().__init__()
        self.weight, self.grad_weight = np.zeros((2, 3)), np.zeros((2, 3))

    def compute_output(self, x):
        output_size(x, (2, 2), (1, 1), (0, 0))
        return x[:, :, 1:, 1:]


class InRow(Module):
    def __init__(self, *modules):
        super().__init__()
        self.modules = modules

    def parameters(self):
        return [parameter for module in self.modules for parameter in module.parameters()]


def test_the_shapes_behind_every_layer_are_printed_and_the_parameters_counted(capsys):
    network = InRow(Cut(), Cut())
    print_shapes(network, (1, 4, 3))
    _, start, first, second, total = capsys.readouterr().out.splitlines()
    assert start.split() == "(1, 4, 3)".split()
    assert first.split() == "1 Cut (1, 3, 2) 6".split()
    assert second.split() == "2 Cut (1, 2, 1) 6".split()
    assert total.split() == ["12"]
    assert network.training


def test_a_layer_that_does_not_fit_ends_the_table_with_the_reason(capsys):
    print_shapes(InRow(Cut(), Cut(), Cut()), (1, 3, 3))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split(maxsplit=2)[:2] == ["3", "Cut"]
    assert "stops at shape (1, 1, 1): kernel_size (2, 2) is larger than x" in last
