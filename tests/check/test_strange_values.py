"""Whatever comes back from the student's side, a check ends in a report or in CheckFailed."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byhand import check
from byhand.check.report import Report
from byhand.grading.course.notebooks import assignments, given_beside, read, reference
from byhand.grading.course.notebooks import source_notebook as source
from byhand.protocol.experiment import Experiment, Failure, Opaque, StepResult, Tensor
from byhand.protocol.runner import LocalRunner

from .runners import local

COURSE = Path(__file__).parents[2]
LEFT_OUT = {"trained", "learns", "speed"}  # they take long
STRANGE = [
    *(None, True, 5, 10**400, -1.5, float("nan"), float("inf"), "text", "", Opaque("x")),
    *([], [1], ["a", None], [[]], [1, 2, 3, 4], [None] * 4, [{}] * 4, {}, {"a": 1}),
    *(np.zeros(0), np.array(3.0), np.array(True), np.array(1j), np.zeros((1,) * 9)),
    *(np.zeros((5, 4), kind) for kind in (bool, complex, np.float16, np.int8, np.uint64)),
    *(np.full((5, 4), np.nan), [np.zeros(3)], [np.zeros((3, 4)), None], [np.zeros((3, 4))] * 4),
    *(Tensor(np.zeros(0)), Tensor(np.ones((5, 4))), Tensor(np.array(True)), [Tensor(np.ones(1))]),
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
                    outcomes[index]._replace(value=self.draw.choice(STRANGE)),
                    outcomes[index]._replace(value=None, failure=self.draw.choice(FAILURES)),
                    outcomes[index]._replace(changed=(self.draw.choice([0, -1, 10**18]),)),
                    outcomes[index]._replace(warnings=("<b>",) * 3),
                ]
            )
        return outcomes


class EveryCheck:
    """Stands for byhand.check in a test cell; a check that fails does not end the cell."""

    def __init__(self):
        self.reports: list[Report] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(check, name)
        is_check = "Report" in str(getattr(found, "__annotations__", {}).get("return"))
        return self._kept(name, found) if is_check else found

    def _kept(self, name: str, called: Callable) -> Callable:
        def keep(*args: Any, **kwargs: Any) -> None:
            if name in LEFT_OUT:
                return
            try:
                report = called(*args, **kwargs)
            except check.CheckFailed as error:
                report = error.reports[0]
            self.reports.append(report)

        return keep


def locked_cells(path: Path) -> list[str]:
    """The sources of the setup cell and the test cells."""
    marked = ((cell, cell.metadata.get("nbgrader", {})) for cell in read(path).cells)
    return [c.source for c, marks in marked if marks.get("locked") and c.cell_type == "code"]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("assignment", assignments(COURSE))
def test_no_value_makes_a_check_stumble(assignment: str, seed: int, monkeypatch):
    def reach(*subjects: Any) -> tuple[list[str], Liar]:
        names = {subject.__name__: subject for subject in subjects}
        return list(names), local(names, Liar)

    Liar.draw = random.Random(seed)
    monkeypatch.setattr("byhand.check.core.reach", reach)
    path, checks = source(COURSE, assignment), EveryCheck()
    with given_beside(path):
        setup, *tests = locked_cells(path)
        names = dict(vars(reference(path)))
        exec(setup, names)
        for cell in tests:
            exec(cell, names | {"check": checks})
    failed = [report for report in checks.reports if not report.passed]
    assert len(failed) > len(checks.reports) / 4
    assert all(report._repr_html_() for report in checks.reports)
