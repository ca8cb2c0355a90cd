"""The judge and the student's kernel, without nbgrader around them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from byhand.grading.judge import LockedCells
from byhand.grading.mistakes import mistakes, variants
from byhand.grading.notebooks import read, solution_cells, source_notebook
from byhand.grading.programs import program_of_cells
from byhand.grading.sandbox import Limits
from byhand.grading.student import Allowed, Student

COURSE = Path(__file__).parents[2]
LAYERS = source_notebook(COURSE, "3-layers")
CELLS = {c.metadata.nbgrader.grade_id: c for c in read(LAYERS).cells if "nbgrader" in c.metadata}
TESTS = {name: c.source for name, c in CELLS.items() if c.metadata.nbgrader.grade}
SOLUTIONS = solution_cells(LAYERS)


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Student]:
    allowed = Allowed(Limits(), submission_seconds=1200)
    with Student(tmp_path_factory.mktemp("files"), allowed) as kernel:
        for source in [CELLS["setup"].source, *SOLUTIONS.values()]:
            assert kernel.run_cell(source) == []
        yield kernel


def lost(student: Student, task: str, source: str) -> set[str]:
    """The test cells of a task that fail with this solution in place of the reference."""
    cells, tests = list(student.cells), LockedCells(CELLS["setup"].source, student)
    student.run_cell(source)
    own = [name for name in TESTS if name == f"test_{task}" or name.startswith(f"test_{task}_")]
    if task == "softmax":
        own = ["test_softmax"]
    failed = {name for name in own if any(o.output_type == "error" for o in tests.run(TESTS[name]))}
    student.run_cell(SOLUTIONS[task])
    student.cells = cells
    return failed


def test_mistakes_and_right_solutions_score_as_in_the_notebook(student: Student):
    folder = COURSE / "mistakes" / "3-layers"
    wrong = {f"{m.task}: {m.name}": lost(student, m.task, m.source) for m in mistakes(folder)}
    assert wrong == {f"{m.task}: {m.name}": set(m.costs) for m in mistakes(folder)}
    right = {f"{v.task}: {v.name}": lost(student, v.task, v.source) for v in variants(folder)}
    assert right == {name: set() for name in right}
    assert student.causes == []


def test_a_fault_of_the_course_is_no_failed_check(student: Student):
    tests = LockedCells(CELLS["setup"].source, student)
    with pytest.raises(AttributeError):
        tests.run("check.layer(Linear, like=torch.nn.NoSuchLayer)")


def test_a_function_of_the_students_can_be_called_in_a_test_cell(student: Student):
    student.run_cell("def double(x): return 2 * x")
    tests = LockedCells(CELLS["setup"].source, student)
    assert tests.run("assert double(2) == 4\nassert double(np.ones(2)).sum() == 4") == []
    [output] = tests.run("assert double(2) == 5, 'not five'")
    assert output.evalue == "not five"
    [output] = tests.run("double()")
    assert "raised TypeError" in output.evalue


def test_a_cell_that_python_cannot_read_hides_no_rule():
    cells = ["class Layer:\n  def forward(self, x):\n    for i in x: pass", "def broken(:", "%ls"]
    program = program_of_cells(cells)
    assert "for i in x" in program.text
    assert "broken" not in program.text
    ast.parse(program.text)


def test_imports_are_known_wherever_they_stand():
    program = program_of_cells(["def f():\n    import torch.nn as nn", "from scipy import special"])
    assert program.origins == {"nn": "torch.nn", "special": "scipy"}
