"""Where shapes do not fit, a failure names the arrays of the line that failed, with theirs."""

import linecache
import re

import numpy as np
import pytest
import torch

from byhand.check import tensors
from byhand.protocol.experiment import Experiment, Tensor
from byhand.protocol.runner import LocalRunner

CELL = """\
import numpy as np

class Layer:
    def __init__(self):
        self.weight, self.wörter = np.ones((3, 4)), np.ones(3)
        self.parts = [np.ones((9, 9))]

    @property
    def odd(self):
        raise RuntimeError("it breaks when it is looked at")

    def forward(self, x):
        {}
"""


def failure(line: str, x=None, keep: bool = True) -> str:
    """What is said of a forward pass with this line, for x of shape (5, 4)."""
    source = CELL.format(line)
    namespace = {"__name__": "notebook"}
    exec(compile(source, "<cell>", "exec"), namespace)
    if keep:
        linecache.cache["<cell>"] = (len(source), None, source.splitlines(True), "<cell>")
    try:
        experiment = Experiment()
        layer = experiment.call("Layer")
        experiment.method(layer, "forward", np.ones((5, 4)) if x is None else x)
        return str(LocalRunner(namespace, {}).run(experiment)[-1].failure)
    finally:
        linecache.cache.pop("<cell>", None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "return x @ self.weight + 1",
            "matmul: the shapes do not fit: x (5, 4), self.weight (3, 4)",
        ),
        ("return self.weight.T @ x", "the shapes do not fit: self.weight.T (4, 3), x (5, 4)"),
        ("return np.exp(x) + self.wörter", "the shapes do not fit: x (5, 4), self.wörter (3,)"),
        ("x[:] = self.weight[:2]", "shape (2,4) into shape (5,4): x (5, 4), self.weight (3, 4)"),
        ("self.weight += x", "the shapes do not fit: self.weight (3, 4), x (5, 4)"),
        (
            "return np.dot(\n            x, self.weight\n        )",
            "not aligned: 4 (dim 1) != 3 (dim 0): x (5, 4), self.weight (3, 4)",
        ),
        ("y = x.sum(); return x.reshape(7, y.size)", "size 20 into shape (7,1): x (5, 4)"),
        ("return x.T @ (x @ x)", "the shapes do not fit: x (5, 4), x.T (4, 5)"),
        ("return x @ self.parts[0]", "the shapes do not fit: x (5, 4)"),
        ("return x @ np.ones((3, 3)) + self.odd", "the shapes do not fit: x (5, 4)"),
    ],
)
def test_arrays_are_named_with_their_shapes(line: str, said: str):
    found = failure(line)
    assert f"{said} (in forward, line 13: " in found
    assert "gufunc" not in found


def test_tensors_too():
    experiment = Experiment(tensors=True)
    namespace = {"layer": lambda x: x @ torch.ones(3, 4)}
    experiment.call("layer", Tensor(np.ones((5, 4))))
    [result] = LocalRunner(namespace, {}, tensors).run(experiment)
    assert "cannot be multiplied (5x4 and 3x4): x (5, 4)" in str(result.failure)


@pytest.mark.parametrize(
    ("line", "keep"),
    [
        ("return np.ones((2, 3)) + np.ones(2)", True),  # nothing in it has a name
        ("return x @ self.weight", False),  # the text is not known
        ("raise ValueError('operands could not be broadcast together: made up')", True),
    ],
)
def test_without_names_numpys_own_words_stay(line: str, keep: bool):
    found = failure(line, keep=keep)
    assert re.match("raised ValueError: (operands could not be broadcast|matmul: Input op)", found)
    assert "the shapes do not fit" not in found


def test_other_errors_are_told_as_they_are():
    assert "raised KeyError: 'x' (in forward" in failure("return dict(a=x)['x']")
