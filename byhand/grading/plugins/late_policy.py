"""Deadlines, and what a late submission costs.

Both are set in one place, `c.LatePolicy.deadlines` in nbgrader_config.py. DueDate carries the
soft deadline into the gradebook, from which nbgrader computes how late a submission is;
LatePolicy turns that into a penalty.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Dict

KEPT_PER_DAY = 0.85
DAY = timedelta(days=1)


class Deadline(NamedTuple):
    """When an assignment is due (soft) and from when on it counts nothing (hard), both in UTC."""

    soft: datetime
    hard: datetime


def deadlines(timezone: str, table: dict[str, tuple[str, str]]) -> dict[str, Deadline]:
    """The value of `c.LatePolicy.deadlines`.

    timezone: what the table's times mean, as in "Europe/Paris", summer time included;
    table: assignment -> (soft, hard), both as "2026-11-30 23:59".
    Exits with one line on anything else: after any other exception in its configuration file
    nbgrader goes on with the half that it has read.
    """
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError, OSError) as error:
        raise _fault(f"{timezone!r} is not a time zone such as 'Europe/Paris'") from error
    return {name: _deadline(name, times, zone) for name, times in table.items()}


def late_grade(score: float, seconds_late: float, grace: timedelta | None = None) -> float:
    """What is left of a score: score * 0.85^days, to two decimals; 0 after `grace` (None: never).

    seconds_late: after the soft deadline; grace: from the soft to the hard deadline.
    Nobody gains by rounding: the result is never above score.
    """
    late = timedelta(seconds=seconds_late)
    if late <= timedelta(0):
        return score
    if grace is not None and late > grace:
        return 0.0
    return min(score, round(score * KEPT_PER_DAY ** (late / DAY), 2))


class LatePolicy(LateSubmissionPlugin):
    """nbgrader's late policy of this course: 15% of what is left for every day, then nothing.

    An extension that a student was given (formgrader, or the gradebook) moves both deadlines.
    Without a deadline there is no penalty. With a soft one that was set in formgrader only, there
    is no hard one.
    """

    deadlines = Dict(help="assignment -> Deadline, made by deadlines() in this module").tag(
        config=True
    )

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float:
        """The points to subtract from score (0 or more)."""
        return score - self.kept(self.parent.assignment_id, score, total_seconds_late)

    def kept(self, assignment: str, score: float, seconds_late: float) -> float:
        """What is left of a score."""
        deadline = self.deadlines.get(assignment)
        grace = deadline.hard - deadline.soft if deadline else None
        return late_grade(score, seconds_late, grace)


class DueDate(NbGraderPreprocessor):
    """Writes the soft deadline of the configuration into the gradebook.

    It runs in `nbgrader generate_assignment` (formgrader shows the date from then on) and in
    `nbgrader autograde` (a deadline that was moved since then counts). An assignment that has no
    deadline in the configuration keeps what formgrader says.
    """

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """The notebook itself stays as it is."""
        course = resources["nbgrader"]
        deadline = LatePolicy(parent=self).deadlines.get(course["assignment"])
        if deadline:
            with Gradebook(course["db_url"]) as gradebook:
                gradebook.update_or_create_assignment(course["assignment"], duedate=deadline.soft)
        return nb, resources


def _deadline(name: str, times: tuple[str, str], zone: ZoneInfo) -> Deadline:
    try:
        soft, hard = (datetime.fromisoformat(time).replace(tzinfo=zone) for time in times)
    except (TypeError, ValueError) as error:
        raise _fault(f"{name}: {times!r} is not a pair of times like '2026-11-30 23:59'") from error
    if hard < soft:
        raise _fault(f"{name}: the hard deadline {times[1]} is before the soft one {times[0]}")
    return Deadline(soft.astimezone(UTC), hard.astimezone(UTC))


def _fault(what: str) -> SystemExit:
    return SystemExit(f"nbgrader_config.py, deadlines: {what}.")
