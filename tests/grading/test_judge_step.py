"""The judge as a step of the real `nbgrader autograde`: what is not the student's fault."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from byhand.grading.course.commands import nbgrader

from .tiny import ASSIGNMENT, generate, hand_in, write_course


def autograde(course: Path, *arguments: str) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT, *arguments]
    return subprocess.run(
        command, cwd=course, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("course")
    source = write_course(folder).read_text(encoding="utf-8")
    generate(folder)
    hand_in(folder, "student-01", source)
    return folder


def test_without_a_sandbox_nothing_is_graded_unless_it_is_allowed(course: Path):
    done = autograde(course, "--Judge.sandbox=False")
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if "byhand:" in line]
    assert len(said) == 1
    assert "c.Judge.allow_unconfined = True" in said[0]
    assert "Traceback" not in done.stderr
    done = autograde(course, "--Judge.sandbox=False", "--Judge.allow_unconfined=True")
    assert done.returncode == 0, done.stderr
    assert "student-01: 10 of 10" in done.stdout
    assert done.stderr.count("students' code runs with your rights") == 1


FAULTS = {
    "judge": "import byhand.grading.submission.test_cells as judge\njudge._unbound = None\n",
    "nbgrader": "import nbgrader.preprocessors as steps\nsteps.SaveAutoGrades._add_score = None\n",
}


@pytest.mark.parametrize("where", FAULTS)
def test_a_fault_of_the_course_takes_no_points(course: Path, where: str):
    config = course / "nbgrader_config.py"
    before = config.read_text(encoding="utf-8")
    config.write_text(before + FAULTS[where], encoding="utf-8")
    folder = course / "autograded" / "student-01" / ASSIGNMENT
    try:
        done = autograde(course, "--force")
        outcome = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
        assert needs_person(course) == {True}
        if where == "judge":
            nbgrader(course, "generate_feedback", ASSIGNMENT, "--force")
            page = course / "feedback" / "student-01" / ASSIGNMENT / "tiny.html"
            assert "has not been graded yet" in page.read_text(encoding="utf-8")
            assert "student-01 could not be graded: a fault of the course" in done.stderr
            assert "student-01: not graded\n" in done.stdout
    finally:
        config.write_text(before, encoding="utf-8")
    assert done.returncode == 1
    assert "1 submissions by a fault of the course" in done.stderr
    assert outcome["status"] == "course fault"
    assert outcome["causes"][0]["cause"] == "a fault of the course"
    done = autograde(course)  # grades it again, without --force
    assert (done.returncode, done.stdout) == (0, "student-01: 10 of 10\n")
    assert needs_person(course) == {False}


def needs_person(course: Path) -> set[bool]:
    """Which marks for a person the grades of the one student have."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        [notebook] = gradebook.find_submission(ASSIGNMENT, "student-01").notebooks
        return {bool(grade.needs_manual_grade) for grade in notebook.grades}
