"""check.function and check.gradient hold a function to PyTorch's numbers and to the rules."""

import warnings

import numpy as np
import pytest
import torch

from byhand import check
from byhand.protocol.source_rules import has_loop
from byhand.protocol.source_text import Program

LINEAR = torch.nn.functional.linear
SHAPES = dict(x=(5, 4), W=(3, 4))


def linear(x, W):
    return x @ W.T


def grad_weight(x, W, grad_output):
    return grad_output.T @ x


def linear_by_loops(x, W):
    return np.array([[np.dot(row, w) for w in W] for row in x])


def failure(call, *args, **kwargs):
    with pytest.raises(check.CheckFailed) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def test_a_right_function_passes():
    report = check.function(linear, like=LINEAR, args=SHAPES, returns="output")
    assert [line.name for line in report.lines] == ["output", "the same in float32"]
    assert "linear(x of shape (5, 4), W of shape (3, 4))" in str(report)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda x, W: (x @ W.T).tolist(), "output                    is a list, expected a NumPy"),
        (lambda x, W: None, "is None, expected a NumPy array (is a `return` missing?)"),
        (lambda x, W: W @ x.T, "The axes are the other way round"),
        (lambda x, W: (x @ W.T).astype(np.float64), "is float64, expected float32"),
        (lambda x, W: x @ W.T / 5, "divided by 5, the batch size"),
        (lambda x, W: x @ W.T / 0, "15 of 15 values are NaN or infinite"),
        (lambda x: x, "raised TypeError"),
        (lambda x, W: x.__imul__(2) @ W.T / 2, "x was changed in place"),
        (lambda x, W: linear(x, W.__imul__(1.5)) / 1.5, "W was changed in place"),
        (lambda x, W: torch.from_numpy(x) @ W.T, "calls PyTorch"),
    ],
)
def test_a_wrong_function_is_told_what_is_wrong(wrong, says):
    assert says in failure(check.function, wrong, like=LINEAR, args=SHAPES, returns="output")


BUFFER, MEMO = {}, {}


def in_one_array(x, W):
    return np.matmul(x, W.T, out=BUFFER.setdefault(x.dtype, np.empty((5, 3), x.dtype)))


def added_to_one_array(x, W):
    y = BUFFER.setdefault((x.dtype, "sum"), np.zeros((5, 3), x.dtype))
    y += x @ W.T
    return y.copy()


def by_shape(x, W):
    return MEMO.setdefault((x.shape, x.dtype), x @ W.T)


def by_place(x, W):
    return MEMO.setdefault((id(x), id(W)), (x @ W.T, x, W))[0]


def by_columns(x, W):
    y = np.empty_like(x @ W.T, order="F" if x.flags.fnc else "C")
    y.ravel()[:] = (x @ W.T).ravel()
    return y


@pytest.mark.parametrize(
    ("wrong", "label", "says"),
    [
        (in_one_array, "output, later", "this one was written over"),
        (added_to_one_array, "output, new numbers", "Is something left of that call?"),
        (by_shape, "output, new numbers", "Is something left of that call?"),
        (by_place, "output, new numbers", "Is something left of that call?"),
        (by_columns, "output, laid out otherwise", "Here they lie in memory as those of x.T do"),
    ],
)
def test_every_call_counts(wrong, label, says):
    text = failure(check.function, wrong, like=LINEAR, args=SHAPES, returns="output")
    assert f"FAIL  {label}" in text
    assert says in text


def test_a_gradient_that_is_kept_is_caught():
    kept = {}

    def wrong(x, W, grad_output):
        return kept.setdefault((x.shape, x.dtype), grad_output.T @ x)

    text = failure(check.gradient, wrong, of=LINEAR, wrt="W", args=SHAPES)
    assert "FAIL  gradient for W, new numbers" in text


def test_what_is_kept_by_its_numbers_is_right():
    kept = {}

    def remembered(x, W):
        key = x.tobytes(), W.tobytes(), x.dtype
        return kept.setdefault(key, x @ W.T)

    assert check.function(remembered, like=LINEAR, args=SHAPES).passed


