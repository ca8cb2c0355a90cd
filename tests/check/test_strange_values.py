"""Whatever comes back from the student's side, a check ends in a report or in CheckFailed."""

import ast
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from byhand import check
from byhand.grading.course.notebooks import read, reference, source_notebook
from byhand.protocol.experiment import Experiment, Failure, Opaque, StepResult
from byhand.protocol.runner import LocalRunner

LAYERS = source_notebook(Path(__file__).parents[2], "3-layers")
REFERENCE = reference(LAYERS)
STRANGE = [
    *(None, True, 5, 10**400, -1.5, float("nan"), float("inf"), "text", "", Opaque("x")),
    *([], [1], ["a", None], [[]], [1, 2, 3, 4], [None] * 4, [{}] * 4, {}, {"a": 1}),
    *(np.zeros(0), np.array(3.0), np.array(True), np.array(1j), np.zeros((1,) * 9)),
    *(np.zeros((5, 4), kind) for kind in (bool, complex, np.float16, np.int8, np.uint64)),
    *(np.full((5, 4), np.nan), [np.zeros(3)], [np.zeros((3, 4)), None], [np.zeros((3, 4))] * 4),
]
FAILURES = [Failure(kind, "T", "m", "w") for kind in ("raised", "unwritten", "time", "skipped")]


class Liar(LocalRunner):
    """Runs the reference solution and then puts strange outcomes in place of some."""

    draw: random.Random

    def run(self, experiment: Experiment) -> list[StepResult]:
        outcomes = super().run(experiment)
        count = self.draw.choice([1, 1, 2, 5, len(outcomes)])
        for index in self.draw.sample(range(len(outcomes)), min(count, len(outcomes))):
            outcomes[index] = self.draw.choice(
                [
                    replace(outcomes[index], value=self.draw.choice(STRANGE)),
                    replace(outcomes[index], value=None, failure=self.draw.choice(FAILURES)),
                    replace(outcomes[index], changed=(self.draw.choice([0, -1, 10**18]),)),
                    replace(outcomes[index], warnings=("<b>",) * 3),
                ]
            )
        return outcomes


def calls() -> list[str]:
    """Every call of a check in the notebook."""
    cells = (c for c in read(LAYERS).cells if c.metadata.get("nbgrader", {}).get("grade"))
    return [ast.unparse(node) for cell in cells for node in ast.parse(cell.source).body]


@pytest.mark.parametrize("seed", range(4))
def test_no_value_makes_a_check_stumble(seed: int, monkeypatch: pytest.MonkeyPatch):
    Liar.draw = random.Random(seed)
    for module in ("layers", "criteria", "optimizers", "dropouts", "sequentials", "loaders"):
        reach = f"byhand.check.{module}.reach"
        monkeypatch.setattr(reach, lambda cls: (cls.__name__, Liar({cls.__name__: cls})))
    failed = 0
    for call in calls():
        try:
            report = eval(call, vars(REFERENCE) | {"check": check, "torch": torch})
        except check.CheckFailed as error:
            failed += 1
            report = error.report
        assert report._repr_html_()
    assert failed > len(calls()) / 4
