"""The checks of assignment 1: the two-layer net, its training, the Bernoulli gate."""

import numpy as np
import pytest
import torch

from byhand import check
from byhand.check.comparisons.regression import KINK, SIZES, WEIGHTS, draw_problem, outputs
from byhand.check.random_inputs import Draw


def forward(x, y, w1, b1, w2, b2):
    h = torch.relu(x @ w1 + b1)
    out = h @ w2 + b2
    return h, out, ((out - y) ** 2).sum()


def gradients(x, y, w1, b1, w2, b2):
    h, out, _ = forward(x, y, w1, b1, w2, b2)
    g = 2 * (out - y)
    back = (g @ w2.T) * (h > 0)
    return x.T @ back, back.sum(dim=0), h.T @ g, g.sum(dim=0)


def step(x, y, w1, b1, w2, b2, lr):
    loss = forward(x, y, w1, b1, w2, b2)[2]
    moves = gradients(x, y, w1, b1, w2, b2)
    for weight, move in zip((w1, b1, w2, b2), moves, strict=True):
        weight -= lr * move
    return loss


def by_autograd(x, y, w1, b1, w2, b2, lr, steps):
    losses = []
    for _ in range(steps):
        weights = [w.detach().requires_grad_() for w in (w1, b1, w2, b2)]
        loss = forward(x, y, *weights)[2]
        with torch.no_grad():
            for weight, move in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                weight -= lr * move
        losses.append(loss.item())
    return losses


def by_optimizer(x, y, w1, b1, w2, b2, lr, steps):
    losses = []
    weights = [w.requires_grad_() for w in (w1, b1, w2, b2)]
    optimizer = torch.optim.SGD(weights, lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = forward(x, y, *weights)[2]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def by_hand(x, y, w1, b1, w2, b2, lr, steps):
    return [step(x, y, w1, b1, w2, b2, lr) for _ in range(steps)]


class Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, p):
        return torch.bernoulli(p)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


def gate(p):
    return Gate.apply(p)


