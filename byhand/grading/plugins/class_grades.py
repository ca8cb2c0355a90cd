"""The points of a whole class in one assignment, read from the gradebook in a few queries.

nbgrader's objects load a grade at a time; for a thousand students that takes minutes.
"""

import os
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Gradebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.apps import NbGrader
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.engine import make_url

from byhand.grading.course.commands import path_of_tools
from byhand.grading.course.notebooks import (
    CourseError,
    assignments,
    grade_id,
    nearest,
    read,
    source_notebook,
    task_of,
)
from byhand.grading.plugins.grades import Score, bonus_tests
from byhand.grading.plugins.late_policy import LatePolicy


@dataclass(frozen=True)
class Points:
    """What one graded cell gave, before lateness."""

    name: str
    score: float
    max_score: float
    waits: bool


@dataclass(frozen=True)
class Task:
    """A task, out of `most` points. bonus: they come on top; cells: its graded cells."""

    name: str
    most: float
    bonus: bool
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """A student as the gradebook has one; what it does not know is empty.

    lms_id: of the learning platform, such as Canvas's ID.
    """

    id: str
    first_name: str
    last_name: str
    email: str
    lms_id: str

    def __str__(self) -> str:
        name = " ".join(filter(None, (self.first_name, self.last_name)))
        return f"{self.id} ({name})" if name else self.id


@dataclass(frozen=True)
class Submission:
    """What a student has handed in. cells: by name; tasks: the points of each, in their order."""

    person: Person
    handed_in: datetime | None
    seconds_late: float
    score: Score
    cells: dict[str, Points]
    tasks: tuple[float, ...]

    @property
    def waits(self) -> list[str]:
        """The cells that wait for a person."""
        return [name for name, points in self.cells.items() if points.waits]


@dataclass(frozen=True)
class ClassGrades:
    """An assignment, its tasks in the notebook's order, and the class.

    most: points without the bonus; submissions: by student; missing: who handed nothing in.
    """

    assignment: str
    due: datetime | None
    most: float
    tasks: tuple[Task, ...]
    submissions: dict[str, Submission] = field(default_factory=dict)
    missing: tuple[Person, ...] = ()

    @property
    def people(self) -> list[Person]:
        """Everybody, in the order of their names."""
        found = [*(one.person for one in self.submissions.values()), *self.missing]
        return sorted(found, key=lambda person: person.id)


@contextmanager
def opened(
    course: Path, new: bool = False
) -> Iterator[tuple[Gradebook, LatePolicy, CourseDirectory]]:
    """The gradebook of a course, its late policy and its folders, as its nbgrader_config.py has
    them. new: make a gradebook where there is none; else that raises CourseError."""
    os.environ["PATH"] = path_of_tools()  # for a gradebook that has to be made
    with chdir(course):
        app = NbGrader()
        app.initialize([f"--CourseDirectory.root={course}"])
        url = make_url(app.coursedir.db_url)
        here = url.get_backend_name() != "sqlite" or Path(url.database or "").is_file()
        if not (new or here):
            raise CourseError(
                f"there is no gradebook {url.database} yet: "
                "`nbgrader generate_assignment` makes it, `nbgrader autograde` fills it."
            )
        with Gradebook(app.coursedir.db_url, app.coursedir.course_id) as gradebook:
            yield gradebook, LatePolicy(parent=app), app.coursedir


def known(gradebook: Gradebook, assignment: str) -> str:
    """The name itself. Raises CourseError, with the nearest one, if no assignment has it."""
    names = [one.name for one in gradebook.assignments]
    if assignment in names:
        return assignment
    if not names:
        raise CourseError("the gradebook is empty: run `nbgrader generate_assignment` first.")
    raise CourseError(f"the gradebook: {nearest('assignment', assignment, names)}")


def class_grades(
    gradebook: Gradebook, course: Path, assignment: str, late: LatePolicy
) -> ClassGrades:
    """All that the gradebook says of an assignment. Raises CourseError if it has none."""
    entry = gradebook.find_assignment(known(gradebook, assignment))
    worth = {
        cell.name: cell.max_score for notebook in entry.notebooks for cell in _graded(notebook)
    }
    order, bonus, names = _marks(course, assignment)
    tasks = _tasks([*order, *(name for name in worth if name not in order)], worth, bonus, names)
    found = {}
    people = {person.id: person for person in _people(gradebook)}
    points = _points(gradebook, entry, worth)
    for one in gradebook.db.query(SubmittedAssignment).filter_by(assignment_id=entry.id):
        cells = points.get(one.id, {})
        score = Score.of_grades(cells.values(), bonus, late, assignment, one.total_seconds_late)
        gained = tuple(
            sum(cells[name].score for name in task.cells if name in cells) for task in tasks
        )
        person = people[one.student_id]
        found[person.id] = Submission(
            person, one.timestamp, one.total_seconds_late, score, cells, gained
        )
    return ClassGrades(
        assignment,
        entry.duedate,
        sum(task.most for task in tasks if not task.bonus),
        tasks,
        dict(sorted(found.items())),
        tuple(person for name, person in people.items() if name not in found),
    )


def _graded(notebook: object) -> list:
    return [*notebook.grade_cells, *notebook.task_cells]


def _marks(course: Path, assignment: str) -> tuple[list[str], set[str], list[str]]:
    """From the source notebook: graded cells in order, those with bonus points, solution cells."""
    if assignment not in assignments(course):
        return [], set(), []
    nb = read(source_notebook(course, assignment))
    order = [name for cell in nb.cells if (name := grade_id(cell, "grade"))]
    return order, bonus_tests(nb), [n for cell in nb.cells if (n := grade_id(cell, "solution"))]


def _tasks(
    order: list[str], worth: dict[str, float], bonus: set[str], names: list[str]
) -> tuple[Task, ...]:
    cells: dict[tuple[str, bool], list[str]] = {}
    for name in (name for name in order if name in worth):
        task = task_of(name, names) or name.removeprefix("test_")
        cells.setdefault((task, name in bonus), []).append(name)
    return tuple(
        Task(name, sum(worth[one] for one in some), extra, tuple(some))
        for (name, extra), some in cells.items()
    )


def _people(gradebook: Gradebook) -> list[Person]:
    columns = Student.id, Student.first_name, Student.last_name, Student.email
    rows = gradebook.db.query(*columns, Student.lms_user_id).order_by(Student.id)
    return [Person(*(value or "" for value in row)) for row in rows]


def _points(
    gradebook: Gradebook, entry: Assignment, worth: dict[str, float]
) -> dict[str, dict[str, Points]]:
    """By the id of a submission: its graded cells."""
    columns = (
        *(SubmittedNotebook.assignment_id, BaseCell.name),
        *(Grade.score, Grade.needs_manual_grade),
    )
    rows = (
        gradebook.db.query(*columns)
        .select_from(Grade)
        .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(BaseCell, Grade.cell_id == BaseCell.id)
        .filter(SubmittedAssignment.assignment_id == entry.id)
    )
    found: dict[str, dict[str, Points]] = {}
    for submission, name, score, waits in rows:
        found.setdefault(submission, {})[name] = Points(name, score, worth[name], waits)
    return found
