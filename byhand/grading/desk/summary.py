"""What a class understood of an assignment and what it did not: the numbers behind the report."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from byhand.checkpoints import CheckpointError, read_checkpoint
from byhand.grading.desk.cards import FailedCell, failed_cells
from byhand.grading.plugins.class_grades import ClassGrades, Task
from byhand.grading.submission.outcome import kept
from byhand.grading.submission.reading import UnreadableError
from byhand.handin import TRAINED

FEWEST = 10  # submissions from which on a correlation means something
UNNAMED = "no mistake is named"
ON_TIME, LATE, TOO_LATE, MISSING = "on time", "late", "after the hard deadline", "not handed in"


@dataclass(frozen=True)
class TaskSummary:
    """mean: points; difficulty: the mean share of the points, 1 is easy; discrimination: how the
    points of the task go with those of all other tasks (a correlation), None if nothing tells;
    full, none: students with all and with no points."""

    name: str
    most: float
    bonus: bool
    mean: float
    difficulty: float
    discrimination: float | None
    full: int
    none: int


@dataclass(frozen=True)
class Mistake:
    """students: who made it; tried, line: of the card of the first of them."""

    task: str
    says: str
    students: list[str]
    tried: str
    line: str


@dataclass(frozen=True)
class Hidden:
    """A test cell whose visible cases passed and hidden ones failed. points: lost there."""

    cell: str
    students: list[str]
    points: float


@dataclass
class Summary:
    """An assignment. rows: a student's score each; broken: what could not be read, in words."""

    assignment: str
    due: datetime | None
    most: float
    students: int
    handed_in: int
    mean: float | None
    median: float | None
    distribution: list[tuple[str, int]]
    tasks: list[TaskSummary]
    mistakes: list[Mistake]
    unwritten: dict[str, int]
    hidden: list[Hidden]
    time: dict[str, int]
    outcomes: dict[str, int]
    failed: dict[str, str]
    training: dict[str, list[float]]
    waiting: dict[str, list[str]]
    broken: list[str] = field(default_factory=list)


def summarise(grades: ClassGrades, folder: Callable[[str], Path]) -> Summary:
    """grades: of the class; folder: the graded submission of a student."""
    scores = np.array([one.score.score for one in grades.submissions.values()])
    broken: list[str] = []
    found = _cells(grades, folder, broken)
    outcomes = {student: kept(folder(student)) for student in grades.submissions}
    return Summary(
        assignment=grades.assignment,
        due=grades.due,
        most=grades.most,
        students=len(grades.people),
        handed_in=len(scores),
        mean=float(scores.mean()) if len(scores) else None,
        median=float(np.median(scores)) if len(scores) else None,
        distribution=distribution(scores, grades.most),
        tasks=_tasks(grades),
        mistakes=_mistakes(found, grades),
        unwritten=_unwritten(found, grades),
        hidden=_hidden(found, grades),
        time=_times(grades),
        outcomes=dict(Counter(o.get("status", "not graded here") for o in outcomes.values())),
        failed={name: _why(one) for name, one in outcomes.items() if one.get("causes")},
        training=_training(grades, folder, broken),
        waiting={name: one.waits for name, one in grades.submissions.items() if one.waits},
        broken=broken,
    )


def distribution(scores: np.ndarray, most: float) -> list[tuple[str, int]]:
    """How many scores lie in each tenth of the points; a full score is in the last."""
    if not most:
        return []
    edges = np.linspace(0, most, 11)
    counts, _ = np.histogram(np.clip(scores, 0, most), edges)
    return [
        (f"{low:.3g} to {high:.3g}", int(count))
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]


def discrimination(points: np.ndarray, rest: np.ndarray) -> float | None:
    """The correlation of a task's points with those of all other tasks; None if one of them is the
    same for everybody, or for a small class."""
    if len(points) < FEWEST or not np.ptp(points) > 1e-9 or not np.ptp(rest) > 1e-9:
        return None
    return float(np.corrcoef(points, rest)[0, 1])


def _tasks(grades: ClassGrades) -> list[TaskSummary]:
    points = np.array([one.tasks for one in grades.submissions.values()])
    if not len(points):
        return []
    all_of = points.sum(axis=1)
    return [
        TaskSummary(
            task.name,
            task.most,
            task.bonus,
            float(own.mean()),
            float(own.mean() / task.most) if task.most else 0.0,
            discrimination(own, all_of - own),
            int((own >= task.most - 1e-9).sum()),
            int((own <= 1e-9).sum()),
        )
        for task, own in zip(grades.tasks, points.T, strict=True)
    ]


