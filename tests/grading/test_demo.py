"""The demo: the real assignment, from source notebook to a graded class."""

import csv
import json
import shutil
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from byhand.grading.course import demo
from byhand.grading.course.commands import nbgrader
from byhand.grading.course.mistakes import mistakes
from byhand.grading.course.notebooks import (
    CourseError,
    assignments,
    grade_id,
    read,
    source_notebook,
    task_of,
)
from byhand.grading.course.reference_weights import FILES
from byhand.grading.plugins.grades import bonus_tests

from .tiny import COURSE


@dataclass
class Demo:
    """course: a copy of this one, demo run in it; output: what it printed; scores: by student."""

    course: Path
    output: str
    scores: dict[str, tuple[float, float]]

    @property
    def folder(self) -> Path:
        return self.course / "build" / "demo"


def scores(course: Path, assignment: str) -> dict[str, tuple[float, float]]:
    """Student -> (raw, score) of a course's grades.csv."""
    with (course / "grades.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["assignment"] == assignment]
    return {row["student_id"]: (float(row["raw_score"]), float(row["score"])) for row in rows}


def copy_weights(made: Path, course: Path, assignment: str, folder: Path) -> None:
    """What write_weights gives, which has made these for all tests."""
    if assignment in FILES:
        shutil.copy(made / FILES[assignment], folder)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Demo:
    course = tmp_path_factory.mktemp("course")
    for name in ("source", "mistakes"):
        shutil.copytree(COURSE / name, course / name)
    shutil.copy(COURSE / "nbgrader_config.py", course)
    leftover = course / "build" / "demo" / "leftover"
    leftover.mkdir(parents=True)
    console = Console(record=True, width=100, file=StringIO())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "write_weights", partial(copy_weights, weights))
        demo.run(course, console)
    return Demo(course, console.export_text(), scores(course / "build" / "demo", demo.WHOLE_CLASS))


@pytest.fixture(scope="module")
def worth() -> dict[str, float]:
    """Test cell -> its points, without the bonus."""
    nb = read(source_notebook(COURSE, demo.WHOLE_CLASS))
    marks = [cell.metadata.nbgrader for cell in nb.cells if grade_id(cell, "grade")]
    return {m.grade_id: m.points for m in marks if m.grade_id not in bonus_tests(nb)}


@pytest.mark.parametrize(
    ("student", "solved", "kept"),
    [
        ("student-01", 1, 1),
        ("student-06", 1, 0.85),
        ("student-07", 1, 0.85**4),
        ("student-08", 1, 0),
        ("student-09", 0, 1),
    ],
)
def test_scores_are_what_the_course_promises(
    graded: Demo, worth: dict[str, float], student: str, solved: float, kept: float
):
    raw = solved * sum(worth.values())
    assert graded.scores[student] == pytest.approx((raw, round(raw * kept, 2)), abs=1e-9)


def test_a_mistake_costs_the_cells_it_should(graded: Demo, worth: dict[str, float]):
    known = mistakes(COURSE / "mistakes" / demo.WHOLE_CLASS)
    everyone = demo.class_of(COURSE, demo.WHOLE_CLASS)
    for student in everyone[1], everyone[2], everyone[4]:
        made = [mistake for mistake in known if student.solutions[mistake.task] == mistake.source]
        lost = {test for mistake in made for test in mistake.costs}
        assert made
        raw = sum(points for test, points in worth.items() if test not in lost)
        assert graded.scores[student.name][0] == pytest.approx(raw)


