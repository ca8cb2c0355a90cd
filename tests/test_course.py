"""The course grades as it promises: wrong solutions lose their task, right ones lose nothing."""

import secrets
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

import pytest

from byhand.check.random_inputs import Memory
from byhand.grading.course.mistakes import Mistake, Variant, mistakes, variants
from byhand.grading.course.notebooks import (
    assignments,
    grade,
    read,
    solution_cells,
    source_notebook,
)
from byhand.grading.plugins.grades import bonus_tests

COURSE = Path(__file__).parents[1]
DRAWS = 5
# A student with a wrong layer has trained with it; the reference's weights say nothing about it.
TRAINING = {"train_mlp", "train_mnist", "train_sorter"}
ASSIGNMENTS = assignments(COURSE)
MISTAKES = [(a, m) for a in ASSIGNMENTS for m in mistakes(COURSE / "mistakes" / a)]
VARIANTS = [(a, v) for a in ASSIGNMENTS for v in variants(COURSE / "mistakes" / a)]
FIRST = {(type(v), a, v.task): v for a, v in reversed(MISTAKES + VARIANTS)}
TASKS = {a: set(solution_cells(source_notebook(COURSE, a))) for a in ASSIGNMENTS}


@pytest.fixture(autouse=True)
def in_a_students_folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch):
    """Trained weights are made, and lie there, only for a test that needs them: it takes long."""
    given = request.node.callspec.params
    tried = given.get("mistake") or given.get("variant")
    needed = "weights" in request.fixturenames or (tried and tried.task in TRAINING)
    folder = request.getfixturevalue("weights") if needed else tmp_path
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.delenv("BYHAND_DATA", raising=False)


@cache
def memory_of(assignment: str) -> Memory:
    """The draws of this run: for each mistake anew they, and what PyTorch answers to them, would
    take half of the time."""
    return Memory(secrets.randbits(64))


def lost(
    assignment: str,
    replace: Mapping[str, str],
    only: Collection[str] | None = None,
    memory: Memory | None = None,
) -> dict[str, str]:
    """The test cells that a submission loses points in, with their messages."""
    results = grade(source_notebook(COURSE, assignment), replace, only, memory)
    return {test: r.message for test, r in results.items() if r.points < r.max_points}


def lost_by(assignment: str, tried: Variant) -> dict[str, str]:
    """The same with one solution in place of the reference's, by the tests of its task.

    The first mistake and the first variant of a task go through the tests of all that do not
    train: they stand for the others, which cost no other task either.
    """
    is_first = tried is FIRST[type(tried), assignment, tried.task]
    only = {tried.task} | (TASKS[assignment] - TRAINING if is_first else set())
    return lost(assignment, {tried.task: tried.source}, only, memory_of(assignment))


def graded_cells(assignment: str) -> set[str]:
    """The names of an assignment's test cells."""
    cells = read(source_notebook(COURSE, assignment)).cells
    marks = [c.metadata.get("nbgrader", {}) for c in cells if c.cell_type == "code"]
    return {mark.grade_id for mark in marks if mark.get("grade")}


def label(value: object) -> str:
    return f"{value.task}: {value.name}" if isinstance(value, Variant) else str(value)


@pytest.mark.parametrize(("assignment", "mistake"), MISTAKES, ids=label)
def test_a_mistake_costs_its_own_points_and_is_named(assignment: str, mistake: Mistake):
    messages = lost_by(assignment, mistake)
    assert set(messages) == set(mistake.costs)
    assert mistake.says in "\n".join(messages.values())


@pytest.mark.parametrize(("assignment", "variant"), VARIANTS, ids=label)
def test_a_right_solution_in_another_style_loses_nothing(assignment: str, variant: Variant):
    assert lost_by(assignment, variant) == {}


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize("assignment", [a for a in ASSIGNMENTS if TASKS[a] & TRAINING])
def test_networks_of_right_solutions_in_another_style_train_as_well(assignment: str):
    replace = {v.task: v.source for a, v in VARIANTS if a == assignment}
    assert lost(assignment, replace, TASKS[assignment] & TRAINING) == {}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_task_has_a_mistake_and_another_style(assignment: str):
    caught = {test for a, m in MISTAKES if a == assignment for test in m.costs}
    assert caught == graded_cells(assignment)
    tasks = {m.task for a, m in MISTAKES if a == assignment}
    assert tasks == {v.task for a, v in VARIANTS if a == assignment}


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize("draw", range(DRAWS))
@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_reference_never_loses_a_point(assignment: str, draw: int):
    assert lost(assignment, {}) == {}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_an_assignment_is_worth_ten_points_without_its_bonus(assignment: str):
    nb = read(source_notebook(COURSE, assignment))
    marks = [cell.metadata.get("nbgrader", {}) for cell in nb.cells]
    points = {mark.grade_id: mark.points for mark in marks if mark.get("grade")}
    bonus = [points.pop(test) for test in bonus_tests(nb)]
    assert sum(points.values()) == pytest.approx(10)
    assert all(worth > 0 for worth in bonus)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_an_untouched_release_is_told_what_is_not_written_yet(assignment: str):
    released = source_notebook(COURSE, assignment)
    released = COURSE / "release" / released.relative_to(COURSE / "source")
    results = grade(source_notebook(COURSE, assignment), solution_cells(released))
    for result in results.values():
        assert result.points == 0
        failed = [line for line in result.message.splitlines() if line.startswith("  FAIL")]
        assert failed
        assert all(line.endswith(" is not implemented yet") for line in failed), result.message
