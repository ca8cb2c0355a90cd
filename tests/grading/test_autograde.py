"""The real `nbgrader autograde` and `generate_feedback` on a class of the tiny course."""

import csv
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook, MissingEntry

from byhand.grading.course.commands import nbgrader
from byhand.grading.plugins.preprocessors import SaveAtOnce

from .tiny import ASSIGNMENT, generate, hand_in, tiny_notebook, write_course
from .tiny import cell as tiny_cell

TIMES = {
    "in-time": "2026-03-02 18:00:00 UTC",
    "minute-late": "2026-03-02 18:01:00 UTC",
    "day-late": "2026-03-03 18:00:00 UTC",
    "four-days-late": "2026-03-06 18:00:00 UTC",
    "too-late": "2026-03-09 18:00:01 UTC",
}


@dataclass
class GradedClass:
    """course: its folder; log: what autograde printed; scores: student -> (raw, score)."""

    course: Path
    log: str
    scores: dict[str, tuple[float, float]]

    def feedback(self, student: str) -> str:
        """The text of a feedback page, without its tags."""
        page = self.course / "feedback" / student / ASSIGNMENT / "tiny.html"
        return re.sub(r"<[^>]*>", "", page.read_text(encoding="utf-8"))

    def lines(self, student: str) -> list[str]:
        """What autograde printed about a student."""
        return [
            line
            for line in self.log.splitlines()
            if re.search(rf"(?<![\w-]){student}(?![\w-])", line)
        ]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> GradedClass:
    course = tmp_path_factory.mktemp("course")
    source = write_course(course).read_text(encoding="utf-8")
    released = generate(course)
    for student, timestamp in TIMES.items():
        hand_in(course, student, source, timestamp)
    hand_in(course, "untouched", released)
    hand_in(course, "wrong", released.replace("raise NotImplementedError", "return abs(2 * x)"))
    hand_in(course, "empty", "", TIMES["day-late"])
    hand_in(course, "truncated", source[: len(source) // 2])
    hand_in(course, "picture", b"\x89PNG\r\n\x1a\n\xff\xfe\x80")
    hand_in(course, "list", "[1, 2]")
    hand_in(course, "edited", released.replace("assert double(1) == 2", "assert True"))
    shorter = tiny_notebook()
    del shorter.cells[3]
    hand_in(course, "deleted", nbformat.writes(shorter))
    del shorter.cells[2]
    hand_in(course, "deleted-both", nbformat.writes(shorter))
    with_scoreboard = tiny_notebook()
    board = "from byhand import check\ncheck.scoreboard('no table')"
    with_scoreboard.cells.append(nbformat.v4.new_code_cell(board, id="scoreboard"))
    hand_in(course, "scoreboard", nbformat.writes(with_scoreboard))
    log = nbgrader(course, "autograde", ASSIGNMENT)
    nbgrader(course, "generate_feedback", ASSIGNMENT)
    nbgrader(course, "export", "--to=grades.csv")
    with (course / "grades.csv").open() as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    scores = {name: (float(row["raw_score"]), float(row["score"])) for name, row in rows.items()}
    return GradedClass(course, log, scores)


@pytest.mark.parametrize(
    ("student", "raw", "score"),
    [
        ("in-time", 10, 10),
        ("minute-late", 10, 10),
        ("day-late", 10, 8.5),
        ("four-days-late", 10, 5.22),
        ("too-late", 10, 0),
        ("untouched", 0, 0),
        ("wrong", 0, 0),
        ("empty", 0, 0),
        ("truncated", 0, 0),
        ("picture", 0, 0),
        ("list", 0, 0),
        ("edited", 0, 0),
        ("deleted", 10, 10),
        ("deleted-both", 5, 5),
        ("scoreboard", 10, 10),
    ],
)
def test_everyone_has_the_score_they_earned(graded: GradedClass, student, raw, score):
    assert graded.scores[student] == (raw, pytest.approx(score, abs=1e-9))


@pytest.mark.parametrize(
    ("student", "fault"),
    [
        ("empty", "is empty"),
        ("truncated", "is not a notebook (not JSON from line"),
        ("picture", "is not text (byte 1 is not UTF-8)"),
        ("list", "is not a notebook (JSON without nbformat)"),
    ],
)
def test_an_unreadable_notebook_is_one_line_a_note_and_kept(graded: GradedClass, student, fault):
    [problem] = [line for line in graded.lines(student) if "ERROR" in line]
    assert f"submitted/{student}/{ASSIGNMENT}/tiny.ipynb {fault}" in problem
    assert f"--student {student} --force" in problem
    page = graded.feedback(student)
    assert "This notebook could not be read" in page
    assert fault in page
    assert (graded.course / "submitted" / student / ASSIGNMENT / "tiny.ipynb").exists()


def test_a_readable_notebook_has_no_such_note(graded: GradedClass):
    assert "could not be read" not in graded.feedback("in-time")


def test_autograding_prints_a_line_a_student_and_nothing_else_about_the_good(graded: GradedClass):
    assert graded.lines("in-time") == ["in-time: 10 of 10"]
    assert graded.lines("scoreboard") == ["scoreboard: 10 of 10"]
    assert graded.lines("untouched") == ["untouched: 0 of 10"]
    assert "day-late: 8.5 of 10 (10, 1 day, 0:00:00 late)" in graded.lines("day-late")
    assert "Traceback" not in graded.log


def test_a_scoreboard_does_nothing_where_it_is_graded(graded: GradedClass):
    path = graded.course / "autograded" / "scoreboard" / ASSIGNMENT / "tiny.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    assert [cell.outputs for cell in cells if "scoreboard" in cell.source] == [[]]


def test_an_edited_test_cell_is_undone_and_named(graded: GradedClass):
    [line] = [line for line in graded.lines("edited") if "WARNING" in line]
    assert line.endswith("edited: test_double was changed: the original was used")
    assert "test_double was changed: the original was used" in graded.feedback("edited")


def test_a_deleted_test_cell_is_put_back_and_named(graded: GradedClass):
    [line] = [line for line in graded.lines("deleted") if "WARNING" in line]
    assert line.endswith("deleted: test_double was missing: it was put back")


def test_feedback_shows_why_but_no_hidden_test(graded: GradedClass):
    page = graded.feedback("wrong")
    assert "AssertionError: a negative number" in page
    assert "double(1) should be 2" in page
    for student in graded.scores:
        assert "-31" not in graded.feedback(student)
        assert "HIDDEN TESTS" not in graded.feedback(student)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (["return 2 * x", "return math.sqrt(x)"], "Success! Your notebook passes all the tests."),
        (["return 2 * x", "return x"], "VALIDATION FAILED ON 2 CELL(S)!"),
        (["return x", "return math.sqrt(x)"], "double(1) should be 2"),
    ],
)
def test_validate_fails_what_run_all_goes_past(tmp_path: Path, answers: list[str], said: str):
    write_course(tmp_path)
    released = nbformat.reads(generate(tmp_path), as_version=4)
    solutions = [
        cell for cell in released.cells if cell.metadata.get("nbgrader", {}).get("solution")
    ]
    for cell, answer in zip(solutions, answers, strict=True):
        cell.source = cell.source.replace("raise NotImplementedError", answer)
    nbformat.write(released, tmp_path / "tiny.ipynb")
    assert said in nbgrader(tmp_path, "validate", "tiny.ipynb")


