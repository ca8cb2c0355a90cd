"""Bonus points stand apart, and points that a person gives count like the others."""

import csv
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
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


@pytest.fixture(scope="module")
def tables(graded: Graded) -> dict[str, list[tuple[str, ...]]]:
    """By student: the rows of the table on the feedback page, their cells as text."""
    nbgrader(graded.course, "generate_feedback", ASSIGNMENT)
    found = {}
    for student in CLASS:
        path = graded.course / "feedback" / student / ASSIGNMENT / "tiny.html"
        rows = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").select("#points tr")
        found[student] = [
            tuple(" ".join(cell.get_text().split()) for cell in row.find_all(["td", "th"]))
            for row in rows
        ]
    return found


@pytest.mark.parametrize("student", CLASS)
def test_the_feedback_page_adds_up_to_what_the_gradebook_says(graded: Graded, tables, student):
    row, table = graded.rows[student], tables[student]
    words = {name.split(" handed")[0]: value for _, name, value in table}
    assert words["Sum"] == f"{float(row['score']):g} of {float(row['max_score']):g}"
    assert words["Sum of the bonus"] == f"{float(row['bonus']):g}"
    own = takewhile(lambda line: not line[1].startswith("Sum"), table)
    points = [value.split(" of ") for sign, _, value in own if sign]
    assert sum(float(gained) for gained, _ in points) == float(row["raw_score"])
    assert sum(float(most) for _, most in points) == float(row["max_score"])


def test_the_feedback_page_tells_what_lateness_cost(tables):
    late = [row for row in tables["student-03"] if "late" in row[1]]
    assert late == [
        (
            "",
            "Handed in late 24.0 hours after the deadline, 2026-03-02 18:00:00 UTC",
            "\N{MINUS SIGN}1.65",
        ),
        (
            "",
            "Handed in late 24.0 hours after the deadline, 2026-03-02 18:00:00 UTC",
            "\N{MINUS SIGN}0.23",
        ),
    ]
    assert not any("late" in name for _, name, _ in tables["student-01"])


def test_tasks_that_lost_points_come_first_then_those_that_wait(tables):
    assert tables["student-02"][:3] == [
        ("✗", "root lost in test_root_exact (0 of 3), test_root_close (0 of 2)", "0 of 5"),
        ("…", "essay waits for a person", "0 of 1"),
        ("✓", "double", "5 of 5"),
    ]


def test_the_feedback_page_tells_what_a_person_gave(tables):
    assert ("✓", "essay a person gave 1 of 1", "1 of 1") in tables["student-03"]


def test_every_name_in_the_table_leads_to_its_place(graded: Graded, tables):
    path = graded.course / "feedback" / "student-02" / ASSIGNMENT / "tiny.html"
    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    links = [link["href"] for link in page.select("#points a")]
    assert links[:2] == ["#test_root_exact", "#test_root_exact"]
    assert all(len(page.select(link)) == 1 for link in links)


def test_no_bonus_is_not_mentioned(graded: Graded):
    assert "student-04: 10 of 11\n" in graded.log
