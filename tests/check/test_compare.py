"""A line says whether two values agree, and if not, what the difference looks like."""

import numpy as np
import pytest
import torch

from byhand.check.compare import compare
from byhand.protocol.experiment import Opaque, plain

EXPECTED = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])


def line(value, **options):
    return compare("output", plain(value), EXPECTED, **options)


def test_equal_arrays_pass_with_the_error_told():
    passed = line(EXPECTED * (1 + 1e-14))
    assert passed.ok
    assert passed.text == "largest error 4e-14"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "is None, expected a NumPy array (is a `return` missing?)"),
        (EXPECTED.tolist(), "is a list, expected a NumPy array"),
        (torch.from_numpy(EXPECTED), "is a torch.Tensor, expected a NumPy array"),
        (EXPECTED.astype(object), "numpy.ndarray of dtype object"),
        (EXPECTED[0], "has shape (3,), expected (2, 3)"),
        (EXPECTED.astype(np.float32), "is float32, expected float64"),
        (EXPECTED.astype(int), "is int64, expected float64"),
        (np.where(EXPECTED > 3, np.nan, EXPECTED), "1 of 6 values are NaN or infinite"),
        (EXPECTED + np.array([0, 0, 1e-6]), "yours [[ 1."),
    ],
)
def test_what_is_wrong_is_said(value, text):
    failed = line(value)
    assert failed.ok is False
    assert text in failed.text


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (EXPECTED / 5, "divided by 5, the batch size. Was it averaged over the batch"),
        (EXPECTED * 6, "times 6, the number of elements. Is a mean missing?"),
        (-EXPECTED, "opposite sign"),
        (2 * EXPECTED, "a factor 2"),
        (0 * EXPECTED, "all zeros"),
        (EXPECTED.T, "a transpose"),
        (EXPECTED + 7, "seven"),
    ],
)
def test_the_mistake_is_named(value, hint):
    sizes = {5: "the batch size", 6: "the number of elements"}
    failed = line(value, sizes=sizes, suspects=lambda: [("It is seven more.", EXPECTED + 7)])
    assert hint in failed.hint


def test_a_factor_that_nothing_explains_is_not_told():
    failed = line(EXPECTED * 1.25)
    assert failed.ok is False
    assert failed.hint == ""


def test_a_suspicion_that_fits_the_right_value_too_accuses_nobody():
    failed = line(EXPECTED + 1e-7, suspects=lambda: [("wrong", EXPECTED)])
    assert failed.ok is False
    assert failed.hint != "wrong"


def test_suspects_are_asked_for_only_when_something_is_wrong():
    def never():
        raise AssertionError

    assert line(EXPECTED, suspects=never).ok


def number(value):
    return compare("loss", plain(value), 0.75)


@pytest.mark.parametrize("value", [0.75, np.float64(0.75), np.float32(0.75), np.array(0.75)])
def test_any_kind_of_number_is_a_number(value):
    assert number(value).ok


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "is None"),
        (True, "is a bool"),
        ("0.75", "is a str"),
        (np.array([0.75]), "an array of shape (1,)"),
        (np.nan, "is nan"),
        (np.inf, "is inf"),
        (0.7501, "yours 0.7501, PyTorch 0.75"),
    ],
)
def test_a_wrong_number_fails(value, text):
    failed = number(value)
    assert failed.ok is False
    assert text in failed.text


def test_an_opaque_is_described_by_its_type():
    assert "an array.Thing" in compare("x", Opaque("array.Thing"), EXPECTED).text


def test_rounding_in_float32_is_no_mistake_where_terms_cancel():
    expected = np.array([[-0.0008]], np.float32)
    assert compare("output", expected * np.float32(1.0002), expected).ok
    assert not compare("output", expected + np.float32(0.01), expected).ok
    assert not compare("output", expected * 1.0002, expected.astype(float)).ok


def test_whole_numbers_are_shown_without_a_point():
    differs = compare("tokens", np.array([4, 6]), np.array([4, 5]))
    assert differs.text == "yours [4 6], PyTorch [4 5]"