def opposite(p):
    """Half of the rows are drawn with 1 - u where the others are drawn with u."""
    u = torch.rand_like(p)
    if p.ndim > 1:
        u[len(p) // 2 :] = 1 - u[: len(p) // 2]
    return (u < p).to(p.dtype)


def repeated(p):
    """Two columns share their random numbers."""
    u = torch.rand_like(p)
    if p.ndim > 1:
        u[..., -1] = u[..., 0]
    return (u < p).to(p.dtype)


def failure(call, *args, **kwargs):
    with pytest.raises(check.CheckFailed) as caught:
        call(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize("sizes", [SIZES, (1, 1, 1), (4, 5, 3), (3, 3, 3)])
@pytest.mark.parametrize("batch", [64, 3, 1])
def test_right_functions_pass_on_every_size(batch, sizes):
    assert check.network(forward, batch=batch, sizes=sizes).passed
    for name in WEIGHTS:
        assert check.network_gradients(gradients, look=name, batch=batch, sizes=sizes).passed


@pytest.mark.parametrize(
    ("train", "by"), [(step, "hand"), (by_autograd, "autograd"), (by_optimizer, "optimizer")]
)
def test_a_right_descent_passes(train, by):
    assert check.descent(train, by=by).passed


def test_a_right_gate_passes():
    assert check.straight_through(gate).passed


@pytest.mark.parametrize("batch", [64, 3, 1])
def test_no_hidden_unit_is_near_the_kink(batch):
    for seed in range(50):
        problem = draw_problem(batch, SIZES, Draw(seed))
        z = problem["x"] @ problem["w1"] + problem["b1"]
        assert np.abs(z).min() > KINK


def test_the_answers_are_those_of_the_formulas():
    problem = draw_problem(64, SIZES, Draw(0))
    x, y, w1, b1, w2, b2 = problem.values()
    h = np.maximum(x @ w1 + b1, 0)
    answers = outputs(*map(torch.from_numpy, problem.values()))
    for answer, expected in zip(
        answers, (h, h @ w2 + b2, ((h @ w2 + b2 - y) ** 2).sum()), strict=True
    ):
        np.testing.assert_allclose(answer, expected, rtol=1e-13)


def test_the_answers_draw_nothing_from_the_students_generator():
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    check.network(forward)
    check.descent(step, by="hand")
    assert torch.equal(torch.rand(2), expected)


def test_only_the_gradient_that_is_looked_at_counts():
    def half(*args):
        _, _, w2, b2 = gradients(*args)
        return None, "not yet", w2, b2

    assert check.network_gradients(half, look="w2").passed
    assert "is None" in failure(check.network_gradients, half, look="w1")
    assert "is a str" in failure(check.network_gradients, half, look="b1")


def test_a_failure_names_the_call_that_repeats_it():
    text = failure(check.network_gradients, lambda *_: (0, 0, 0, 0), look="w1", seed=5)
    assert "check.network_gradients(..., seed=5)" in text
    text = failure(check.network, lambda *_: (0, 0, 0), seed=5)
    assert "check.network(..., seed=5)" in text


def test_the_optimizer_is_asked_for_and_counted():
    assert "took 0 of 5 steps" in failure(check.descent, by_autograd, by="optimizer")
    assert "here they are yours" in failure(check.descent, by_optimizer, by="autograd")


def test_autograd_is_asked_for():
    assert "do not come from it" in failure(check.descent, by_hand, by="autograd")


def test_autograd_is_refused_where_the_gradients_are_to_be_written():
    def recorded(x, y, w1, b1, w2, b2, lr):
        return by_autograd(x, y, w1, b1, w2, b2, lr, 1)[0]

    assert "does not require grad" in failure(check.descent, recorded, by="hand")


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (lambda a, b, c: None, "returned None, expected 3 things in this order (is a `return`"),
        (lambda a, b, c: [], "returned 0 things, expected 3 things"),
        (lambda a, b, c: [a, b], "returned 2 things, expected 3 things"),
        (lambda a, b, c: [a, None, c], "before step 2        is None, expected a float"),
        (lambda a, b, c: [a, np.ones(2), c], "is an array of shape (2,), expected one number"),
        (lambda a, b, c: [a, b, np.nan], "before step 3        is nan, expected"),
    ],
)
def test_losses_that_are_none_are_said_in_words(returned, says):
    def train(*args):
        return returned(*by_autograd(*args))

    assert says in failure(check.descent, train, by="autograd")


def sampled(sample):
    """A gate with another way to sample, the gradient going straight through."""

    def wrong(p):
        return p + (sample(p) - p).detach()

    return wrong


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (sampled(lambda p: torch.bernoulli(p) * (p < 1)), "p = 1 always 1"),
        (sampled(lambda p: torch.where(p == 1, p, torch.bernoulli(0.8 * p))), "away from what p"),
        (sampled(lambda p: torch.where(p % 1 == 0, p, torch.bernoulli(p * 0 + 0.5))), "away from"),
        (sampled(torch.round), "It rounds p"),
        (sampled(lambda p: (torch.rand(len(p), 1) < p).to(p)), "serves several entries"),
        (sampled(lambda p: (torch.rand(p.shape[1]) < p).to(p)), "serves several entries"),
        (sampled(opposite), "draw for each entry"),
        (sampled(repeated), "draw a number for each entry"),
        (lambda p: torch.bernoulli(p).float(), "is float32, expected float64"),
        (lambda p: torch.bernoulli(p)[:1], "has shape (1, 32), expected (64, 32)"),
        (lambda p: torch.bernoulli(p), "Yours is all zeros"),
        (lambda p: gate(p) * 2, "FAIL  every entry is 0 or 1  "),
        (lambda p: gate(p).tolist(), "it is a list, expected a PyTorch tensor"),
        (lambda p: gate(p) + 0 * p, ""),
        (lambda p: gate(p) * gate(p), "away from what p"),
    ],
)
def test_a_wrong_gate_is_caught(wrong, says):
    if says:
        assert says in failure(check.straight_through, wrong)
    else:
        assert check.straight_through(wrong).passed
