"""What students get holds no solution; what a new term gets holds no student."""

import shutil
import zipfile
from pathlib import Path

import nbformat
import pytest

from byhand.grading.course import handout
from byhand.grading.course.notebooks import CourseError, find_course, read

from .tiny import COURSE


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with what a year leaves in it."""
    course = tmp_path_factory.mktemp("course") / "byhand"
    ignored = shutil.ignore_patterns("__pycache__", "*.npz")
    for name in ("byhand", "docs", "release", "source"):
        shutil.copytree(COURSE / name, course / name, ignore=ignored)
    for name in ("nbgrader_config.py", "pyproject.toml", "README.md", "requirements.txt"):
        shutil.copy(COURSE / name, course)
    for name in ("LICENSE", "LICENSE-notebooks"):
        shutil.copy(COURSE / name, course)
    for name in ("submitted", "autograded", "feedback"):
        folder = course / name / "student-01" / "3-layers"
        folder.mkdir(parents=True)
        (folder / "layers.ipynb").write_text("mine")
        (course / name / "README.md").write_text("what it is for")
    (course / "gradebook.db").write_text("grades")
    (course / ".git").mkdir()
    (course / ".git" / "history").write_text("solutions")
    (course / "release" / "5-convnet" / ".ipynb_checkpoints").mkdir()
    (course / "release" / "5-convnet" / ".ipynb_checkpoints" / "convnet.ipynb").write_text("old")
    return course


def test_the_zip_holds_what_students_need_and_nothing_else(course: Path, tmp_path: Path):
    path = handout.write_handout(course, "5-convnet", tmp_path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        wheel = next(name for name in names if name.endswith(".whl"))
        with archive.open(wheel) as file, zipfile.ZipFile(file) as package:
            packed = package.namelist()
    assert "byhand/grading/desk/report.html.j2" in packed
    assert {name.split("/")[0] for name in packed if "dist-info" not in name} == {"byhand"}
    rest = sorted(name.removeprefix("5-convnet/") for name in names if name != wheel)
    assert rest == [
        *("convnet.ipynb", "given.py", "pictures/check.png", "requirements.txt", "students.md")
    ]


def test_a_release_that_holds_a_solution_is_not_packed(course: Path, tmp_path: Path):
    path = course / "release" / "2-backprop" / "backprop.ipynb"
    nb = read(path)
    nb.cells[-1].source += "\n### BEGIN HIDDEN TESTS"
    nbformat.write(nb, path)
    with pytest.raises(CourseError, match=r"backprop\.ipynb holds a solution or a hidden test"):
        handout.write_handout(course, "2-backprop", tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unknown_assignment_is_answered_with_the_nearest(course: Path, tmp_path: Path):
    with pytest.raises(CourseError, match=r"no assignment 5-convent: did you mean 5-convnet\?"):
        handout.write_handout(course, "5-convent", tmp_path)


def test_a_new_term_begins_without_students_and_history(course: Path, tmp_path: Path):
    handout.new_term(course, tmp_path / "2027")
    copied = tmp_path / "2027"
    assert find_course(copied) == copied
    left = [path for path in copied.rglob("*") if path.is_file()]
    assert not [path for path in left if "student-01" in str(path.relative_to(tmp_path))]
    assert not (copied / "gradebook.db").exists()
    assert not (copied / ".git").exists()
    assert (copied / "submitted" / "README.md").exists()
    for name in ("source", "release", "byhand"):
        mine = {path.relative_to(course) for path in (course / name).rglob("*.*")}
        theirs = {path.relative_to(copied) for path in (copied / name).rglob("*.*")}
        assert not {path for path in mine - theirs if ".ipynb_checkpoints" not in path.parts}


def test_a_folder_that_is_there_is_left_alone(course: Path, tmp_path: Path):
    with pytest.raises(CourseError, match="is there already"):
        handout.new_term(course, tmp_path)
    with pytest.raises(CourseError, match="is inside this course"):
        handout.new_term(course, course / "2027")
