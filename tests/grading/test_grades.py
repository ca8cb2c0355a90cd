"""Bonus points stand apart, and points that a person gives count like the others."""

import csv
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from byhand.grading.course.commands import nbgrader

from .tiny import ASSIGNMENT, ROOT, cell, generate, hand_in, tiny_notebook, write_course

TWICE = "def twice(x):\n    ### BEGIN SOLUTION\n    return x + x\n    ### END SOLUTION"

SOLVED = {
    "double": "def double(x):\n    return 2 * x",
    "twice": "def twice(x):\n    return x + x",
    "root": "def root(x):\n    return x ** 0.5",
    "essay": "# what I saw",
}
ON_TIME, DAY_LATE = "2026-03-02 17:00:00 UTC", "2026-03-03 18:00:00 UTC"
CLASS = {
    "student-01": (SOLVED, ON_TIME),
    "student-02": (SOLVED | {"root": ROOT.replace("math.sqrt(x)", "x")}, ON_TIME),
    "student-03": (SOLVED, DAY_LATE),
    "student-04": ({name: SOLVED[name] for name in ("double", "root")}, ON_TIME),
}


@dataclass
class Graded:
    """A graded class: the course's folder, what autograde printed, the export by student."""

    course: Path
    log: str
    rows: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The tiny course with a bonus task of 1.5 points and an essay of 1 point."""
    course = tmp_path_factory.mktemp("course")
    source = write_course(course)
    nb = tiny_notebook()
    test = cell("assert twice(3) == 6", "test_twice", grade=True, locked=True, points=1.5)
    test.metadata.tags = ["bonus"]
    essay = cell("", "essay", grade=True, solution=True, points=1.0)
    nb.cells += [cell(TWICE, "twice", solution=True), test, essay]
    nbformat.write(nb, source)
    released = generate(course)
    for student, (solutions, time) in CLASS.items():
        filled = nbformat.reads(released, as_version=4)
        for one in filled.cells:
            one.source = solutions.get(one.get("id"), one.source)
        hand_in(course, student, nbformat.writes(filled), time)
    log = nbgrader(course, "autograde", ASSIGNMENT)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        gradebook.add_student("student-05", first_name="A, B")
        # what formgrader does when a person grades an essay
        grade = gradebook.find_grade("essay", "tiny", ASSIGNMENT, "student-03")
        grade.manual_score, grade.needs_manual_grade = 1.0, False
        gradebook.db.commit()
    return Graded(course, log, {row["student_id"]: row for row in export(course)})


def export(course: Path, *arguments: str) -> list[dict[str, str]]:
    nbgrader(course, "export", "--to=grades.csv", *arguments)
    with (course / "grades.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_bonus_comes_on_top_and_stands_apart(graded: Graded):
    assert "student-01: 10 of 11, bonus 1.5\n" in graded.log
    row = graded.rows["student-01"]
    assert (row["score"], row["max_score"], row["bonus"]) == ("10.0", "11.0", "1.5")
    assert row["total"] == "10 of 11, bonus 1.5"


def test_a_bonus_makes_up_for_no_lost_point(graded: Graded):
    assert graded.rows["student-02"]["total"] == "5 of 11, bonus 1.5"


def test_lateness_takes_its_share_of_both_also_of_points_given_later(graded: Graded):
    row = graded.rows["student-03"]
    assert row["total"] == "9.35 of 11, bonus 1.27"
    assert (row["raw_score"], row["late_submission_penalty"]) == ("11.0", "1.65")


def test_who_waits_for_a_person_is_told(graded: Graded):
    waiting = {student: row["needs_manual_grade"] for student, row in graded.rows.items()}
    assert waiting["student-01"] == "True"
    assert waiting["student-03"] == "False"  # has been looked at
    assert waiting["student-04"] == "False"  # wrote nothing


def test_who_handed_nothing_in_has_a_line_too(graded: Graded):
    row = graded.rows["student-05"]
    assert (row["total"], row["first_name"], row["timestamp"]) == ("0 of 11", "A, B", "")


def test_an_export_can_be_of_some_students_or_assignments(graded: Graded):
    [row] = export(graded.course, '--student=["student-02"]')
    assert row["student_id"] == "student-02"
    assert export(graded.course, '--assignment=["other"]') == []


def test_the_feedback_page_gives_both(graded: Graded):
    nbgrader(graded.course, "generate_feedback", ASSIGNMENT, "--student", "student-01")
    page = (graded.course / "feedback" / "student-01" / ASSIGNMENT / "tiny.html").read_text()
    assert "(Score: 10.0 / 11.0)" in page
    assert "<strong>10 of 11, bonus 1.5</strong>" in page


def test_no_bonus_is_not_mentioned(graded: Graded):
    assert "student-04: 10 of 11\n" in graded.log
