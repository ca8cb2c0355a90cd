"""Tensors cross to the student's side and back as arrays, with autograd or without it."""

import json

import numpy as np
import pytest
import torch
from torch.func import grad

from byhand.check import tensors
from byhand.grading.sandbox.kernel import Limits
from byhand.grading.sandbox.kernel_session import Allowed, KernelSession
from byhand.grading.sandbox.rungs import RUNGS, choose
from byhand.protocol.experiment import Experiment, Opaque, Tensor, plain
from byhand.protocol.wire import WireError, pack_outcomes, unpack_experiment, unpack_outcomes
from byhand.protocol.wire import pack_experiment as pack

from .runners import local

ARRAYS = [
    np.arange(6.0).reshape(2, 3),
    np.arange(6.0).reshape(2, 3).T,
    np.array(1.5, np.float32),
    np.zeros((0, 3), np.int64),
    np.array([True, False]),
]


def run(function, *args, autograd=True):
    """The outcome of one call; arguments that are arrays go there as tensors."""
    ex = Experiment(seed=3, tensors=True, autograd=autograd)
    put = [ex.put(Tensor(a)) if isinstance(a, np.ndarray) else a for a in args]
    result = ex.call("function", *put)
    return local({"function": function}).run(ex)[result.index]


def squares(x):
    return (x**2).sum()


@pytest.mark.parametrize("array", ARRAYS, ids=str)
def test_a_tensor_goes_there_and_comes_back(array):
    seen = []
    value = run(lambda t: seen.append(t) or t, array).value
    assert type(seen[0]) is torch.Tensor
    assert isinstance(value, Tensor)
    assert value.array.dtype == array.dtype
    np.testing.assert_array_equal(value.array, array)


def test_a_parameter_and_a_tensor_under_record_are_data():
    assert isinstance(run(lambda t: torch.nn.Parameter(t), ARRAYS[0]).value, Tensor)
    assert isinstance(run(lambda t: t.requires_grad_() * 2, ARRAYS[0]).value, Tensor)


@pytest.mark.parametrize(
    "odd", [lambda t: t.to(torch.bfloat16), lambda t: t.to_sparse(), lambda t: t.to("meta")]
)
def test_a_tensor_that_numpy_cannot_read_is_no_data(odd):
    assert isinstance(run(odd, ARRAYS[0]).value, Opaque)


def test_tensors_are_data_only_where_the_experiment_says_so():
    assert isinstance(plain([torch.ones(2)], tensors.read)[0], Tensor)
    assert isinstance(plain([torch.ones(2)])[0], Opaque)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t.add_(1),
        lambda t: t.t_(),
        lambda t: t.resize_(1),
        lambda t: setattr(t, "data", t.float()),
        lambda t: setattr(t, "data", t.to(torch.bfloat16)),
    ],
    ids=["numbers", "shape", "size", "dtype", "unreadable"],
)
def test_a_changed_tensor_is_reported_and_restored(spoil):
    ex = Experiment(tensors=True)
    kept = ex.put(Tensor(ARRAYS[0]))
    spoiled = ex.call("spoil", kept)
    later = ex.read(kept)

    def function(t):
        spoil(t)

    outcomes = local({"spoil": function}).run(ex)
    assert outcomes[spoiled.index].changed == (kept.index,)
    np.testing.assert_array_equal(outcomes[later.index].value.array, ARRAYS[0])


def test_a_seed_repeats_pytorchs_draws_and_leaves_the_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = run(lambda: torch.rand(3)).value.array
    assert torch.equal(torch.rand(3), expected)
    np.testing.assert_array_equal(first, run(lambda: torch.rand(3)).value.array)


def backward(x):
    x = x.clone().requires_grad_()
    with torch.enable_grad():
        squares(x).backward()
    return x.grad


@pytest.mark.parametrize("gradient", [backward, grad(squares), torch.func.jacrev(squares)])
def test_autograd_gives_gradients_only_where_it_is_allowed(gradient):
    np.testing.assert_allclose(run(gradient, ARRAYS[0]).value.array, 2 * ARRAYS[0])
    outcome = run(gradient, ARRAYS[0], autograd=False)
    assert outcome.failure.type == "RuntimeError"


def test_without_autograd_everything_else_works():
    outcome = run(lambda x: torch.relu(x @ x.T).sum(dim=0), ARRAYS[0], autograd=False)
    np.testing.assert_array_equal(outcome.value.array, (ARRAYS[0] @ ARRAYS[0].T).sum(axis=0))
    assert torch.ones(1, requires_grad=True).sum().grad_fn is not None


@pytest.mark.parametrize("autograd", [True, False])
def test_an_experiment_with_tensors_crosses_the_wire(autograd):
    ex = Experiment(seed=7, tensors=True, autograd=autograd)
    for array in ARRAYS:
        ex.put(Tensor(array))
    head, buffers = pack(ex)
    again = unpack_experiment(json.loads(json.dumps(head)), buffers)
    assert (again.tensors, again.autograd) == (True, autograd)
    for step, array in zip(again.steps, ARRAYS, strict=True):
        assert isinstance(step.target, Tensor)
        assert step.target.array.dtype == array.dtype
        np.testing.assert_array_equal(step.target.array, array)


def test_outcomes_with_tensors_cross_the_wire():
    outcome = run(lambda t: [t, {"twice": 2 * t}], ARRAYS[0])
    head, buffers = pack_outcomes([outcome])
    [again] = unpack_outcomes(json.loads(json.dumps(head)), buffers, 1)
    np.testing.assert_array_equal(again.value[0].array, ARRAYS[0])
    np.testing.assert_array_equal(again.value[1]["twice"].array, 2 * ARRAYS[0])


def test_a_tensor_on_the_wire_that_holds_no_array_is_refused():
    head, buffers = pack_outcomes([run(lambda t: t, ARRAYS[0])])
    head["outcomes"][0]["value"] = {"tensor": {"ref": 0}}
    with pytest.raises(WireError):
        unpack_outcomes(head, buffers, 1)


def test_tensors_cross_to_the_students_kernel_and_back():
    rung, _ = choose(RUNGS)
    allowed = Allowed(Limits(), rung=rung, torch=True)
    with KernelSession({}, allowed) as student:
        student.run_cell("import torch\ndef double(t): return torch.add(t, t)")
        ex = Experiment(tensors=True)
        doubled = ex.call("double", ex.put(Tensor(ARRAYS[0])))
        value = student.run(ex)[doubled.index].value
    np.testing.assert_array_equal(value.array, 2 * ARRAYS[0])
