"""The judge and the student's kernel, without nbgrader around them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from byhand.grading.course.mistakes import Mistake, mistakes, variants
from byhand.grading.course.notebooks import (
    assignments,
    given_beside,
    read,
    solution_cells,
    source_notebook,
    task_of,
)
from byhand.grading.course.reference_weights import FILES
from byhand.grading.sandbox.kernel import Limits
from byhand.grading.sandbox.kernel_session import Allowed, KernelSession
from byhand.grading.sandbox.staging import read_files
from byhand.grading.sandbox.torch_session import open_session
from byhand.grading.submission.test_cells import GradedCells

from .recipes.probes import PROBED

COURSE = Path(__file__).parents[2]
WITH_TORCH = "1-autograd"


@dataclass
class Kernel:
    """A student's kernel in which everything of an assignment is solved.

    setup, tests: sources of the setup cell and of the test cells, by grade_id.
    """

    student: KernelSession
    setup: str
    tests: dict[str, str]
    solutions: dict[str, str]

    def lost(self, task: str, source: str) -> set[str]:
        """The test cells of a task that fail with this solution in place of the reference."""
        cells, locked = list(self.student.cells), GradedCells(self.setup, self.student)
        self.student.run_cell(source)
        failed = {
            name
            for name, test in self.tests.items()
            if task_of(name, list(self.solutions)) == task
            and any(output.output_type == "error" for output in locked.run(test))
        }
        self.student.run_cell(self.solutions[task])
        self.student.cells = cells
        return failed


@contextmanager
def solved(
    assignment: str, folder: Path, weights: Path | None = None, **allowed: Any
) -> Iterator[Kernel]:
    path = source_notebook(COURSE, assignment)
    cells = {c.metadata.nbgrader.grade_id: c for c in read(path).cells if "nbgrader" in c.metadata}
    tests = {name: c.source for name, c in cells.items() if name.startswith("test_")}
    setup, solutions = cells["setup"].source, solution_cells(path)
    for module in path.parent.glob("*.py"):
        shutil.copy(module, folder)
    if weights and assignment in FILES:
        shutil.copy(weights / FILES[assignment], folder)
    how = Allowed(Limits(), submission_seconds=1200, torch=assignment == WITH_TORCH, **allowed)
    with open_session(read_files(folder, Limits.written), how) as student, given_beside(path):
        for source in [setup, *solutions.values()]:
            assert student.run_cell(source) == []
        yield Kernel(student, setup, tests, solutions)


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with solved("3-layers", tmp_path_factory.mktemp("files")) as kernel:
        yield kernel


@pytest.fixture
def student(layers: Kernel) -> KernelSession:
    return layers.student


def one_for_each_cell(folder: Path) -> list[Mistake]:
    """For each test cell the first mistake that fails it; tests/test_course.py has them all."""
    first: dict[str, Mistake] = {}
    for mistake in mistakes(folder):
        for cell in mistake.costs:
            first.setdefault(cell, mistake)
    return list(dict.fromkeys(first.values()))


@pytest.mark.parametrize("assignment", assignments(COURSE))
def test_mistakes_and_right_solutions_score_as_in_the_notebook(assignment, tmp_path, weights):
    folder = COURSE / "mistakes" / assignment
    with solved(assignment, tmp_path, weights) as kernel:
        for tried in [*one_for_each_cell(folder), *variants(folder)]:
            costs = set(getattr(tried, "costs", ()))
            assert kernel.lost(tried.task, tried.source) == costs, f"{tried.task}: {tried.name}"
        assert kernel.student.causes == []


@pytest.mark.parametrize("assignment", PROBED)
def test_what_a_check_brings_along_gives_no_answer_away(assignment, tmp_path, weights):
    with solved(assignment, tmp_path, weights) as kernel:
        for tried in PROBED[assignment]:
            assert kernel.lost(tried.task, tried.source) == tried.costs, tried.name


def test_a_fault_of_the_course_is_no_failed_check(student: KernelSession):
    tests = GradedCells("import numpy as np\nimport torch\nfrom byhand import check", student)
    with pytest.raises(AttributeError):
        tests.run("check.layer(Linear, like=torch.nn.NoSuchLayer)")


def test_a_function_of_the_students_can_be_called_in_a_test_cell(student: KernelSession):
    student.run_cell("def double(x): return 2 * x")
    tests = GradedCells("import numpy as np\nimport torch\nfrom byhand import check", student)
    assert tests.run("assert double(2) == 4\nassert double(np.ones(2)).sum() == 4") == []
    [output] = tests.run("assert double(2) == 5, 'not five'")
    assert output.evalue == "not five"
    [output] = tests.run("double()")
    assert "raised TypeError" in output.evalue


def test_a_solution_under_a_magic_is_judged_by_its_text(tmp_path: Path):
    with solved("2-backprop", tmp_path) as kernel:
        for magic in ("%%time", "%%capture", "%%prun -q"):
            right = f"{magic}\n{kernel.solutions['forward_loops']}"
            assert kernel.lost("forward_loops", right) == set()
            wrong = f"{magic}\n{kernel.solutions['forward_loops'].replace('forward_loops', 'slow')}"
            wrong += "\ndef linear_forward(x, W): return slow(x, W)\n"
            assert kernel.lost("linear_forward", wrong) == {"test_linear_forward"}
