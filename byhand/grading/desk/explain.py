"""`byhand explain`: why a student has the points of a task: the code, the cards, the reference."""

from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text

from byhand.grading.course.notebooks import (
    CourseError,
    assignments,
    grade,
    grade_id,
    nearest,
    read,
    solution_cells,
    source_notebook,
    task_of,
)
from byhand.grading.desk.cards import cards_of, solutions
from byhand.grading.plugins.class_grades import Submission, class_grades, opened
from byhand.grading.submission.names import printable
from byhand.grading.submission.outcome import kept
from byhand.grading.submission.reading import UnreadableError


def explain(course: Path, student: str, assignment: str, task: str, console: Console) -> None:
    """Print all that decides about a task. Raises CourseError, with the nearest name, for one that
    is not there."""
    with opened(course) as (gradebook, late, coursedir):
        grades = class_grades(gradebook, course, assignment, late)
        folder = Path(coursedir.format_path(coursedir.autograded_directory, student, assignment))
    if student not in grades.submissions:
        raise CourseError(f"{assignment}: {nearest('submission of', student, grades.submissions)}")
    if assignment not in assignments(course):
        raise CourseError(f"source/ has no {assignment}, so there is nothing to compare with.")
    source = source_notebook(course, assignment)
    names = [name for cell in read(source).cells if (name := grade_id(cell, "solution"))]
    if task not in names:
        raise CourseError(f"{assignment}: {nearest('task', task, names)}")
    submission = grades.submissions[student]
    try:
        written, cards = solutions(folder / source.name), cards_of(folder / source.name)
    except UnreadableError as error:
        raise CourseError(f"{error}. Grade it again with --force.") from error
    tests = [name for name in submission.cells if task_of(name, names) == task]
    console.print(Text(f"{submission.person}, {assignment}, {task}", style="bold"))
    console.print(_panel("What they wrote", _code(written.get(task, ""))))
    for name in tests:
        console.print(_panel(_points(submission, name), *map(_card, cards.get(name, []))))
    for line in kept(folder).get("causes", []):
        if task in line.get("tasks", []):
            console.print(Text(f"It failed: {line['cause']}", style="red"))
    if task in (known := solution_cells(source)):
        console.print(_panel("The reference", _code(known[task])))
        console.print(_reference(source, task, tests))


def _reference(source: Path, task: str, tests: list[str]) -> Text:
    """What the same test cells give the reference, on other random numbers."""
    found = {name: result for name, result in grade(source, only=[task]).items() if name in tests}
    gained = sum(one.points for one in found.values())
    most = sum(one.max_points for one in found.values())
    return Text(f"The reference gets {gained:g} of {most:g} from these test cells.")


def _points(submission: Submission, name: str) -> str:
    points = submission.cells[name]
    waits = ", waits for a person" if points.waits else ""
    return f"{name}: {points.score:g} of {points.max_score:g}{waits}"


def _panel(title: str, *parts: RenderableType) -> Panel:
    return Panel(Group(*parts or [Text("nothing to show")]), title=Text(title), title_align="left")


def _code(source: str) -> Syntax:
    return Syntax(printable(source, newlines=True), "python", theme="ansi_dark", word_wrap=True)


def _card(shown: tuple[str, str]) -> RenderableType:
    """A card and, if it failed, the call that makes it again in the student's notebook."""
    text, call = (printable(one, newlines=True) for one in shown)
    return Group(Text(text), Text(f"To repeat it: {call}", style="bold")) if call else Text(text)
