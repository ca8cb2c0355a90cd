"""Scores, with bonus points apart: in the terminal, in exports, on a feedback page.

The points of a test cell with the tag `bonus` come on top of an assignment's own. nbgrader knows
no such thing and adds everything up; here the two are told apart again.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from nbformat import NotebookNode
from nbgrader.api import Grade, SubmittedAssignment

from byhand.grading.course.notebooks import BONUS, grade_id, tags, task_of
from byhand.grading.plugins.late_policy import LatePolicy


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
        grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
        return cls.of_grades(
            grades, bonus_tests, late, submission.name, submission.total_seconds_late
        )

    @classmethod
    def of_grades(
        cls,
        grades: Iterable[Grade],
        bonus_tests: set[str],
        late: LatePolicy,
        assignment: str,
        seconds_late: float,
    ) -> "Score":
        """The score of these grades: things with a name, a score and a max_score."""

        def kept(points: float) -> float:
            return late.kept(assignment, points, seconds_late)

        grades = list(grades)
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
