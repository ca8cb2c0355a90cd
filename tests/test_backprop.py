"""The reference solutions of 2-backprop give the figures of the curriculum, digit for digit."""

import ast
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from byhand.grading.course.notebooks import read, reference, source_notebook

NOTEBOOK = source_notebook(Path(__file__).parents[1], "2-backprop")
REFERENCE = reference(NOTEBOOK)
LAST_DIGIT = 5.001e-9  # eight decimals, rounded
TARGET = np.eye(3)[[0, 1, 2, 2, 1]]


@pytest.fixture
def example():
    """X, W, the output and the gradient of the loss by it, on the curriculum's fixed numbers."""
    np.random.seed(0)
    W = REFERENCE.Linear(4, 3).W
    np.random.seed(2)
    X = 10 * np.random.randn(5, 4)
    output = REFERENCE.linear_forward(X, W)
    return X, W, output, REFERENCE.mse_grad(output, TARGET)


def assert_digits(mine: np.ndarray, digits: list[float]):
    np.testing.assert_allclose(mine, digits, rtol=0, atol=LAST_DIGIT)


def test_the_output_has_the_digits_of_the_curriculum(example):
    X, W, output, _ = example
    for y in (output, REFERENCE.forward_loops(X, W)):
        assert_digits(y[0], [-1.78353582, 7.99548235, -7.62463112])
        assert_digits(y[4], [1.7546528, 2.23098844, -3.63738354])


def test_the_gradients_have_the_digits_of_the_curriculum(example):
    X, W, _, g = example
    grad_W, grad_X = REFERENCE.linear_grad_weight(X, W, g), REFERENCE.linear_grad_input(X, W, g)
    assert_digits(grad_W[0], [27.44520232, 30.63657384, 6.58593022, -7.64214714])
    assert_digits(grad_X[0, :3], [-1.71261934, 0.58248877, -1.20374468])
    assert_digits(grad_X[0, 3:], [1.11486682])


def test_a_weight_that_was_left_moved_gives_the_other_last_digit(example):
    X, W, *_ = example
    W[2, 3] -= 1e-8
    g = REFERENCE.mse_grad(REFERENCE.linear_forward(X, W), TARGET)
    assert_digits(REFERENCE.linear_grad_input(X, W, g)[0, 3:], [1.11486685])


def test_the_gradients_are_those_of_autograd(example):
    X, W, _, g = example
    x, w = (torch.tensor(array, requires_grad=True) for array in (X, W))
    loss = ((x @ w.T - torch.tensor(TARGET)) ** 2).sum() / len(X)
    loss.backward()
    assert REFERENCE.mse(X @ W.T, TARGET) == pytest.approx(loss.item(), rel=1e-14)
    for mine, twin in [
        (REFERENCE.linear_grad_weight(X, W, g), w),
        (REFERENCE.linear_grad_input(X, W, g), x),
    ]:
        np.testing.assert_allclose(mine, twin.grad.numpy(), rtol=1e-12)


def test_the_gradients_agree_with_central_differences(example):
    X, W, _, g = example

    def loss(X, W):
        return REFERENCE.mse(REFERENCE.linear_forward(X, W), TARGET)

    for mine, f, point in [
        (REFERENCE.linear_grad_weight(X, W, g), lambda W: loss(X, W), W),
        (REFERENCE.linear_grad_input(X, W, g), lambda X: loss(X, W), X),
    ]:
        numerical = REFERENCE.numerical_gradient(f, point)
        assert REFERENCE.relative_error(mine, numerical) < 1e-5


def test_the_example_of_the_lecture():
    W, x = np.array([[0.9, 0.3], [0.2, 0.8]]), np.array([[1.0, 0.5]])
    y = REFERENCE.sigmoid(REFERENCE.linear_forward(x, W))
    np.testing.assert_array_equal(y.round(4), [[0.7408, 0.6457]])


def test_a_layer_draws_its_weights_uniformly_within_the_bound():
    W = REFERENCE.Linear(100, 200).W
    assert W.shape == (200, 100)
    assert 0.099 < np.abs(W).max() <= 0.1
    assert abs(W.mean()) < 6 * 0.1 / np.sqrt(3 * W.size)


def test_two_layers_agree_with_autograd():
    rng = np.random.default_rng(1)
    network = REFERENCE.TwoLayerNetwork(
        REFERENCE.Linear(4, 6), REFERENCE.Sigmoid(), REFERENCE.Linear(6, 3)
    )
    X, g = rng.standard_normal((5, 4)), rng.standard_normal((5, 3))
    x, W1, W2 = (
        torch.tensor(array, requires_grad=True) for array in (X, network.first.W, network.second.W)
    )
    y = torch.sigmoid(x @ W1.T) @ W2.T
    y.backward(torch.tensor(g))
    np.testing.assert_allclose(network.forward(X), y.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(network.backward(X, g), x.grad.numpy(), rtol=1e-10)
    np.testing.assert_allclose(network.first.grad_W, W1.grad.numpy(), rtol=1e-10)
    np.testing.assert_allclose(network.second.grad_W, W2.grad.numpy(), rtol=1e-10)


def test_the_loop_is_gradient_descent():
    np.random.seed(7)
    network = REFERENCE.TwoLayerNetwork(
        REFERENCE.Linear(4, 6), REFERENCE.Sigmoid(), REFERENCE.Linear(6, 3)
    )
    weights = [torch.tensor(w, requires_grad=True) for w in (network.first.W, network.second.W)]
    X, losses = np.random.randn(5, 4), []
    optimizer = torch.optim.SGD(weights, lr=0.1)
    for _ in range(20):
        optimizer.zero_grad()
        y = torch.sigmoid(torch.tensor(X) @ weights[0].T) @ weights[1].T
        loss = ((y - torch.tensor(TARGET)) ** 2).sum() / len(X)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    np.testing.assert_allclose(REFERENCE.train(network, X, TARGET, 0.1, 20), losses, rtol=1e-12)


def names_kept(tree: ast.Module) -> set[str]:
    """The names that a cell leaves behind for others; those of its for loops are its own."""
    kept, loops = set(), set()
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            kept.add(node.name)
        elif isinstance(node, ast.For):
            loops |= {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
            todo += node.body
        elif isinstance(node, ast.With):
            todo += node.body
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            kept |= {
                name.id
                for target in targets
                for name in ast.walk(target)
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
            }
    return kept - loops


def test_no_cell_writes_over_a_name_of_another():
    cells = [cell.source for cell in read(NOTEBOOK).cells if cell.cell_type == "code"]
    counted = Counter(name for source in cells for name in names_kept(ast.parse(source)))
    assert [name for name, cells_of_it in counted.items() if cells_of_it > 1] == []
