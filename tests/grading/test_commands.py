"""The `byhand` command: what it prints and its exit codes."""

import shutil
import subprocess
from pathlib import Path

import pytest
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from typer.testing import CliRunner, Result

from byhand.__main__ import app
from byhand.grading.course.commands import nbgrader
from byhand.grading.course.normal_form import normalise
from byhand.grading.course.notebooks import CourseError

from .tiny import COURSE, hand_in, tiny_notebook


def byhand(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def course(source: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(source.parent)
    return source.parents[2]


def test_release_makes_and_checks(course: Path):
    missing = byhand("release", "--check")
    assert missing.exit_code == 1
    assert "release/1-tiny/tiny.ipynb: missing" in missing.output
    assert byhand("release").output == "release/1-tiny\n"
    assert (course / "release" / "1-tiny" / "tiny.ipynb").exists()


def test_release_makes_what_is_named_and_knows_no_other(course: Path):
    other = course / "release" / "0-other" / "notes.txt"
    other.parent.mkdir(parents=True)
    other.write_text("")
    unknown = byhand("release", "1-tiny", "2-none", "3-none")
    assert unknown.exit_code == 1
    said = "byhand: No assignment 2-none, 3-none: there are 1-tiny."
    assert str(unknown.exception) == said
    assert byhand("release", "1-tiny").output == "release/1-tiny\n"
    assert other.exists()
    assert byhand("release", "--check", "1-tiny").exit_code == 0


@pytest.mark.parametrize("folder", ["submitted", "autograded", "feedback"])
def test_of_nbgraders_folders_git_has_the_readme_and_nothing_else(folder: str):
    def ignored(path: str) -> bool:
        command = ["git", "check-ignore", "--no-index", "--quiet", f"{folder}/{path}"]
        return subprocess.run(command, cwd=COURSE, check=False).returncode == 0

    assert len((COURSE / folder / "README.md").read_text().splitlines()) == 1
    assert not ignored("README.md")
    assert ignored("archive.zip")
    assert ignored("student-01/1-tiny/README.md")


def test_the_readme_in_submitted_is_not_a_student(course: Path):
    hand_in(course, "student-01", "{}")
    shutil.copy(COURSE / "submitted" / "README.md", course / "submitted")
    config = Config({"CourseDirectory": {"root": str(course)}})
    students = NbGraderAPI(CourseDirectory(config=config), config=config).get_submitted_students
    assert students("*") == students("1-tiny") == {"student-01"}


def test_normalise_fixes_what_its_check_finds(source: Path, course: Path):
    before = source.read_text()
    found = byhand("normalise", "--check")
    assert found.exit_code == 1
    assert "tiny.ipynb: not in the committed form" in found.output
    assert source.read_text() == before
    assert byhand("normalise").exit_code == 0
    assert source.read_text() == normalise(tiny_notebook())
    assert byhand("normalise", "--check").exit_code == 0


def test_outside_a_course_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for command in ("release", "normalise", "demo"):
        result = byhand(command)
        assert result.exit_code == 1
        assert "no course here" in str(result.exception) + result.output


def test_a_failing_nbgrader_shows_the_end_of_its_log(course: Path):
    with pytest.raises(CourseError, match="No notebooks were matched") as failure:
        nbgrader(course, "autograde", "1-tiny")
    assert "`nbgrader autograde 1-tiny` failed with exit code 1" in str(failure.value)


def test_a_broken_configuration_stops_nbgrader(course: Path):
    (course / "nbgrader_config.py").write_text("import no_such_package\n")
    with pytest.raises(CourseError, match="No module named 'no_such_package'"):
        nbgrader(course, "generate_assignment", "1-tiny")
    assert not (course / "release").exists()