def test_an_argument_that_comes_back_changed_is_told_of_once():
    def wrong(x):
        x *= 2
        return x

    text = failure(check.function, wrong, like=lambda x: 2 * x, args=dict(x=(5, 4)))
    [line] = [line for line in text.splitlines() if "FAIL" in line]
    assert "x was changed in place" in line


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda x: (x * x).detach(), "does not require grad"),
        (lambda x: torch.from_numpy(x.numpy() ** 2), "Can't call numpy()"),
        (lambda x: x * x.detach(), "FAIL  autograd, x"),
        (lambda x: torch.cat([x[:1] ** 2, x[1:].detach() ** 2]), "PyTorch has to see every"),
    ],
)
def test_pytorch_follows_what_is_recorded(wrong, says):
    how = dict(like=torch.square, args=dict(x=(5, 4)), tensors=True)
    assert check.function(lambda x: x * x, recorded=["x"], **how).passed
    assert says in failure(check.function, wrong, recorded=["x"], **how)


def test_a_tensor_with_one_entry_is_one_number():
    how = dict(like=torch.sum, args=dict(x=(5, 4)), tensors=True)
    assert check.function(lambda x: x.sum().reshape(1, 1), **how).passed
    text = failure(check.function, lambda x: x.sum(dim=0), **how)
    assert "is a PyTorch tensor of shape (4,), expected one number" in text
    array = failure(check.function, lambda x: x.sum(keepdims=True), torch.sum, dict(x=(5, 4)))
    assert "is an array of shape (1, 1), expected one number" in array


def test_a_result_without_arguments_is_a_new_one_each_time():
    kept = torch.ones(3, 3)
    how = dict(like=torch.ones, args=dict(rows=2, columns=3), tensors=True)
    assert check.function(torch.ones, **how).passed
    assert "make a new tensor" in failure(check.function, lambda r, c: kept[:r, :c], **how)
    float64 = failure(check.function, lambda r, c: torch.ones(r, c).double(), **how)
    assert "is float64, expected float32" in float64
    assert "dtype of x" not in float64


def test_what_is_not_written_is_the_only_line():
    def linear(x, W):
        raise NotImplementedError

    for loops in (False, True):
        text = failure(check.function, linear, like=LINEAR, args=SHAPES, loops=loops)
        [line] = [line for line in text.splitlines() if "FAIL" in line]
        assert line.endswith("linear is not implemented yet")


def test_a_seed_repeats_the_draw():
    def wrong(x, W):
        return x @ W.T + x[0, 0]

    first, again = (failure(check.function, wrong, LINEAR, SHAPES, seed=7) for _ in range(2))
    assert first == again
    assert "check.function(..., seed=7) repeats this draw" in first
    assert first != failure(check.function, wrong, LINEAR, SHAPES, seed=8)


def test_arrays_and_other_arguments_come_as_they_are():
    given = dict(x=np.array([[1.0, -2.0]]), power=3)
    report = check.function(lambda x, power: x**power, like=torch.pow, args=given)
    assert "(x of shape (1, 2), power=3)" in report.title
    assert "yours [[1. 4.]], PyTorch [[ 1. -8.]]" in failure(
        check.function, lambda x, power: x**2, like=torch.pow, args=given
    )


def test_several_things_are_returned_in_order():
    def both(x):
        return x.sum(), x * 2

    args = dict(x=(5, 4))
    check.function(both, like=lambda x: (x.sum(), x * 2), args=args, returns=["sum", "double"])
    for wrong, says in [
        (lambda x: (x * 2, x.sum()), "is an array of shape (5, 4), expected one number"),
        (lambda x: (1, 2, 3), "returned 3 things, expected 2 things in this order"),
        (lambda x: None, "returned None, expected 2 things in this order (is a `return` missing?)"),
    ]:
        like, returns = lambda x: (x.sum(), x * 2), ["sum", "double"]
        assert says in failure(check.function, wrong, like=like, args=args, returns=returns)


def test_loops_are_forbidden_unless_the_task_asks_for_them():
    text = failure(check.function, linear_by_loops, like=LINEAR, args=SHAPES)
    assert "linear_by_loops loops with a comprehension" in text
    check.function(linear_by_loops, like=LINEAR, args=SHAPES, loops=True)


