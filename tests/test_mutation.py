"""Mutants of the reference solutions: what the operators make; a sample of them is killed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.mutants import mutants
from byhand.nn import Module

COURSE = Path(__file__).parents[1]
CELL = '''class Layer:
    """A layer."""

    def forward(self, x, axis):
        y = x + 1  # given
        ### BEGIN SOLUTION
        {line}
        ### END SOLUTION
        return y + self.weight + self.bias
'''


def new_lines(line: str) -> set[str]:
    """What becomes of a line."""
    return {mutant.new for mutant in mutants(CELL.format(line=line))}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("y = x - 2", {"y = x + 2", "y = x", "y = 2 - x", "y = x - 3", "y = x - 0", "pass"}),
        ("y = x - 2", {"y = x - -2", "y = x.__isub__(2)", "y = axis - 2"}),
        ("y = 0.5 @ x", {"y = 1.0 @ x", "y = 0.0 @ x", "y = -0.5 @ x", "y = 0.5 * x"}),
        ("y += x", {"y = x", "y -= x", "x += x"}),
        ("y = x.sum(axis=(0, 2))", {f"y = x.sum(axis={a})" for a in ("None", "-1", "(0,)", "0")}),
        ("y = x.sum(axis=0)", {"y = x.mean(axis=0)", "y = x.sum()", "y = x"}),
        ("y = x.sum(axis=0)", {"y = x.sum(axis=0, keepdims=True)"}),
        ("y = x.max(0, keepdims=True)", {"y = x.max(0, keepdims=False)", "y = x.max(0)"}),
        ("y = np.clip(x, 0)", {"y = np.clip(0, x)", "y = np.clip(x)", "y = x"}),
        ("y = x.T.copy()", {"y = x.copy()", "y = x.T"}),
        ("y = -x if not axis else y", {"y = -x if axis else y", "y = y", "y = -x"}),
        ("y = x[axis:, ::2]", {"y = x[axis + 1:, ::2]", "y = x[:, ::2]", "y = x[axis:, :]"}),
        ("y = x < 1 and axis", {"y = x <= 1 and axis", "y = x < 1 or axis", "y = x < 1"}),
        ("y = self.weight", {"y = self.bias"}),
        ("return y", {"return None", "return x"}),
        ("for i in range(3): y += i", {"for i in range(3 - 1):", "for i in range(1, 3):"}),
        ("if x: y = 1", {"if not x:", "if True:", "if False:", "pass", "y = 2"}),
    ],
)
def test_the_operators_change_a_line(line: str, expected: set[str]):
    assert expected <= new_lines(line)


def test_only_the_solution_changes():
    cell = CELL.format(line="y = y @ x")
    for mutant in mutants(cell):
        before, after = cell.splitlines(), mutant.source.splitlines()
        assert (after[:5], after[6:]) == (before[:5], before[8:])
        assert (after[5].strip(), mutant.old) == (mutant.new, "y = y @ x")


def test_every_mutant_is_new_and_compiles():
    cell = CELL.format(line="y = [(x + x) ** 2 for i in range(1, len(x)) if not i == axis]")
    sources = [mutant.source for mutant in mutants(cell)]
    assert len(sources) == len(set(sources)) > 40
    assert cell not in sources
    for source in sources:
        compile(source, "<mutant>", "exec")


def test_messages_and_strict_stay():
    assert new_lines('raise ValueError(f"{x} is not {axis}")') == {"pass"}
    assert not any("strict=False" in new for new in new_lines("y = zip(x, y, strict=True)"))


def test_the_checks_kill_a_sample():
    command = [sys.executable, COURSE / "bench" / "mutation.py", "--sample", "60"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_task_that_is_not_there_is_told_in_one_line():
    command = [sys.executable, COURSE / "bench" / "mutation.py", "3-layers/nothing"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "mutation.py: no such assignment or task: 3-layers/nothing.\n"


LINEAR = """
class Linear(Module):
    def __init__(self):
        super().__init__()
        self.weight, self.grad_weight = np.eye(2, dtype=np.float32), np.zeros((2, 2))

    def compute_output(self, x):
        self.doubled = 2 * x
        return self.doubled @ self.weight.T

    def compute_grad_input(self, x, grad_output):
        return grad_output @ self.weight * self.doubled

    def update_grad_parameters(self, x, grad_output):
        self.grad_weight += grad_output.T @ self.doubled
"""


def training_run(layer: Module) -> list[np.ndarray]:
    """What a layer returns for the batches of a training run, at once and in the end."""
    first, results = np.arange(6.0).reshape(3, 2), []
    last = first + 2
    for x in (first, np.asfortranarray(first + 1), np.float32(first), last, last):
        layer.weight += len(results)
        y, g = layer.forward(x), x + 1
        results += [y, y.copy(), x.copy(), layer.backward(x, g), g, layer.grad_weight.copy()]
        layer.eval() if len(results) > 20 else layer.train()
    return results


def test_each_habit_shows_in_a_training_run(monkeypatch):
    monkeypatch.syspath_prepend(COURSE / "bench")
    from habits import HABITS, habits

    def run(habit=None):
        namespace = {"Module": Module, "np": np}
        exec(LINEAR, namespace)
        if habit is not None:
            habit.put_on(namespace)
        return training_run(namespace["Linear"]())

    found = list(habits(LINEAR, "check.layer(Linear)"))
    assert {habit.new for habit in found} == set(HABITS)
    assert list(habits(LINEAR, "check.layer(Other)")) == []
    right = run()
    for habit in found:
        pairs = zip(run(habit), right, strict=True)
        alike = all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)
        assert not alike, (habit.old, habit.new)