def test_a_submission_has_all_of_its_scores_or_none(tmp_path: Path):
    names = dict(notebook="tiny", assignment=ASSIGNMENT, student="student-01")
    where = names["notebook"], ASSIGNMENT
    url = f"sqlite:///{tmp_path}/gradebook.db"
    with Gradebook(url) as gradebook:
        gradebook.add_assignment(ASSIGNMENT)
        gradebook.add_notebook(*where)
        for name in ("first", "second"):
            gradebook.add_grade_cell(name, *where, max_score=2, cell_type="code")
        gradebook.add_student(names["student"])
        gradebook.add_submission(ASSIGNMENT, names["student"])

    def enter(*tests: str) -> list[float | None]:
        """Those two scores, after those of the tests have been entered."""
        cells = [tiny_cell("1", name, grade=True, locked=True, points=2.0) for name in tests]
        nb = nbformat.v4.new_notebook(cells=cells)
        with suppress(MissingEntry):
            SaveAtOnce().preprocess(nb, {"nbgrader": {**names, "db_url": url}})
        with Gradebook(url) as gradebook:
            found = [gradebook.find_grade(n, *where, names["student"]) for n in ("first", "second")]
            return [grade.auto_score for grade in found]

    assert enter("first", "no-such-test", "second") == [None, None]
    assert enter("first", "second") == [2.0, 2.0]
