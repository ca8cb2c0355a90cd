"""Grades as files: `nbgrader export`, for a spreadsheet, for Moodle and for Canvas.

Scores are what lateness leaves of them, with the bonus apart. No cell is a formula, and none has
control characters.
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin

from byhand.grading.plugins.class_grades import ClassGrades, Person, class_grades
from byhand.grading.plugins.grades import Score
from byhand.grading.plugins.late_policy import LatePolicy
from byhand.grading.submission.names import printable

FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # begins a formula in some spreadsheet


def plain(value: object) -> object:
    """The value of a cell; a text that a spreadsheet would run gets an apostrophe in front."""
    if not isinstance(value, str):
        return value
    return printable(f"'{value}" if value.startswith(FORMULA) else value)


class _Export(ExportPlugin):
    """--to, --student and --assignment as nbgrader has them."""

    file = "grades.csv"

    def export(self, gradebook: Gradebook) -> None:
        """Write the file that --to names."""
        course, late = Path(self.parent.coursedir.root), LatePolicy(parent=self)
        names = [one.name for one in gradebook.assignments]
        chosen = [
            name for name in names if not self.assignment or name in map(str, self.assignment)
        ]
        grades = [class_grades(gradebook, course, name, late) for name in chosen]
        with open(self.to or self.file, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerows(map(plain, row) for row in self.rows(grades))
        if waiting := sum(bool(one.waits) for of in grades for one in of.submissions.values()):
            self.log.warning("%d submissions still wait for a person.", waiting)

    def rows(self, grades: list[ClassGrades]) -> Iterable[Iterable[Any]]:
        """The rows of the file, its header first."""
        raise NotImplementedError

    def people(self, grades: ClassGrades) -> list[Person]:
        """Those whom --student names, everybody without it."""
        chosen = set(map(str, self.student))
        return [one for one in grades.people if not chosen or one.id in chosen]

    def everybody(self, grades: list[ClassGrades]) -> list[Person]:
        """The people of several assignments, each once."""
        return list({one.id: one for of in grades for one in self.people(of)}.values())


def score(grades: ClassGrades, student: str) -> Score:
    """A student's score; of who handed nothing in, 0."""
    found = grades.submissions.get(student)
    return found.score if found else Score(0.0, 0.0, grades.most, 0.0, 0.0)


class Grades(_Export):
    """A line for each assignment and student, with nbgrader's columns, the bonus apart, and the
    total in words."""

    KEYS = (
        "assignment duedate timestamp student_id last_name first_name email raw_score "
        "late_submission_penalty score max_score bonus total needs_manual_grade"
    ).split()

    def rows(self, grades: list[ClassGrades]) -> Iterator[Iterable[Any]]:
        """As KEYS has them."""
        yield self.KEYS
        for of in grades:
            for person in self.people(of):
                submission, points = of.submissions.get(person.id), score(of, person.id)
                yield (
                    *(of.assignment, of.due, submission and submission.handed_in, person.id),
                    *(person.last_name, person.first_name, person.email),
                    *(points.raw, round(points.raw - points.score, 2), points.score, points.most),
                    *(points.bonus, str(points), bool(submission and submission.waits)),
                )


class TaskGrades(_Export):
    """A line for each assignment, student and task: its points before lateness."""

    file = "tasks.csv"
    KEYS = (
        "assignment student_id last_name first_name task points max_points bonus needs_manual_grade"
    ).split()

    def rows(self, grades: list[ClassGrades]) -> Iterator[Iterable[Any]]:
        """As KEYS has them."""
        yield self.KEYS
        for of in grades:
            for person in self.people(of):
                submission = of.submissions.get(person.id)
                waits = set(submission.waits if submission else ())
                points = submission.tasks if submission else [0.0] * len(of.tasks)
                for task, gained in zip(of.tasks, points, strict=True):
                    yield (
                        *(of.assignment, person.id, person.last_name, person.first_name),
                        *(task.name, round(gained, 2), task.most, task.bonus),
                        not waits.isdisjoint(task.cells),
                    )


class Moodle(_Export):
    """For Moodle's Grades > Import > CSV file: match by ID number or e-mail address, and map each
    assignment to its grade item. A bonus is a grade item of its own."""

    file = "moodle.csv"

    def rows(self, grades: list[ClassGrades]) -> Iterator[Iterable[Any]]:
        """A student each."""
        columns = list(_columns(grades))
        yield ["First name", "Last name", "ID number", "Email address", *(n for n, *_ in columns)]
        for person in self.everybody(grades):
            points = [_points(of, person.id, bonus) for _, of, _, bonus in columns]
            yield person.first_name, person.last_name, person.id, person.email, *points


class Canvas(_Export):
    """For Canvas's Grades > Import. `byhand roster` takes Canvas's own ID over; without it Canvas
    finds students by their login."""

    file = "canvas.csv"

    def rows(self, grades: list[ClassGrades]) -> Iterator[Iterable[Any]]:
        """The points possible, then a student each."""
        columns = list(_columns(grades))
        yield ["Student", "ID", "SIS Login ID", "Section", *(name for name, *_ in columns)]
        yield ["    Points Possible", "", "", "", *(most for _, _, most, _ in columns)]
        for person in self.everybody(grades):
            name = ", ".join(filter(None, (person.last_name, person.first_name))) or person.id
            points = [_points(of, person.id, bonus) for _, of, _, bonus in columns]
            yield name, person.lms_id, person.id, "", *points


def _columns(grades: list[ClassGrades]) -> Iterator[tuple[str, ClassGrades, float, bool]]:
    """Of each assignment, and of its bonus if it has one: name, class, points, whether a bonus."""
    for of in grades:
        yield of.assignment, of, round(of.most, 2), False
        if extra := sum(task.most for task in of.tasks if task.bonus):
            yield f"{of.assignment} bonus", of, round(extra, 2), True


def _points(of: ClassGrades, student: str, bonus: bool) -> float:
    found = score(of, student)
    return round(found.bonus if bonus else found.score, 2)