def test_what_is_missing_or_no_python_costs_its_own_tasks_only(
    graded: Demo, worth: dict[str, float]
):
    everyone = demo.class_of(COURSE, demo.WHOLE_CLASS)
    tasks = list(everyone[0].solutions)
    typo = everyone[9].about.split(":")[0]
    for student, solved in (
        (everyone[3], tasks[: len(tasks) // 2]),
        (everyone[9], {*tasks} - {typo}),
    ):
        raw = sum(points for test, points in worth.items() if task_of(test, tasks) in solved)
        assert graded.scores[student.name][0] == pytest.approx(raw)


def test_everyone_has_a_feedback_page(graded: Demo):
    assert "Feedback pages: build/demo/feedback/<student>/<assignment>/" in graded.output
    for student in graded.scores:
        page = f"build/demo/feedback/{student}/3-layers/layers.html"
        assert (graded.course / page).exists()


def test_it_ends_with_one_link_to_a_report_on_everything(graded: Demo):
    last = graded.output.strip().splitlines()[-1]
    page = Path(last.rpartition("file://")[2])
    assert graded.output.count("file://") == 1
    told = json.loads(page.with_suffix(".json").read_text())
    assert [one["assignment"] for one in told] == assignments(COURSE)
    assert all(len(one["scores"]) >= demo.FEW for one in told)


def test_a_person_finds_a_task_to_grade(graded: Demo):
    report = json.loads((graded.folder / "report" / "all.json").read_text())
    [told] = [one for one in report if one["assignment"] == "5-convnet"]
    assert told["waiting"] == {"student-01": ["compare_optimizers"]}
    handed_in = graded.folder / "submitted" / "student-01" / "5-convnet"
    assert (handed_in / "comparison.json").exists()
    nb = read(graded.folder / "autograded" / "student-01" / "5-convnet" / "convnet.ipynb")
    [shown] = [cell for cell in nb.cells if "plots.with_seeds(" in cell.source]
    assert not [output for output in shown.outputs if output.output_type == "error"]
    assert [output for output in shown.outputs if "text/html" in output.get("data", {})]


def test_the_tables_have_every_task_and_every_score(graded: Demo, worth: dict[str, float]):
    lines = [line.strip() for line in graded.output.splitlines() if line.strip()]
    below = lines[lines.index(demo.WHOLE_CLASS) :]
    table = {line.split()[0]: line for line in reversed(below)}  # the first line of each name
    tasks = list(demo.class_of(COURSE, demo.WHOLE_CLASS)[0].solutions)
    for task in tasks:
        points = sum(points for test, points in worth.items() if task_of(test, tasks) == task)
        assert table[task].split()[1] == f"{points:.4g}"
    said = f" {graded.scores['student-07'][1]:g} of {sum(worth.values()):g}"
    assert table["student-07"].endswith(said)


def test_what_is_not_done_is_said_plainly(graded: Demo):
    submission = graded.folder / "autograded" / "student-09" / demo.WHOLE_CLASS
    tests = [
        cell
        for cell in read(submission / "layers.ipynb").cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    ]
    assert tests
    for cell in tests:
        [failure] = [output for output in cell.outputs if output.output_type == "error"]
        assert "not implemented yet" in failure.evalue, cell.id
        assert "Traceback" not in "\n".join(failure.traceback), cell.id


def test_nothing_outside_the_demo_is_touched_and_nothing_old_stays(graded: Demo):
    assert sorted(path.name for path in graded.course.iterdir()) == [
        "build",
        "mistakes",
        "nbgrader_config.py",
        "source",
    ]
    assert not (graded.folder / "leftover").exists()


def test_the_source_notebook_itself_gets_all_points(graded: Demo, worth: dict[str, float]):
    folder = graded.folder / "submitted" / "source" / demo.WHOLE_CLASS
    shutil.copytree(graded.course / "source" / demo.WHOLE_CLASS, folder)
    nbgrader(graded.folder, "autograde", demo.WHOLE_CLASS, "--student", "source")
    nbgrader(graded.folder, "export", "--to=grades.csv")
    assert scores(graded.folder, demo.WHOLE_CLASS)["source"] == (sum(worth.values()),) * 2


def test_a_test_cell_without_a_task_is_named():
    notebook = SimpleNamespace(grades=[SimpleNamespace(name="test_max", score=1)])
    with pytest.raises(CourseError, match="test_max belongs to no task"):
        demo._points(SimpleNamespace(notebooks=[notebook]), ["softmax"])
