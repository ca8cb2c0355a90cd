"""check.numerical_gradient and check.relative_error tell right ones from almost right ones."""

import numpy as np
import pytest

from byhand import check
from byhand.check.comparisons.numerical_gradient import Landscape


def central(f, x, eps=1e-5):
    point = np.array(x, dtype=np.float64)
    grad = np.zeros_like(point)
    for k, old in np.ndenumerate(point.copy()):
        point[k] = old + eps
        above = f(point)
        point[k] = old - eps
        grad[k] = (above - f(point)) / (2 * eps)
        point[k] = old
    return grad


def forward_differences(f, x, eps=1e-5):
    moved = [x + eps * unit.reshape(x.shape) for unit in np.eye(x.size)]
    return np.array([(f(m) - f(x)) / eps for m in moved]).reshape(x.shape)


def relative_error(a, b):
    return np.max(np.abs(a - b) / np.maximum(1e-8, np.abs(a) + np.abs(b)))


def failure(call, *args, **kwargs):
    with pytest.raises(check.CheckFailed) as caught:
        call(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize("look", ["gradient", "argument"])
@pytest.mark.parametrize("eps", [None, 0.1])
@pytest.mark.parametrize(
    "x",
    [(), (7,), (2, 3), (2, 3, 2), np.arange(6).reshape(2, 3), np.ones((3, 2), np.float32)],
    ids=str,
)
def test_central_differences_pass_for_every_shape_and_dtype(x, eps, look):
    assert check.numerical_gradient(central, x=x, eps=eps, look=look).passed


def test_the_quotients_of_the_given_function_are_those_of_its_formula():
    weight, shift = np.array([2.0, 0.5]), np.array([0.4, 0.8])
    x, eps = np.array([1.0, 3.0]), 0.25
    exact = weight * np.exp(shift * x) * np.sinh(shift * eps) / eps + x.sum()
    np.testing.assert_allclose(central(Landscape(weight, shift, 7.0), x, eps), exact, rtol=1e-12)


def test_the_given_function_refuses_another_shape():
    with pytest.raises(ValueError, match=r"shape \(6,\), but x has shape \(2, 3\)"):
        Landscape(np.ones((2, 3)), np.ones((2, 3)), 0.0)(np.ones(6))


@pytest.mark.parametrize("eps", [0.1, None])
def test_one_sided_differences_fail_with_every_step(eps):
    text = failure(check.numerical_gradient, forward_differences, eps=eps)
    assert ("It is one-sided" if eps else "Are the differences central?") in text


def test_one_sided_differences_leave_the_argument_alone():
    assert check.numerical_gradient(forward_differences, look="argument").passed


@pytest.mark.parametrize("eps", [1e-12, 1e-9, 1e-2])
def test_a_default_step_that_is_too_small_or_too_large_fails(eps):
    def own(f, x):
        return central(f, x, eps)

    assert "Is the step too small or too large?" in failure(check.numerical_gradient, own)


@pytest.mark.parametrize("eps", [1e-4, 1e-5, 1e-6])
def test_a_sensible_default_step_passes(eps):
    assert check.numerical_gradient(lambda f, x: central(f, x, eps)).passed


def test_doing_nothing_is_not_leaving_the_argument_alone():
    def lazy(f, x, eps=1e-5):
        f(x + eps)
        return np.zeros_like(x)

    assert "FAIL  gradient" in failure(check.numerical_gradient, lazy, look="argument")


def test_an_argument_that_is_off_by_rounding_is_not_left_alone():
    def rounding(f, x, eps=1e-5):
        grad = central(f, x, eps)
        x += eps
        x -= eps
        return grad

    text = failure(check.numerical_gradient, rounding, x=(4, 5), look="argument")
    assert "x + eps - eps is not always x" in text


def test_a_changed_argument_counts_only_where_it_is_looked_at():
    def changing(f, x, eps=1e-5):
        grad = central(f, x, eps)
        x += 1
        return grad

    assert check.numerical_gradient(changing).passed
    assert "FAIL  argument" in failure(check.numerical_gradient, changing, look="argument")


@pytest.mark.parametrize("shape", [(20,), (3, 4), (2, 3, 4)])
def test_a_right_relative_error_passes(shape):
    assert check.relative_error(relative_error, shape=shape).passed


@pytest.mark.parametrize(
    ("wrong", "fails"),
    [
        (lambda a, b: np.max(np.abs(a - b) / (np.abs(a) + np.abs(b))), "is nan, expected"),
        (lambda a, b: np.max(np.abs(a - b) / (1e-8 + np.abs(a) + np.abs(b))), "FAIL  error"),
        (lambda a, b: np.max((a - b) / np.maximum(1e-8, np.abs(a) + np.abs(b))), "An abs is"),
        (lambda a, b: relative_error(a, b) / 2, "times 0.5: a factor 2"),
        (lambda a, b: np.abs(a - b).max() / np.maximum(1e-8, np.abs(a).max()), "FAIL  error"),
        (lambda a, b: relative_error(a, b) + 0 * a, "expected one number"),
        (lambda a, b: relative_error(a, b.__imul__(1.1)), "b was changed in place"),
    ],
)
def test_a_wrong_relative_error_fails(wrong, fails):
    with np.errstate(all="ignore"):
        assert fails in failure(check.relative_error, wrong)
