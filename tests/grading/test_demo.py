"""The demo: the real assignment, from source notebook to a graded class."""

import csv
import shutil
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from byhand.grading.course import demo
from byhand.grading.course.commands import nbgrader
from byhand.grading.course.mistakes import mistakes
from byhand.grading.course.notebooks import CourseError, grade, read, source_notebook

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


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    course = tmp_path_factory.mktemp("course")
    for name in ("source", "mistakes"):
        shutil.copytree(COURSE / name, course / name)
    shutil.copy(COURSE / "nbgrader_config.py", course)
    leftover = course / "build" / "demo" / "leftover"
    leftover.mkdir(parents=True)
    console = Console(record=True, width=100, file=StringIO())
    demo.run(course, console)
    return Demo(course, console.export_text(), scores(course / "build" / "demo", demo.WHOLE_CLASS))


@pytest.mark.parametrize(
    ("student", "raw", "score"),
    [
        ("student-01", 10, 10),
        ("student-06", 10, 8.5),
        ("student-07", 10, 5.22),
        ("student-08", 10, 0),
        ("student-09", 0, 0),
        ("student-10", 9.5, 9.5),
    ],
)
def test_scores_are_what_the_course_promises(graded: Demo, student: str, raw: float, score: float):
    assert graded.scores[student] == pytest.approx((raw, score), abs=1e-9)


def test_a_mistake_costs_the_cells_it_should(graded: Demo):
    known = mistakes(COURSE / "mistakes" / demo.WHOLE_CLASS)
    points = grade(source_notebook(COURSE, demo.WHOLE_CLASS))
    everyone = demo.class_of(COURSE, demo.WHOLE_CLASS)
    for student in everyone[1], everyone[2], everyone[4]:
        made = [mistake for mistake in known if student.solutions[mistake.task] == mistake.source]
        lost = {test for mistake in made for test in mistake.costs}
        assert made
        raw = 10 - sum(points[test].max_points for test in lost)
        assert graded.scores[student.name][0] == pytest.approx(raw)


def test_half_the_tasks_earn_their_points(graded: Demo):
    assert graded.scores["student-04"][0] == pytest.approx(1 + 2.5 + 1 + 0.25 + 0.25 + 0.5)


def test_everyone_has_a_feedback_page_that_is_listed(graded: Demo):
    for student in graded.scores:
        page = f"build/demo/feedback/{student}/3-layers/layers.html"
        assert (graded.course / page).exists()
        assert page in graded.output


def test_the_tables_have_every_task_and_every_score(graded: Demo):
    lines = [line for line in graded.output.splitlines() if line.strip()]
    table = {line.split()[0]: line for line in lines}
    assert table["batch_norm"].split()[1] == "2.5"
    totals = [line for line in lines if line.startswith("student-07")]
    assert any(line.endswith(" 5.22 of 10") for line in totals)


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


def test_the_source_notebook_itself_gets_all_points(graded: Demo):
    folder = graded.folder / "submitted" / "source" / demo.WHOLE_CLASS
    shutil.copytree(graded.course / "source" / demo.WHOLE_CLASS, folder)
    nbgrader(graded.folder, "autograde", demo.WHOLE_CLASS, "--student", "source")
    nbgrader(graded.folder, "export", "--to=grades.csv")
    assert scores(graded.folder, demo.WHOLE_CLASS)["source"] == (10, 10)


def test_a_test_cell_belongs_to_the_task_with_the_longest_name():
    tasks = ["linear", "linear_forward", "softmax", "log_softmax"]
    assert demo.task_of("test_linear", tasks) == "linear"
    assert demo.task_of("test_linear_backward", tasks) == "linear"
    assert demo.task_of("test_linear_forward_big", tasks) == "linear_forward"
    assert demo.task_of("test_log_softmax", tasks) == "log_softmax"
    with pytest.raises(CourseError, match="test_max belongs to no solution cell"):
        demo.task_of("test_max", tasks)
