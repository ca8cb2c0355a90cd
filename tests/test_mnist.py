"""The references reach the goals of the last two assignments, on MNIST wherever it is at hand."""

import os
from pathlib import Path

import pytest

from byhand import data, training
from byhand.grading.notebooks import grade, source_notebook
from byhand.grading.weights import write_weights

COURSE = Path(__file__).parents[1]
BESIDE = COURSE.parent / "shared" / "mnist"  # where CI has it
GOALS = {  # assignment -> test cells, the share that is right on MNIST, and on the small digits
    "4-optimizers": (("test_train_mlp_accuracy", "test_train_mlp_learns"), 0.975, 0.95),
    "5-convnet": (("test_train_mnist_accuracy", "test_train_mnist_learns"), 0.99, 0.97),
}


@pytest.fixture(params=GOALS)
def assignment(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """An assignment with MNIST at hand, in a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    if "BYHAND_DATA" not in os.environ and BESIDE.is_dir():
        monkeypatch.setenv("BYHAND_DATA", str(BESIDE))
    return request.param


def test_the_reference_reaches_the_goal_and_its_file_is_accepted(assignment: str, tmp_path: Path):
    tests, on_mnist, on_small_digits = GOALS[assignment]
    history: training.History = write_weights(COURSE, assignment, tmp_path)
    goal = on_mnist if data.at_hand().name == "MNIST" else on_small_digits
    assert history.test_accuracy[-1] >= goal
    results = grade(source_notebook(COURSE, assignment))
    assert [results[test].message for test in tests] == ["", ""]
