"""Scores, with bonus points apart: in the terminal, in an export, on a feedback page.

The points of a test cell with the tag `bonus` come on top of an assignment's own. nbgrader knows
no such thing and adds everything up; here the two are told apart again.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.api import Assignment, Grade, Gradebook, MissingEntry, SubmittedAssignment
from nbgrader.plugins import ExportPlugin

from byhand.grading.course.notebooks import (
    BONUS,
    assignments,
    grade_id,
    read,
    source_notebook,
    tags,
    task_of,
)
from byhand.grading.plugins.late_policy import LatePolicy
from byhand.grading.submission.names import printable

FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # begins a formula in some spreadsheet
KEYS = (
    "assignment duedate timestamp student_id last_name first_name email raw_score "
    "late_submission_penalty score max_score bonus total needs_manual_grade"
).split()


@dataclass(frozen=True)
class Score:
    """Points of one submission, out of `most`, and bonus points on top.

    raw, raw_bonus: as graded; score, bonus: what lateness leaves of them. nbgrader's own penalty
    is that of the moment of autograding; points that a person gives later change it here.
    """

    raw: float
    score: float
    most: float
    raw_bonus: float
    bonus: float

    @classmethod
    def of(
        cls, submission: SubmittedAssignment, bonus_tests: set[str], late: LatePolicy
    ) -> "Score":
        """The score of a submission, in all its notebooks."""

        def kept(points: float) -> float:
            return late.kept(submission.name, points, submission.total_seconds_late)

        grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
        own = [grade for grade in grades if grade.name not in bonus_tests]
        raw = sum(grade.score for grade in own)
        raw_bonus = sum(grade.score for grade in grades) - raw
        most = sum(grade.max_score for grade in own)
        return cls(raw, kept(raw), most, raw_bonus, kept(raw_bonus))

    def __str__(self) -> str:
        extra = f", bonus {self.bonus:g}" if self.bonus else ""
        return f"{self.score:g} of {self.most:g}{extra}"


@dataclass(frozen=True)
class TaskScore:
    """Points of one task, out of `most`, before lateness.

    bonus: whether they come on top; cells: its graded cells; lost: those of them that gave less
    than they could; waits: some wait for a person; by_person: what a person gave, in words.
    """

    name: str
    points: float
    most: float
    bonus: bool
    cells: tuple[str, ...]
    lost: tuple[str, ...]
    waits: bool
    by_person: str

    @classmethod
    def all_of(cls, submission: SubmittedAssignment, nb: NotebookNode) -> "list[TaskScore]":
        """The tasks of a submission; those that lost points come first.

        nb: its notebook, which says what belongs together and in which order.
        """
        tasks = [name for cell in nb.cells if (name := grade_id(cell, "solution"))]
        order = [name for cell in nb.cells if (name := grade_id(cell, "grade"))]
        grades = {grade.name: grade for one in submission.notebooks for grade in one.grades}
        by_task: dict[tuple[str, bool], list[Grade]] = {}
        bonus = bonus_tests(nb)
        for name in [name for name in order if name in grades]:
            key = task_of(name, tasks) or name, name in bonus
            by_task.setdefault(key, []).append(grades[name])
        found = [cls._of(name, grades, extra) for (name, extra), grades in by_task.items()]
        return sorted(found, key=lambda task: (task.points >= task.most, task.waits))

    @classmethod
    def _of(cls, name: str, grades: list[Grade], bonus: bool) -> "TaskScore":
        return cls(
            name,
            sum(grade.score for grade in grades),
            sum(grade.max_score for grade in grades),
            bonus,
            tuple(grade.name for grade in grades),
            tuple(grade.name for grade in grades if grade.score < grade.max_score),
            any(grade.needs_manual_grade for grade in grades),
            "; ".join(filter(None, map(_by_person, grades))),
        )


def _by_person(grade: Grade) -> str:
    """What a person gave for a cell, in words; empty if nobody did."""
    said = []
    if grade.manual_score is not None and grade.manual_score != grade.auto_score:
        said.append(f"a person gave {grade.manual_score:g} of {grade.max_score:g}")
        if grade.auto_score is not None:
            said[0] += f", the check {grade.auto_score:g}"
    if grade.extra_credit:
        said.append(f"{grade.extra_credit:+g} by a person")
    return ", ".join(said)


def bonus_tests(nb: NotebookNode) -> set[str]:
    """The grade_ids of the test cells whose points are bonus points."""
    tagged = [cell for cell in nb.cells if BONUS in tags(cell)]
    return {name for cell in tagged if (name := grade_id(cell, "grade"))}


def plain(value: object) -> object:
    """The value of a cell; a text that a spreadsheet would run gets an apostrophe in front."""
    if not isinstance(value, str):
        return value
    return printable(f"'{value}" if value.startswith(FORMULA) else value)


class Grades(ExportPlugin):
    """`nbgrader export`: nbgrader's columns, the bonus apart, and the total in words.

    No cell is a formula, and none has control characters.
    """

    def export(self, gradebook: Gradebook) -> None:
        """Write a line for each assignment and student to the file named by --to (grades.csv)."""
        course = Path(self.parent.coursedir.root)
        with open(self.to or "grades.csv", "w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, KEYS)
            table.writeheader()
            for assignment in gradebook.assignments:
                if not self.assignment or assignment.name in map(str, self.assignment):
                    rows = self._rows(gradebook, assignment, course)
                    table.writerows({key: plain(row[key]) for key in KEYS} for row in rows)

    def _rows(self, gradebook: Gradebook, assignment: Assignment, course: Path) -> Iterator[dict]:
        in_source = assignment.name in assignments(course)
        bonus = bonus_tests(read(source_notebook(course, assignment.name))) if in_source else set()
        cells = [cell for notebook in assignment.notebooks for cell in notebook.grade_cells]
        most = sum(cell.max_score for cell in cells if cell.name not in bonus)
        for student in gradebook.students:
            if self.student and student.id not in map(str, self.student):
                continue
            try:
                submission = gradebook.find_submission(assignment.name, student.id)
                score = Score.of(submission, bonus, LatePolicy(parent=self))
            except MissingEntry:
                submission, score = None, Score(0.0, 0.0, most, 0.0, 0.0)
            yield {
                "assignment": assignment.name,
                "duedate": assignment.duedate,
                "timestamp": submission and submission.timestamp,
                "student_id": student.id,
                "last_name": student.last_name,
                "first_name": student.first_name,
                "email": student.email,
                "raw_score": score.raw,
                "late_submission_penalty": round(score.raw - score.score, 2),
                "score": score.score,
                "max_score": score.most,
                "bonus": score.bonus,
                "total": str(score),
                "needs_manual_grade": bool(submission and submission.needs_manual_grade),
            }
