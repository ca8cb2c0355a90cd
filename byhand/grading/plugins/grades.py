"""Scores, with bonus points apart: in the terminal, in an export, on a feedback page.

The points of a test cell with the tag `bonus` come on top of an assignment's own. nbgrader knows
no such thing and adds everything up; here the two are told apart again.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from nbgrader.api import Assignment, Gradebook, MissingEntry, SubmittedAssignment
from nbgrader.plugins import ExportPlugin
from nbgrader.preprocessors import GetGrades

from byhand.grading.course.notebooks import (
    BONUS,
    assignments,
    grade_id,
    read,
    source_notebook,
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


def bonus_tests(nb: NotebookNode) -> set[str]:
    """The grade_ids of the test cells whose points are bonus points."""
    tagged = [cell for cell in nb.cells if BONUS in cell.metadata.get("tags", [])]
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


class ShowGrades(GetGrades):
    """Puts the scores on a feedback page, bonus points apart."""

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """The title gives the assignment's own points; with a bonus, a first line gives both."""
        nb, resources = super().preprocess(nb, resources)
        course = resources["nbgrader"]
        with Gradebook(course["db_url"]) as gradebook:
            submission = gradebook.find_submission(course["assignment"], course["student"])
            score = Score.of(submission, bonus_tests(nb), LatePolicy(parent=self))
        course |= {"score": score.score, "max_score": score.most}
        if score.bonus:
            nb.cells.insert(0, new_markdown_cell(f"**{score}**"))
        return nb, resources
