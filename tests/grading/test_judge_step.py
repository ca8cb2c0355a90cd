"""The judge as a step of the real `nbgrader autograde`: what is not the student's fault."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

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


def test_a_fault_of_the_course_takes_no_points(course: Path):
    config = course / "nbgrader_config.py"
    before = config.read_text(encoding="utf-8")
    fault = "import byhand.grading.submission.test_cells as judge\njudge._unbound = None\n"
    config.write_text(before + fault, encoding="utf-8")
    try:
        done = autograde(course, "--force")
    finally:
        config.write_text(before, encoding="utf-8")
    assert done.returncode != 0
    assert "student-01 could not be graded: a fault of the course" in done.stderr
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        [notebook] = gradebook.find_submission(ASSIGNMENT, "student-01").notebooks
        assert all(grade.needs_manual_grade for grade in notebook.grades)
