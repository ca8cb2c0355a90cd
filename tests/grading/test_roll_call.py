"""Every folder in submitted/ is graded, or named in one line that says why not."""

import csv
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory

from byhand.grading.course.commands import nbgrader
from byhand.grading.plugins import roll_call
from byhand.grading.plugins.roll_call import LAST, call_roll

from .test_judge_step import autograde
from .tiny import ASSIGNMENT, generate, hand_in, write_course

REFUSED = {
    "new\nstudent-01: 0 of 10": "cannot be printed",
    "\x1b[2Jclear": "cannot be printed",
    "\u202egnp": "cannot be printed",
    os.fsdecode(b"caf\xe9"): "cannot be printed",
    "brackets[1]": "pattern",
    "*": "pattern",
    ".hidden": "dot",
    "long" * 40: "128 characters",
    "link": "a link",
    "file": "not a folder",
}
GRADED = ["student-01", "=1+cmd|x", "@a", "-b", "{c}", "d e, f", "Ö 李 'g'", "nothing", "no-rights"]


@dataclass
class GradedClass:
    course: Path
    done: subprocess.CompletedProcess

    def outcome(self, student: str) -> dict:
        path = self.course / "autograded" / student / ASSIGNMENT / "outcome.json"
        return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> GradedClass:
    course = tmp_path_factory.mktemp("course")
    source = write_course(course).read_text(encoding="utf-8")
    generate(course)
    for student in [*GRADED, *REFUSED]:
        hand_in(course, student, source)
    submitted = course / "submitted"
    (submitted / "nothing" / ASSIGNMENT / "tiny.ipynb").unlink()
    for name in ("link", "file"):
        (submitted / name / ASSIGNMENT / "tiny.ipynb").unlink()
        (submitted / name / ASSIGNMENT).rmdir()
    (submitted / "file" / ASSIGNMENT).write_text("not a folder")
    (submitted / "link" / ASSIGNMENT).symlink_to(submitted / "student-01" / ASSIGNMENT)
    (submitted / "no-rights" / ASSIGNMENT / "tiny.ipynb").chmod(0)
    (submitted / "no-rights" / ASSIGNMENT / "data").mkdir(mode=0)
    (submitted / "not-yet").mkdir()
    (submitted / "README.md").write_text("")
    done = autograde(course)
    nbgrader(course, "generate_feedback", ASSIGNMENT)
    return GradedClass(course, done)


@pytest.mark.parametrize("student", GRADED)
def test_a_name_that_can_be_graded_has_grade_outcome_and_page(graded: GradedClass, student):
    points, status = ("0", "failed") if student == "nothing" else ("10", "graded")
    assert f"{student}: {points} of 10" in graded.done.stdout.splitlines()
    assert graded.outcome(student)["status"] == status
    page = graded.course / "feedback" / student / ASSIGNMENT / "tiny.html"
    assert ("is missing from what was handed in" in page.read_text()) == (student == "nothing")


@pytest.mark.parametrize("student", REFUSED, ids=ascii)
def test_any_other_is_named_in_one_line_with_the_reason(graded: GradedClass, student):
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in student)
    lines = graded.done.stderr.splitlines()
    [line] = [x for x in lines if f"/{shown}/{ASSIGNMENT} is not graded" in x]
    assert REFUSED[student] in line
    assert (graded.course / "submitted" / student).exists()


def test_they_count_in_the_exit_code(graded: GradedClass):
    assert graded.done.returncode == 1
    last = graded.done.stderr.splitlines()[-1]
    assert f"{len(REFUSED)} folders in submitted, 0 submissions" in last
    assert autograde(graded.course).returncode == 1  # also when all others were graded before
    assert autograde(graded.course, "--student=student-01", "--force").returncode == 0


def test_nothing_reaches_the_terminal_but_text(graded: GradedClass):
    said = graded.done.stdout + graded.done.stderr
    assert all(letter.isprintable() or letter == "\n" for letter in said)
    assert "student-01: 0 of 10" not in said.splitlines()
    assert "Traceback" not in said


def test_nobody_else_is_in_the_gradebook(graded: GradedClass):
    with Gradebook(f"sqlite:///{graded.course / 'gradebook.db'}") as gradebook:
        assert {student.id for student in gradebook.students} == set(GRADED)


