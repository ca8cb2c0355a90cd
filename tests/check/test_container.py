"""check.sequential on a plain network, which is no Module and holds a fixed number of layers."""

import pytest

from byhand import check


class Pair:
    """The second layer after the first; no more than the check of a plain network asks for."""

    def __init__(self, first, second):
        self.first, self.second = first, second

    def forward(self, x):
        self.h = self.first.forward(x)
        return self.second.forward(self.h)

    def backward(self, x, grad_output):
        return self.first.backward(x, self.second.backward(self.h, grad_output))


class Twice(Pair):
    """Calls a backward once too often, which harms nothing where gradients do not add up."""

    def backward(self, x, grad_output):
        super().backward(x, grad_output)
        return super().backward(x, grad_output)


class WrongAtLast(Pair):
    """Returns the right gradient and leaves a wrong one in the first layer."""

    def backward(self, x, grad_output):
        grad = super().backward(x, grad_output)
        self.first.backward(x, grad_output)
        return grad


@pytest.mark.parametrize("look", ["forward", "backward"])
@pytest.mark.parametrize("network", [Pair, Twice])
def test_a_plain_network_passes(network, look):
    report = check.sequential(network, depth=2, look=look, module=False)
    assert report.title.endswith("of 2 layers")


def test_a_module_has_to_keep_its_output():
    with pytest.raises(check.CheckFailed, match="output"):
        check.sequential(Pair, depth=2, look="forward")


def test_the_layers_of_a_plain_network_end_with_their_own_gradients():
    with pytest.raises(check.CheckFailed, match="FAIL  gradient for the weight of layer 1"):
        check.sequential(WrongAtLast, depth=2, look="backward", module=False)


def test_three_layers_are_not_nested_in_a_plain_network():
    class Three(Pair):
        def __init__(self, first, second, third):
            super().__init__(Pair(first, second), third)

    assert check.sequential(Three, depth=3, look="backward", module=False).passed
