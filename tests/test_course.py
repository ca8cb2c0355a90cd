"""The course grades as it promises: wrong solutions lose their task, right ones lose nothing."""

from pathlib import Path

import pytest

from byhand.grading.course.mistakes import Mistake, Variant, mistakes, variants
from byhand.grading.course.notebooks import (
    assignments,
    grade,
    read,
    solution_cells,
    source_notebook,
)
from byhand.grading.course.reference_weights import write_weights
from byhand.grading.plugins.grades import bonus_tests

COURSE = Path(__file__).parents[1]
DRAWS = 20
BONUS = {"4-optimizers": 2, "5-convnet": 1}  # points
# A student with a wrong layer has trained with it; the reference's weights say nothing about it.
TRAINING = ("train_mlp", "train_mnist")
ASSIGNMENTS = assignments(COURSE)
MISTAKES = [(a, m) for a in ASSIGNMENTS for m in mistakes(COURSE / "mistakes" / a)]
VARIANTS = [(a, v) for a in ASSIGNMENTS for v in variants(COURSE / "mistakes" / a)]


@pytest.fixture(scope="session")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that students hand in beside their notebooks, trained on the small digits."""
    folder = tmp_path_factory.mktemp("handed-in")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.delenv("BYHAND_DATA", raising=False)
        for assignment in ASSIGNMENTS:
            write_weights(COURSE, assignment, folder)
    return folder


@pytest.fixture(autouse=True)
def beside_them(handed_in: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(handed_in)
    monkeypatch.setenv("XDG_CACHE_HOME", str(handed_in / "cache"))
    monkeypatch.delenv("BYHAND_DATA", raising=False)


def lost(assignment: str, replace: dict[str, str], without: tuple[str, ...] = ()) -> dict[str, str]:
    """The test cells that a submission loses points in, with their messages."""
    results = grade(source_notebook(COURSE, assignment), replace, without)
    return {test: r.message for test, r in results.items() if r.points < r.max_points}


def label(value: object) -> str:
    return f"{value.task}: {value.name}" if isinstance(value, Variant) else str(value)


@pytest.mark.parametrize(("assignment", "mistake"), MISTAKES, ids=label)
def test_a_mistake_costs_its_own_points_and_is_named(assignment: str, mistake: Mistake):
    without = () if mistake.task in TRAINING else TRAINING
    messages = lost(assignment, {mistake.task: mistake.source}, without)
    assert set(messages) == set(mistake.costs)
    assert mistake.says in "\n".join(messages.values())


@pytest.mark.parametrize(("assignment", "variant"), VARIANTS, ids=label)
def test_a_right_solution_in_another_style_loses_nothing(assignment: str, variant: Variant):
    assert lost(assignment, {variant.task: variant.source}) == {}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_task_has_a_mistake_and_another_style(assignment: str):
    tests = grade(source_notebook(COURSE, assignment))
    caught = {test for a, m in MISTAKES if a == assignment for test in m.costs}
    assert caught == set(tests)
    tasks = {m.task for a, m in MISTAKES if a == assignment}
    assert tasks == {v.task for a, v in VARIANTS if a == assignment}


@pytest.mark.parametrize("draw", range(DRAWS))
@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_reference_never_loses_a_point(assignment: str, draw: int):
    assert lost(assignment, {}) == {}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_an_assignment_is_worth_ten_points_without_its_bonus(assignment: str):
    nb = read(source_notebook(COURSE, assignment))
    marks = [cell.metadata.get("nbgrader", {}) for cell in nb.cells]
    points = {mark.grade_id: mark.points for mark in marks if mark.get("grade")}
    bonus = {test: points.pop(test) for test in bonus_tests(nb)}
    assert sum(points.values()) == pytest.approx(10)
    assert sum(bonus.values()) == BONUS.get(assignment, 0)


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
