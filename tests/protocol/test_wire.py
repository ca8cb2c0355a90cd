"""Experiments and outcomes cross a process boundary whole, and nothing else does."""

import json

import numpy as np
import pytest

from byhand.protocol.experiment import Experiment, Failure, Given, Opaque, Step, StepResult
from byhand.protocol.wire import (
    WireError,
    answer,
    pack_experiment,
    pack_outcomes,
    unpack_experiment,
    unpack_outcomes,
)


def there_and_back(value):
    packed, buffers = pack_outcomes([StepResult(value)])
    return unpack_outcomes(json.loads(json.dumps(packed)), buffers, 1)[0].value


@pytest.mark.parametrize(
    "value",
    [None, True, 3, -1.5, float("inf"), "a", [1, [2.0, None]], {"a": [1]}, Opaque("torch.Tensor")],
)
def test_plain_values_cross(value):
    assert there_and_back(value) == value


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_keep_their_layout(order):
    array = np.array(np.arange(24.0).reshape(2, 3, 4), order=order)
    found = there_and_back(array)
    np.testing.assert_array_equal(found, array)
    assert found.strides == array.strides
    found[...] = 0


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(6.0).reshape(2, 3).T,
        np.array(2.5),
        np.zeros((0, 3)),
        np.array([True, False]),
        np.array([1, 2], np.int8),
        np.array([np.nan, np.inf], np.float32),
        np.arange(3, dtype=">f8"),
    ],
)
def test_arrays_cross_with_dtype_and_shape(array):
    found = there_and_back(array)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)
    found[...] = 0  # an array of its own, which may be written to


def test_an_experiment_crosses():
    experiment = Experiment(seed=7)
    x = experiment.put(np.ones(2))
    layer = experiment.call("Linear", 2, bias=False, shape=(1, 2))
    experiment.method(layer, "forward", x)
    packed, buffers = pack_experiment(experiment)
    found = unpack_experiment(json.loads(json.dumps(packed)), buffers)
    assert found.seed == 7
    assert found.steps[1:] == experiment.steps[1:]
    np.testing.assert_array_equal(found.steps[0].target, np.ones(2))


def test_a_function_of_the_checkers_is_named_and_asked():
    experiment = Experiment()
    experiment.put(1)
    experiment.put(given := Given(lambda x, y: x @ y))
    packed, buffers = pack_experiment(experiment)
    assert unpack_experiment(json.loads(json.dumps(packed)), buffers).steps[1].target.function == 1
    for args, value in [(np.ones((2, 3)), np.ones(3)), np.full(2, 3.0)], [(np.ones(2), 5), None]:
        question, buffers = pack_outcomes([StepResult(list(args))])
        [found] = unpack_outcomes(*answer(experiment.steps, {**question, "asks": 1}, buffers), 1)
        np.testing.assert_array_equal(found.value, value)
        assert (found.failure is None) == (value is not None)
    assert given.asked == [(2, 3), (2,)]


@pytest.mark.parametrize("asks", [0, 2, -1, None, "1", [], 1.0])
def test_who_is_no_function_is_not_asked(asks):
    question, buffers = pack_outcomes([StepResult([1])])
    steps = [Step("put", np.ones(2)), Step("put", Given(np.sum)), Step("put", 1)]
    with pytest.raises(WireError):
        answer(steps, {**question, "asks": asks}, buffers)


def test_failures_and_notes_cross():
    outcome = StepResult(
        failure=Failure("raised", "Own", "no", " (line 1)", "ValueError"), changed=(0, 2)
    )
    packed, buffers = pack_outcomes([outcome])
    assert unpack_outcomes(packed, buffers, 1) == [outcome]


GOOD = {"value": None, "failure": None, "changed": [], "warnings": []}


@pytest.mark.parametrize(
    "packed",
    [
        None,
        [],
        {},
        {"outcomes": None},
        {"outcomes": []},
        {"outcomes": [None]},
        {"outcomes": [GOOD, GOOD]},
        {"outcomes": [GOOD | {"value": {"pickle": "x"}}]},
        {"outcomes": [GOOD | {"value": {"array": ["O", [1], "C", 0]}}]},
        {"outcomes": [GOOD | {"value": {"array": ["<f8", [10**12], "C", 0]}}]},
        {"outcomes": [GOOD | {"value": {"array": ["<f8", [-1], "C", 0]}}]},
        {"outcomes": [GOOD | {"value": {"array": ["<f8", [2], "C", 5]}}]},
        {"outcomes": [GOOD | {"value": {"array": ["<f8,<f8", [1], "C", 0]}}]},
        {"outcomes": [GOOD | {"value": {"array": 3}}]},
        {"outcomes": [GOOD | {"value": {"ref": float("inf")}}]},
        {"outcomes": [GOOD | {"changed": [float("inf")]}]},
        {"outcomes": [GOOD | {"value": {"array": ["<f8", [2], "D", 0]}}]},
        {"outcomes": [GOOD | {"value": {"array": ["<f8", [2], 3, 0]}}]},
        {"outcomes": [GOOD | {"value": [[[[[[[[[[1]]]]]]]]]]}]},
        {"outcomes": [GOOD | {"failure": ["graded", "", "", "", ""]}]},
        {"outcomes": [GOOD | {"failure": "none"}]},
        {"outcomes": [GOOD | {"changed": ["x"]}]},
    ],
)
def test_anything_else_is_refused(packed):
    with pytest.raises(WireError):
        unpack_outcomes(packed, [bytes(16)], 1)


def test_an_unknown_step_is_refused():
    steps = [["eval", "1"]]
    packed = {"seed": 0, "steps": steps, "tensors": False, "autograd": True}
    with pytest.raises(WireError):
        unpack_experiment(packed, [])


def test_only_data_is_packed():
    with pytest.raises(WireError):
        pack_outcomes([StepResult(object())])