def test_where_a_task_asks_for_loops_there_has_to_be_one():
    text = failure(check.function, linear, like=LINEAR, args=SHAPES, loops=True)
    assert "linear has no loop; this task asks for loops" in text


def test_a_loop_in_a_helper_is_a_loop():
    text = (
        "def f(x):\n    return g(x)\n\ndef g(x):\n    while x: x -= 1\n\ndef h(x):\n    return x\n"
    )
    assert has_loop(Program(text, {}), "f")
    assert not has_loop(Program(text, {}), "h")
    assert has_loop(Program("def f(:", {}), "f")  # cannot be read: nothing to reproach


def overflowing(x):
    return 1 / (1 + np.exp(-x * 1000))


def test_a_floating_point_warning_is_a_fault_only_where_quiet_is_asked_for():
    args = dict(x=np.array([[-5.0, 5.0]]))

    def like(x):
        return torch.sigmoid(x * 1000)

    report = check.function(overflowing, like=like, args=args)
    assert "note  warning                   overflow encountered in exp" in str(report)
    text = failure(check.function, overflowing, like=like, args=args, quiet=True)
    assert "FAIL  warning                   overflow encountered in exp" in text


def test_other_warnings_are_never_a_fault():
    def old_fashioned(x):
        warnings.warn("use something else", DeprecationWarning, stacklevel=2)
        return x * 2

    report = check.function(old_fashioned, like=lambda x: x * 2, args=dict(x=(3,)), quiet=True)
    assert "note  warning                   use something else" in str(report)


def test_a_suspect_is_named():
    square = dict(x=(4, 4), W=(4, 4))
    suspects = {"W is turned.": lambda x, W: x @ W.T}
    text = failure(check.function, lambda x, W: x @ W.T, torch.mm, square, suspects=suspects)
    assert "W is turned." in text
    text = failure(check.function, lambda x, W: x + W, torch.mm, square, suspects=suspects)
    assert "W is turned." not in text


def test_a_right_gradient_passes():
    report = check.gradient(grad_weight, of=LINEAR, wrt="W", args=SHAPES)
    assert [line.name for line in report.lines] == ["gradient for W", "the same in float32"]
    assert "grad_output of shape (5, 3)" in report.title


def test_the_gradient_of_one_number_gets_none_from_above():
    def grad(x):
        return 2 * x

    report = check.gradient(grad, of=lambda x: (x**2).sum(), wrt="x", args=dict(x=(5, 4)))
    assert report.title == "grad(x of shape (5, 4))"


def test_several_gradients_come_in_order():
    def grads(x, W, grad_output):
        return grad_output @ W, grad_output.T @ x

    check.gradient(grads, of=LINEAR, wrt=["x", "W"], args=SHAPES)
    text = failure(check.gradient, grads, of=LINEAR, wrt=["W", "x"], args=SHAPES)
    assert "FAIL  gradient for W" in text


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda x, W, g: np.ones_like(g).T @ x, "grad_output is missing"),
        (lambda x, W, g: g.T @ x / 5, "divided by 5, the batch size. Was it averaged"),
        (lambda x, W, g: x.T @ g, "The axes are the other way round"),
        (lambda x, W, g: (g / 2).T @ x, "a factor 2 too much or too little"),
        (lambda x, W, g: -g.T @ x, "opposite sign"),
        (lambda x, W, g: g.__imul__(2).T @ x / 2, "grad_output was changed in place"),
        (lambda x, W, g: np.zeros_like(W), "Yours is all zeros"),
    ],
)
def test_a_wrong_gradient_is_told_what_is_wrong(wrong, says):
    assert says in failure(check.gradient, wrong, of=LINEAR, wrt="W", args=SHAPES)


def test_a_suspect_of_a_gradient_is_another_function():
    square = dict(x=(5, 4), W=(4, 4))
    suspects = {"W is turned.": lambda x, W: x @ W}
    wrong = [lambda x, W, g: g @ W.T, LINEAR, "x", square]
    assert "W is turned." in failure(check.gradient, *wrong, suspects=suspects)
