"""The reference solutions of 3-layers as a framework: whole networks beside PyTorch's.

Classes and attributes are used by their names in the curriculum, as other people's tests do.
"""

from math import ceil
from pathlib import Path

import numpy as np
import pytest
import torch

from byhand.grading.course.notebooks import reference, source_notebook

REFERENCE = reference(source_notebook(Path(__file__).parents[1], "3-layers"))


def tensor(array: np.ndarray, grad: bool = False) -> torch.Tensor:
    return torch.from_numpy(array.copy()).requires_grad_(grad)


def close(mine, twin: torch.Tensor) -> None:
    np.testing.assert_allclose(mine, twin.detach().numpy(), rtol=1e-7, atol=1e-9)


def networks(n: int, m: int):
    mine = REFERENCE.Sequential(
        REFERENCE.Linear(n, m),
        REFERENCE.BatchNormalization(m),
        REFERENCE.ReLU(),
        REFERENCE.Linear(m, m, bias=False),
        REFERENCE.Sequential(REFERENCE.BatchNormalization(m, affine=False), REFERENCE.Sigmoid()),
        REFERENCE.Linear(m, 3),
        REFERENCE.LogSoftmax(),
    )
    double = dict(dtype=torch.float64)
    twin = torch.nn.Sequential(
        torch.nn.Linear(n, m, **double),
        torch.nn.BatchNorm1d(m, **double),
        torch.nn.ReLU(),
        torch.nn.Linear(m, m, bias=False, **double),
        torch.nn.BatchNorm1d(m, affine=False, **double),
        torch.nn.Sigmoid(),
        torch.nn.Linear(m, 3, **double),
        torch.nn.LogSoftmax(dim=-1),
    )
    for parameter, other in zip(mine.parameters(), twin.parameters(), strict=True):
        other.data = tensor(parameter)
    return mine, twin


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_a_network_agrees_over_several_passes(mode: str):
    rng = np.random.default_rng(3)
    mine, twin = networks(16, 32)
    getattr(mine, mode)()
    getattr(twin, mode)()
    for _ in range(5):
        x, g = rng.standard_normal((64, 16)), rng.standard_normal((64, 3))
        other = tensor(x, grad=True)
        y = twin(other)
        y.backward(tensor(g))
        close(mine(x), y)
        close(mine.backward(x, g), other.grad)
        for grad, parameter in zip(mine.parameters_grad(), twin.parameters(), strict=True):
            close(grad, parameter.grad)


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("SGD", dict(lr=1e-2)),
        ("SGD", dict(lr=1e-2, momentum=0.9)),
        ("Adam", dict(lr=1e-2)),
        ("Adam", dict(lr=1e-1, betas=(0.7, 0.777))),
    ],
)
def test_training_agrees(name: str, arguments: dict, weight_decay: float):
    rng = np.random.default_rng(4)
    mine, twin = networks(8, 16)
    arguments = arguments | {"weight_decay": weight_decay}
    optimizer = getattr(REFERENCE, name)(mine, **arguments)
    other = getattr(torch.optim, name)(twin.parameters(), **arguments)
    criterion, twin_criterion = REFERENCE.CrossEntropyLoss(), torch.nn.CrossEntropyLoss()
    for _ in range(10):
        x, y = rng.standard_normal((32, 8)), rng.integers(0, 3, 32)
        optimizer.zero_grad()
        prediction = mine(x)
        loss = criterion(prediction, y)
        mine.backward(x, criterion.backward(prediction, y))
        optimizer.step()
        other.zero_grad()
        twin_loss = twin_criterion(twin(tensor(x)), tensor(y))
        twin_loss.backward()
        other.step()
        close(loss, twin_loss)
    for parameter, twin_parameter in zip(mine.parameters(), twin.parameters(), strict=True):
        close(parameter, twin_parameter)


def test_mse_agrees():
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((7, 4)), rng.standard_normal((7, 4))
    mine, other = REFERENCE.MSELoss(), tensor(x, grad=True)
    loss = torch.nn.MSELoss()(other, tensor(y))
    loss.backward()
    close(mine(x, y), loss)
    close(mine.backward(x, y), other.grad)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax", "ReLU", "Sigmoid"])
def test_activations_agree_on_large_inputs(name: str):
    x = np.array([[1e4, -1e4, 0.0], [-1e4, 3.0, 3.0]])
    twin = getattr(torch.nn, name)(**({"dim": -1} if "oftmax" in name else {}))
    other = tensor(x, grad=True)
    y = twin(other)
    g = np.array([[1.0, 2.0, -3.0], [0.5, -1.0, 2.0]])
    y.backward(tensor(g))
    mine = getattr(REFERENCE, name)()
    close(mine(x), y)
    close(mine.backward(x, g), other.grad)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_dropout_keeps_its_promise(p: float):
    x, g = 0.01 + np.random.rand(128, 32), 0.01 + np.random.rand(128, 32)
    dropout = REFERENCE.Dropout(p)
    y, grad = dropout(x), dropout.backward(x, g)
    kept = y != 0
    np.testing.assert_allclose(y[kept] * (1 - p), x[kept])
    np.testing.assert_allclose(grad[kept] * (1 - p), g[kept])
    assert not grad[~kept].any()
    assert abs(kept.mean() - (1 - p)) <= 6 * np.sqrt(p * (1 - p) / x.size)
    dropout.eval()
    np.testing.assert_array_equal(dropout(x), x)
    np.testing.assert_array_equal(dropout.backward(x, g), g)


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 16, 100, 512])
def test_the_data_loader_brings_everything_once(batch_size: int, shuffle: bool, flat: bool):
    X = np.random.randn(100, 5)
    y = np.sort(np.random.randn(100))
    y = y if flat else y[:, None]
    loader = REFERENCE.DataLoader(X, y, batch_size=batch_size, shuffle=shuffle)
    assert len(loader) == ceil(100 / batch_size)
    assert loader.num_samples() == 100
    for _ in range(2):
        batches = list(loader)
        assert [len(b) for b, _ in batches[:-1]] == [batch_size] * (len(loader) - 1)
        targets = np.concatenate([t for _, t in batches])
        assert targets.shape == y.shape
        assert np.array_equal(targets, y) is not shuffle
        np.testing.assert_array_equal(np.sort(targets, axis=0), y)
