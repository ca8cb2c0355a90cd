"""Exports for Moodle, for Canvas and by task agree with the gradebook."""

import csv
import re
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from byhand.grading.course.commands import nbgrader
from byhand.grading.plugins import exports

from .synthetic import make_class, set_up

CLASS = [f"student-{number:02}" for number in range(12)]
ASSIGNMENTS = ["3-layers", "5-convnet"]
# The columns that the importers look for, as their own exports name them.
MOODLE = ["First name", "Last name", "ID number", "Email address"]
CANVAS = ["Student", "ID", "SIS Login ID", "Section"]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    course = tmp_path_factory.mktemp("course")
    set_up(course, ASSIGNMENTS)
    for assignment in ASSIGNMENTS:
        make_class(course, assignment, CLASS, ["absent"])
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "byhand") as gradebook:
        names = dict(first_name='=HYPERLINK("x")', last_name="A\x1b[2J, B", lms_user_id="7001")
        gradebook.update_or_create_student("student-00", email="@x.org", **names)
    return course


def export(course: Path, kind: type, *arguments: str) -> list[list[str]]:
    """The rows that `nbgrader export` writes."""
    name = f"--exporter={kind.__module__}.{kind.__name__}"
    nbgrader(course, "export", name, "--to=out.csv", *arguments)
    with (course / "out.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def grades(course: Path) -> dict[tuple[str, str], dict[str, str]]:
    head, *rows = export(course, exports.Grades)
    made = [dict(zip(head, row, strict=True)) for row in rows]
    return {(row["assignment"], row["student_id"]): row for row in made}


def test_moodle_has_a_row_for_each_student_and_a_column_for_each_item(course: Path, grades):
    head, *rows = export(course, exports.Moodle)
    assert head == [*MOODLE, "3-layers", "5-convnet", "5-convnet bonus"]
    assert sorted(row[2] for row in rows) == sorted([*CLASS, "absent"])
    for row in rows:
        for assignment, score, bonus in (("3-layers", 4, None), ("5-convnet", 5, 6)):
            grade = grades[assignment, row[2]]
            assert float(row[score]) == round(float(grade["score"]), 2)
            if bonus:
                assert float(row[bonus]) == round(float(grade["bonus"]), 2)


def test_canvas_has_the_points_possible_and_its_own_ids(course: Path, grades):
    head, possible, *rows = export(course, exports.Canvas)
    assert head == [*CANVAS, "3-layers", "5-convnet", "5-convnet bonus"]
    assert possible[0].strip() == "Points Possible"
    assert [float(points) for points in possible[4:]] == [10, 10, 1]
    found = {row[2]: row for row in rows}
    assert found["student-00"][1] == "7001"
    assert found["student-01"][0] == "student-01"  # without a name
    for student, row in found.items():
        assert float(row[5]) == round(float(grades["5-convnet", student]["score"]), 2)


def test_points_of_the_tasks_add_up_to_the_score_before_lateness(course: Path, grades):
    head, *rows = export(course, exports.TaskGrades)
    made = [dict(zip(head, row, strict=True)) for row in rows]
    for (assignment, student), grade in grades.items():
        own = [r for r in made if (r["assignment"], r["student_id"]) == (assignment, student)]
        assert own
        raw = sum(float(row["points"]) for row in own if row["bonus"] == "False")
        assert raw == pytest.approx(float(grade["raw_score"]), abs=0.005)
        waits = any(row["needs_manual_grade"] == "True" for row in own)
        assert str(waits) == grade["needs_manual_grade"]


@pytest.mark.parametrize(
    "kind", [exports.Grades, exports.TaskGrades, exports.Moodle, exports.Canvas]
)
def test_no_cell_is_a_formula_or_controls_anything(course: Path, kind: type):
    rows = export(course, kind)
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if re.match(r"[=+@\t\r]|-[^\d.]", cell)]
    assert all(cell.isprintable() for cell in cells)
    assert any("=HYPERLINK" in cell for cell in cells)


def test_some_students_and_assignments_can_be_chosen(course: Path):
    chosen = '--student=["student-03"]', '--assignment=["3-layers"]'
    head, row = export(course, exports.Moodle, *chosen)
    assert (head[4:], row[2]) == (["3-layers"], "student-03")
