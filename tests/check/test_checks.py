"""What a check says to classes that are missing, half written or wrong in kind."""

import time
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from byhand import check
from byhand.nn import Criterion, Module, Optimizer
from byhand.protocol import runner


class Double(Module):
    """y = 2x, right in every way."""

    def compute_output(self, x):
        return 2 * x

    def compute_grad_input(self, x, grad_output):
        return 2 * grad_output


class Twin(torch.nn.Module):
    """PyTorch's side of Double."""

    def forward(self, x):
        return 2 * x


def failure(call, *args, **kwargs):
    with pytest.raises(check.CheckFailed) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def double_with(**methods):
    return type("Double", (Double,), {"__module__": __name__, **methods})


def test_a_right_layer_passes():
    report = check.layer(Double, like=Twin)
    assert report.passed
    names = [line.name for line in report.lines]
    assert names == ["output", "gradient for x", "central differences", "float32 stays float32"]


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (lambda self, x: (2 * x).tolist(), "output                    is a list, expected a NumPy"),
        (lambda self, x: None, "is None, expected a NumPy array (is a `return` missing?)"),
        (lambda self, x: (2 * x)[:, :1], "has shape (5, 1), expected (5, 4)"),
        (lambda self, x: (2 * x).astype(np.float32), "is float32, expected float64"),
        (lambda self, x: (2 * x).astype(object), "is a numpy.ndarray of dtype object"),
        (lambda self, x: np.ma.array(2 * x), "MaskedArray"),
        (lambda self, x: 2 * x + np.nan, "20 of 20 values are NaN or infinite"),
        (lambda self, x: 2 * x / 0, "20 of 20 values are NaN or infinite"),
        (lambda self, x: 1 / 0, "raised ZeroDivisionError: division by zero"),
        (lambda self, x: torch.from_numpy(x) * 2, "calls PyTorch"),
        (lambda self: 3, "raised TypeError"),
    ],
)
def test_a_wrong_output_is_described(output, says):
    assert says in failure(check.layer, double_with(compute_output=output), like=Twin)


def test_a_tensor_made_without_calling_pytorch_is_described():
    ready = torch.ones(5, 4)
    text = failure(check.layer, double_with(compute_output=lambda self, x: ready), like=Twin)
    assert "is a torch.Tensor, expected a NumPy array" in text


def test_what_is_not_written_is_said_without_a_traceback():
    text = failure(check.layer, type("Double", (Module,), {"__module__": __name__}), like=Twin)
    assert "compute_output is not implemented yet" in text
    assert "compute_grad_input is not implemented yet" in text
    assert "Traceback" not in text


def test_a_layer_that_never_ends_is_stopped(monkeypatch):
    monkeypatch.setattr(runner.LocalRunner.__init__, "__defaults__", (None, nullcontext, 0.5, None))

    def endless(self, x):
        while True:
            pass

    begin = time.monotonic()
    text = failure(check.layer, double_with(compute_output=endless), like=Twin)
    assert time.monotonic() - begin < 5
    assert "stopped after 0.5 s, the time limit" in text


def test_a_constructor_that_fails_is_the_only_line():
    def broken(self):
        raise ValueError("no")

    text = failure(check.layer, double_with(__init__=broken), like=Twin)
    assert "constructor" in text
    assert "raised ValueError: no" in text
    assert text.count("FAIL") == 1


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda cls: check.criterion(cls, like=torch.nn.MSELoss), Criterion),
        (lambda cls: check.optimizer(cls, like=torch.optim.SGD, make=dict(lr=0.1)), Optimizer),
        (lambda cls: check.dropout(cls), Module),
        (lambda cls: check.sequential(cls), Module),
        (lambda cls: check.data_loader(cls), object),
    ],
)
def test_an_empty_class_fails_with_plain_lines(call, kind):
    empty = type("Empty", (kind,), {"__module__": __name__})
    text = failure(call, empty)
    assert "FAIL" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("look", ["all", "train", "backward"])
@pytest.mark.parametrize(
    ("output", "says"),
    [
        (lambda self, x: None, "is None, expected a NumPy array (is a `return` missing?)"),
        (lambda self, x: x.tolist(), "is a list, expected a NumPy array"),
        (lambda self, x: x[:1], "has shape (1, 50), expected (200, 50)"),
        (lambda self, x: 1 / 0, "raised ZeroDivisionError"),
    ],
    ids=["None", "a list", "another shape", "an error"],
)
def test_a_dropout_without_an_output_is_described(output, says, look):
    def constructor(self, p=0.5):
        Module.__init__(self)

    dropout = double_with(__init__=constructor, compute_output=output)
    assert says in failure(check.dropout, dropout, look=look)


class Hostile:
    """Claims to be equal to everything and to be an array."""

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0

    def __array__(self, *args, **kwargs):
        return np.zeros((5, 4))


@pytest.mark.parametrize("value", [Hostile(), [Hostile()], np.array([[Hostile()]]), True, "0"])
def test_no_other_object_passes_for_an_array(value):
    cls = double_with(
        compute_output=lambda self, x: value, compute_grad_input=lambda self, x, g: value
    )
    assert "FAIL" in failure(check.layer, cls, like=Twin)


def test_gradients_of_a_wrong_shape_or_type_are_no_error_of_ours():
    for wrong in (np.ones(3), np.ones((5, 4), bool), 3.0, [1.0]):
        cls = double_with(compute_grad_input=lambda self, x, g, wrong=wrong: wrong)
        assert "gradient for x" in failure(check.layer, cls, like=Twin)


def test_a_seed_repeats_the_draw():
    wrong = double_with(compute_output=lambda self, x: 3 * x)
    assert failure(check.layer, wrong, like=Twin, seed=7) == failure(
        check.layer, wrong, like=Twin, seed=7
    )
    assert failure(check.layer, wrong, like=Twin, seed=7) != failure(
        check.layer, wrong, like=Twin, seed=8
    )


def test_the_right_gradient_of_a_wrong_output_is_told_apart():
    text = failure(
        check.layer,
        double_with(compute_output=lambda self, x: 3 * x, compute_grad_input=lambda s, x, g: 3 * g),
        like=Twin,
    )
    assert "ok    central differences" in text


def test_raises_wants_the_very_error():
    class Picky(Double):
        def __init__(self, p):
            super().__init__()
            if p > 1:
                raise ValueError("p")

    assert check.raises(ValueError, Picky, make=dict(p=2)).passed
    assert "nothing was raised, expected ValueError" in failure(
        check.raises, ValueError, Picky, make=dict(p=0)
    )
    assert "nothing was raised" in failure(
        check.raises, ValueError, Picky, make=dict(p=0), forward=(1, 3)
    )
    assert "raised ValueError: p" in failure(
        check.raises, ValueError, Picky, make=dict(p=2), forward=(1, 3)
    )

    class Other(Double):
        def __init__(self, p):
            raise TypeError("p")

    assert "raised TypeError: p" in failure(check.raises, ValueError, Other, make=dict(p=2))


def test_an_error_of_the_students_own_is_caught_as_its_base():
    class NotAProbability(ValueError):
        pass

    class Own:
        def __init__(self, p):
            raise NotAProbability(p)

    assert check.raises(ValueError, Own, make=dict(p=2)).passed
    text = failure(check.raises, KeyError, Own, make=dict(p=2))
    assert "raised NotAProbability: 2" in text