def test_an_export_has_no_formulas(graded: GradedClass):
    nbgrader(graded.course, "export", "--to=grades.csv")
    with (graded.course / "grades.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    cells = [cell for row in rows for cell in row.values()]
    assert [cell for cell in cells if re.match(r"[=+\-@\t\r]", cell)] == []
    assert "'=1+cmd|x" in [row["student_id"] for row in rows]


def test_a_class_that_is_in_order_ends_with_0(graded: GradedClass, tmp_path: Path):
    source = write_course(tmp_path).read_text(encoding="utf-8")
    generate(tmp_path)
    hand_in(tmp_path, "student-01", source)
    done = autograde(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "student-01: 10 of 10\n", "")


@pytest.fixture
def converter(source: Path) -> Autograde:
    """nbgrader before it grades a class of two."""
    course = source.parents[2]
    for student in ("student-01", "student-02"):
        hand_in(course, student, "{}")
    converter = Autograde(coursedir=CourseDirectory(root=str(course), assignment_id=ASSIGNMENT))
    converter.init_notebooks()
    return converter


def test_the_list_is_that_of_nbgrader_and_an_end(converter: Autograde):
    before = dict(converter.assignments)
    roll = call_roll(converter)
    assert roll.notes == {"student-01": [], "student-02": []}
    assert [str(path) for path in roll.todo] == sorted(path for [path] in before.values())
    *students, last = sorted(converter.assignments)
    assert {folder: list(converter.assignments[folder]) for folder in students} == before
    assert LAST in last


def test_a_folder_in_which_nobody_may_look_is_named(converter: Autograde, monkeypatch, caplog):
    closed = Path(converter.coursedir.root, "submitted", "closed")
    closed.mkdir()
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != closed and may(path, mode))
    call_roll(converter)
    [line] = [record.getMessage() for record in caplog.records]
    assert f"closed/{ASSIGNMENT} is not graded: it may not be read" in line
    assert len(converter.assignments) == 3


@pytest.mark.parametrize("error", [OSError("no space"), RecursionError("deep")])
def test_a_folder_that_cannot_be_put_in_order_costs_nobody_else(
    converter: Autograde, monkeypatch, caplog, error
):
    def fail(folder: Path, *_: object) -> list[str]:
        if folder.parent.name == "student-01":
            raise error
        return []

    monkeypatch.setattr(roll_call, "arrange", fail)
    assert call_roll(converter).notes == {"student-02": []}
    [line] = [record.getMessage() for record in caplog.records]
    assert f"student-01/{ASSIGNMENT} is not graded: it cannot be put in order" in line


@pytest.mark.parametrize(
    ("outcome", "again"),
    [
        (None, True),
        ("{}", True),
        ("[]", True),
        ('{"status": "course fault", "mark": "MARK"}', True),
        ('{"status": "failed", "mark": "MARK"}', False),
        ('{"status": "failed", "mark": "another"}', True),
        ('{"status": "failed"}', True),
    ],
)
def test_what_has_changed_or_was_not_graded_is_graded_again(
    converter: Autograde, capsys, outcome, again
):
    folder = Path(converter.coursedir.root, "autograded", "student-01", ASSIGNMENT)
    mark = call_roll(converter).marks["student-01"]
    converter.init_notebooks()
    folder.mkdir(parents=True)
    if outcome:
        (folder / "outcome.json").write_text(outcome.replace("MARK", mark))
    roll = call_roll(converter)
    assert folder.exists() != again
    assert len(roll.todo) == 1 + again
    assert ("unchanged since graded: 1 (" in capsys.readouterr().out) != again


@pytest.mark.parametrize("where", ["submitted/student-01", "source"])
def test_a_mark_follows_from_the_submission_and_the_source(converter: Autograde, where: str):
    before = call_roll(converter).marks
    converter.init_notebooks()
    (Path(converter.coursedir.root, where) / ASSIGNMENT / "more.txt").write_text("more")
    after = call_roll(converter).marks
    assert before["student-01"] != after["student-01"]
    assert (before["student-02"] != after["student-02"]) == (where == "source")


def test_a_student_who_is_excluded_is_left_alone(converter: Autograde):
    converter.coursedir.student_id_exclude = "student-01"
    folder = Path(converter.coursedir.root, "autograded", "student-01", ASSIGNMENT)
    folder.mkdir(parents=True)
    call_roll(converter)
    assert folder.exists()
