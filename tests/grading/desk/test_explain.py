"""Why a student has the points of a task, on one screen."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from byhand.grading.course.notebooks import CourseError
from byhand.grading.desk.explain import explain

from ..synthetic import make_class, set_up


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    course = tmp_path_factory.mktemp("course")
    set_up(course, ["3-layers"])
    make_class(course, "3-layers", ["student-01", "student-02"])
    return course


def told(course: Path, student: str, task: str) -> str:
    console = Console(record=True, width=200, file=StringIO())
    explain(course, student, "3-layers", task, console)
    return console.export_text()


def test_code_cards_calls_and_the_reference_are_shown(course: Path):
    text = told(course, "student-02", "linear")
    assert "student-02, 3-layers, linear" in text
    assert "test_linear: 0 of 1" in text
    assert "FAIL  gradient" in text
    assert "To repeat it: check.layer(Linear, like=torch.nn.Linear, make=dict(in_featu" in text
    assert ", seed=2)" in text
    assert text.count("class Linear(Module):") == 2
    assert "The reference gets 1 of 1" in text
    assert "It failed: time limit" in text


def test_what_is_not_there_is_answered_with_the_nearest_name(course: Path):
    with pytest.raises(CourseError, match=r"no submission of student-1: did you mean student-01"):
        told(course, "student-1", "linear")
    with pytest.raises(CourseError, match=r"no task linaer: did you mean linear\?"):
        told(course, "student-01", "linaer")


def test_a_notebook_that_cannot_be_read_is_one_line(course: Path):
    path = course / "autograded" / "student-01" / "3-layers" / "layers.ipynb"
    path.write_text("{")
    with pytest.raises(CourseError, match=r"layers\.ipynb: .* Grade it again with --force"):
        told(course, "student-01", "linear")
