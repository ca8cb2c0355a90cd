"""check.train_step and check.predict: wrong steps fail and are named."""

import linecache

import numpy as np
import pytest

from byhand import check

RIGHT = """
def train_step(network, criterion, optimizer, scheduler, X, y):
    network.train()
    optimizer.zero_grad()
    prediction = network.forward(X)
    loss = criterion.forward(prediction, y)
    network.backward(X, criterion.backward(prediction, y))
    optimizer.step()
    scheduler.step()
    return loss


def predict(network, X, batch_size=500):
    network.eval()
    starts = range(0, len(X), batch_size)
    return np.concatenate([network(X[i : i + batch_size]).argmax(axis=1) for i in starts])
"""


def function(name, instead_of="", write=""):
    """One of the two functions, a piece of it replaced."""
    assert instead_of in RIGHT
    source = RIGHT.replace(instead_of, write)
    file = f"<{hash(source)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace = {"np": np}
    exec(compile(source, file, "exec"), namespace)
    return namespace[name]


def failure(checked, *args):
    with pytest.raises(check.CheckFailed) as caught:
        checked(*args)
    return str(caught.value)


def test_a_right_step_passes_always():
    step = function("train_step")
    for _ in range(50):
        assert check.train_step(step).passed


@pytest.mark.parametrize(
    ("instead_of", "write", "says"),
    [
        ("network.train()", "", "That is the network in eval mode"),
        ("optimizer.zero_grad()", "", "Gradients from before are still in it"),
        ("    optimizer.step()\n    scheduler.step()", "    scheduler.step()\n    optimizer.step()",
         "first the optimizer"),
        ("    optimizer.step()\n", "", "It did not change. Is the optimizer's step missing"),
        ("    optimizer.step()\n", "    optimizer.zero_grad()\n    optimizer.step()\n",
         "It did not change"),
        ("    network.backward(X, criterion.backward(prediction, y))\n", "", "It did not change"),
        ("scheduler.step()", "", "is the scheduler's step missing?"),
        ("return loss", "", "is None, expected a float"),
        ("return loss", "return criterion(network(X), y)", "loss of step 1"),
        ("criterion.backward(prediction, y))", "prediction)", "weight after step 1"),
        ("network.train()", "X *= 2", "X was changed in place"),
        ("network.train()", "y[0] = 0; y += 1; y %= 5", "y was changed in place"),
        ("network.train()", "raise NotImplementedError", "train_step is not implemented yet"),
        ("network.train()", "import torch; torch.zeros(1)", "a solution is NumPy and SciPy only"),
        ("network.train()", "import sklearn; network.train()", "train_step uses sklearn"),
    ],
)  # fmt: skip
def test_a_wrong_step_fails_and_is_named(instead_of, write, says):
    assert says in failure(check.train_step, function("train_step", instead_of, write))


def test_right_classes_pass_always():
    for _ in range(50):
        assert check.predict(function("predict")).passed
        assert check.predict(function("predict"), samples=1, batch_size=500).passed
        assert check.predict(function("predict"), samples=6, batch_size=2).passed


@pytest.mark.parametrize(
    ("instead_of", "write", "says"),
    [
        ("network.eval()", "", "That is the network in train mode"),
        ("range(0, len(X), batch_size)", "range(0, len(X) - batch_size, batch_size)",
         "has shape (6,), expected (7,)"),
        (".argmax(axis=1)", "", "has shape (7, 5), expected (7,)"),
        (".argmax(axis=1)", ".max(axis=1)", "That is the largest output itself"),
        ("return np.concatenate(", "return (", "is a list, expected a NumPy array"),
        ("argmax(axis=1)", "argmin(axis=1)", "That is the smallest output's class"),
        ("network.eval()", "X[...] = 0", "X was changed in place"),
        ("network.eval()", "import sklearn; network.eval()", "predict uses sklearn"),
        ("network.eval()", "raise NotImplementedError", "predict is not implemented yet"),
    ],
)  # fmt: skip
def test_wrong_classes_fail_and_are_named(instead_of, write, says):
    assert says in failure(check.predict, function("predict", instead_of, write))