def _cells(
    grades: ClassGrades, folder: Callable[[str], Path], broken: list[str]
) -> dict[str, list[FailedCell]]:
    """By student: the test cells that failed."""
    found = {}
    for student in grades.submissions:
        notebooks = sorted(folder(student).glob("*.ipynb"))
        if not notebooks:
            broken.append(f"{student}: there is no graded notebook here")
        for path in notebooks:
            try:
                found.setdefault(student, []).extend(failed_cells(path))
            except UnreadableError as error:
                broken.append(f"{student}: {path.name} cannot be read ({error})"[:300])
    return found


def _task_of(cell: str, tasks: tuple[Task, ...]) -> str:
    return next((task.name for task in tasks if cell in task.cells), cell)


def _mistakes(found: dict[str, list[FailedCell]], grades: ClassGrades) -> list[Mistake]:
    """The commonest first. Texts that differ in their numbers only are one mistake."""
    made: dict[tuple[str, str], dict[str, tuple[str, str, str]]] = defaultdict(dict)
    for student, cells in found.items():
        for cell in cells:
            for card in cell.cards:
                if not card.unwritten:
                    key = _task_of(cell.name, grades.tasks), re.sub(r"\d[\d.e+-]*", "#", card.says)
                    seen = card.says or UNNAMED, card.tried, card.line
                    made[key].setdefault(student, seen)
    named = [
        Mistake(task, says, list(students), tried, line)
        for (task, _), students in made.items()
        for says, tried, line in [next(iter(students.values()))]
    ]
    return sorted(named, key=lambda one: (-len(one.students), one.task, one.says))


def _unwritten(found: dict[str, list[FailedCell]], grades: ClassGrades) -> dict[str, int]:
    """By task: how many have written nothing."""
    count = Counter()
    for cells in found.values():
        open_cells = [cell for cell in cells if cell.cards and cell.cards[0].unwritten]
        count.update({_task_of(cell.name, grades.tasks) for cell in open_cells})
    return dict(count.most_common())


def _hidden(found: dict[str, list[FailedCell]], grades: ClassGrades) -> list[Hidden]:
    """The most expensive first."""
    who: dict[str, list[str]] = defaultdict(list)
    for student, cells in found.items():
        for cell in cells:
            if cell.hidden and cell.name in grades.submissions[student].cells:
                who[cell.name].append(student)

    def lost(cell: str, students: list[str]) -> float:
        points = [grades.submissions[student].cells[cell] for student in students]
        return float(sum(one.max_score - one.score for one in points))

    made = [Hidden(cell, students, lost(cell, students)) for cell, students in who.items()]
    return sorted(made, key=lambda one: (-one.points, one.cell))


def _times(grades: ClassGrades) -> dict[str, int]:
    count = dict.fromkeys((ON_TIME, LATE, TOO_LATE), 0)
    for one in grades.submissions.values():
        gone = one.score.raw > 0 and one.score.score == 0
        count[ON_TIME if one.seconds_late <= 0 else TOO_LATE if gone else LATE] += 1
    return count | {MISSING: len(grades.missing)}


def _why(outcome: dict) -> str:
    """The causes in words, with the tasks that they cost."""
    said = []
    for cause in outcome["causes"]:
        cells = ", ".join(cell or "a cell of their own" for cell in cause.get("cells", []))
        detail = f" ({cause['detail']})" if cause.get("detail") else ""
        said.append(cause["cause"] + detail + (f" in {cells}" if cells else ""))
    return "; ".join(said)


def _training(
    grades: ClassGrades, folder: Callable[[str], Path], broken: list[str]
) -> dict[str, list[float]]:
    """By student: the accuracy on the validation data after each epoch."""
    found = {}
    names = [name for name in TRAINED.get(grades.assignment, []) if name.endswith(".npz")]
    for name in names:
        for student in grades.submissions:
            path = folder(student) / name
            try:
                curve = read_checkpoint(path).history.validation_accuracy
            except CheckpointError as error:
                broken.append(
                    f"{student}: {name}: {error.what.removeprefix(str(path)).strip(' :.')}"
                )
                continue
            if curve and np.isfinite(curve).all():
                found[student] = [float(value) for value in curve]
            else:
                broken.append(f"{student}: {name} holds no accuracy on the validation data")
    return found
