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

STUDENTS = ["student-01", "student-02"]


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
    for student in STUDENTS:
        hand_in(folder, student, source)
    return folder


def confinement(course: Path) -> str:
    path = course / "autograded" / "student-01" / ASSIGNMENT / "outcome.json"
    return json.loads(path.read_text(encoding="utf-8"))["confinement"]


@pytest.fixture
def broken_bwrap(tmp_path: Path, monkeypatch) -> None:
    """A bwrap that is there and fails."""
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho bwrap: No permissions >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    path = os.pathsep.join([str(Path(sys.executable).parent), str(tmp_path), os.environ["PATH"]])
    monkeypatch.setenv("PATH", path)


@pytest.mark.usefixtures("broken_bwrap")
def test_without_an_acceptable_sandbox_nothing_is_graded(course: Path):
    done = autograde(course, "--force", "--Judge.rungs=bubblewrap")
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if "byhand:" in line]
    assert len(said) == 1
    assert "bubblewrap cannot make a sandbox here (bwrap: No permissions)" in said[0]
    assert "`byhand doctor` says what to do; c.Judge.rungs" in said[0]
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("broken_bwrap")
def test_a_bubblewrap_that_fails_is_one_line_and_the_next_rung_is_used(course: Path):
    done = autograde(course, "--force")
    assert done.returncode == 0, done.stderr
    for student in STUDENTS:
        assert f"{student}: 10 of 10" in done.stdout
    [said] = [line for line in done.stderr.splitlines() if "No permissions" in line]
    assert "graded in the sandbox 'landlock', not in bubblewrap" in said
    assert "Traceback" not in done.stderr
    assert confinement(course).startswith("landlock (version ")


def test_no_sandbox_only_where_that_is_accepted(course: Path):
    done = autograde(course, "--force", "--Judge.rungs=none")
    assert done.returncode == 0, done.stderr
    assert "student-01: 10 of 10" in done.stdout
    assert done.stderr.count("students' code runs with your rights") == 1
    assert confinement(course).startswith("none; not promised: anything")


def test_a_rung_that_does_not_exist_is_refused(course: Path):
    done = autograde(course, "--force", "--Judge.rungs=chroot")
    assert done.returncode != 0
    assert "chroot" in done.stderr


FAULTS = {
    "judge": "import byhand.grading.plugins.judge as judge\njudge.given_source = lambda p: 'no'\n",
    "worker": "import byhand.grading.plugins.judge as judge\n"
    "judge.given_source = lambda p: 'import os; os._exit(9)'\n",
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
        if where != "nbgrader":
            nbgrader(course, "generate_feedback", ASSIGNMENT, "--force")
            page = course / "feedback" / "student-01" / ASSIGNMENT / "tiny.html"
            assert "has not been graded yet" in page.read_text(encoding="utf-8")
            assert "student-01 could not be graded: a fault of the course" in done.stderr
            assert "student-01: not graded\n" in done.stdout
    finally:
        config.write_text(before, encoding="utf-8")
    assert done.returncode == 1
    assert "2 submissions by a fault of the course" in done.stderr
    assert outcome["status"] == "course fault"
    assert outcome["causes"][0]["cause"] == "a fault of the course"
    done = autograde(course)  # grades it again, without --force
    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"{student}: 10 of 10" for student in STUDENTS]
    assert needs_person(course) == {False}


def needs_person(course: Path) -> set[bool]:
    """Which marks for a person the grades of the first student have."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        [notebook] = gradebook.find_submission(ASSIGNMENT, "student-01").notebooks
        return {bool(grade.needs_manual_grade) for grade in notebook.grades}
