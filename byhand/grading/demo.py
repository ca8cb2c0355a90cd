"""A small class, graded with the instructor's own commands: `byhand demo`.

All of it happens in build/demo/, a course of its own with its own gradebook, made anew each time.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook, SubmittedAssignment
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from byhand.grading import notebooks
from byhand.grading.commands import nbgrader
from byhand.grading.mistakes import mistakes
from byhand.grading.notebooks import CourseError, read, solution_cells, source_notebook

ASSIGNMENT = "3-layers"
SOFT, HARD = datetime(2026, 3, 2, 18), datetime(2026, 3, 9, 18)
CONFIG = f"""\
from byhand.grading.late import deadlines

c = get_config()
load_subconfig("nbgrader_config.py", path={{course!r}})
c.Judge.allow_unconfined = True  # these students are harmless
c.LatePolicy.deadlines = deadlines("UTC", {{{{"{ASSIGNMENT}": ("{SOFT}", "{HARD}")}}}})
"""


@dataclass(frozen=True)
class Student:
    """One of the class. solutions: solution cell -> what they wrote; late: after the deadline."""

    name: str
    about: str
    solutions: dict[str, str]
    late: timedelta = timedelta(hours=-3)


def run(course: Path, console: Console) -> None:
    """Build the class, grade it and print its scores. Raises CourseError."""
    demo = course / "build" / "demo"
    students = class_of_ten(course)
    _set_up(course, demo)
    if shutil.which("bwrap") is None:
        console.print("Without bubblewrap: these students' code runs with your rights.")
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("", total=len(students) + 3)

        def grade_with(*arguments: str, a_line_each: str = "") -> None:
            def each_line(line: str) -> None:
                progress.advance(bar, bool(a_line_each) and a_line_each in line)

            console.print(f"nbgrader {' '.join(arguments)}")
            progress.update(bar, description=arguments[0])
            log = nbgrader(demo, *arguments, "--log-level=INFO", each_line=each_line)
            (demo / "logs" / f"{arguments[0]}.log").write_text(log, encoding="utf-8")
            progress.advance(bar, not a_line_each)

        grade_with("generate_assignment", ASSIGNMENT)
        for student in students:
            _hand_in(student, demo)
        grade_with("autograde", ASSIGNMENT, a_line_each="] Autograding ")
        grade_with("generate_feedback", ASSIGNMENT)
        grade_with("export", "--to=grades.csv")
    _show(students, demo, course, console)


def class_of_ten(course: Path) -> list[Student]:
    """Ten students as they come, their mistakes taken from mistakes/. Raises CourseError."""
    right = solution_cells(source_notebook(course, ASSIGNMENT))
    known = {}
    for mistake in mistakes(course / "mistakes" / ASSIGNMENT):
        known.setdefault(mistake.task, mistake)

    def wrong(*tasks: str) -> tuple[str, dict[str, str]]:
        """The first known mistake in each task, all else right."""
        if missing := set(tasks) - set(known):
            raise CourseError(f"mistakes/{ASSIGNMENT}: none for {', '.join(sorted(missing))}.")
        made = [known[task] for task in tasks]
        about = "; ".join(f"{mistake.task}: {mistake.name}" for mistake in made)
        return about, right | {mistake.task: mistake.source for mistake in made}

    half = dict(list(right.items())[: len(right) // 2])
    typo = right | {"sgd": right["sgd"].replace("):", ")", 1)}
    day = timedelta(days=1)
    return [
        Student("student-01", "all right", right),
        Student("student-02", *wrong("linear")),
        Student("student-03", *wrong("batch_norm", "dropout")),
        Student("student-04", *wrong("softmax", "cross_entropy_loss", "adam")),
        Student("student-05", "half finished", half),
        Student("student-06", "all right, a day late", right, day),
        Student("student-07", "all right, four days late", right, 4 * day),
        Student("student-08", "all right, after the hard deadline", right, HARD - SOFT + day),
        Student("student-09", "nothing done", {}),
        Student("student-10", "sgd: a syntax error", typo),
    ]


def task_of(test: str, tasks: list[str]) -> str:
    """The task that a test cell belongs to. Raises CourseError if there is none."""
    task = notebooks.task_of(test, tasks)
    if task is None:
        raise CourseError(f"The test cell {test} belongs to no solution cell: rename it.")
    return task


def _set_up(course: Path, demo: Path) -> None:
    shutil.rmtree(demo, ignore_errors=True)
    shutil.copytree(course / "source" / ASSIGNMENT, demo / "source" / ASSIGNMENT)
    (demo / "logs").mkdir()
    (demo / "nbgrader_config.py").write_text(CONFIG.format(course=str(course)), encoding="utf-8")


def _hand_in(student: Student, demo: Path) -> None:
    """Write the released notebook, filled in by the student, where `nbgrader collect` puts it."""
    [released] = (demo / "release" / ASSIGNMENT).glob("*.ipynb")
    nb = read(released)
    for cell in nb.cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("solution"):
            cell.source = student.solutions.get(marks["grade_id"], cell.source)
    folder = demo / "submitted" / student.name / ASSIGNMENT
    folder.mkdir(parents=True)
    nbformat.write(nb, folder / released.name)
    handed_in = f"{SOFT + student.late} UTC"
    (folder / "timestamp.txt").write_text(handed_in, encoding="utf-8")


def _show(students: list[Student], demo: Path, course: Path, console: Console) -> None:
    """Scores by task and student, then who is who, then the feedback pages."""
    tasks = list(solution_cells(source_notebook(course, ASSIGNMENT)))
    scores = Table(title=ASSIGNMENT, box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    people = Table("student", "handed in", box=None, pad_edge=False)
    scores.add_column("student-", no_wrap=True)
    with Gradebook(f"sqlite:///{demo / 'gradebook.db'}") as gradebook:
        columns = []
        for student in students:
            scores.add_column(student.name.removeprefix("student-"), justify="right")
            columns.append(_column(gradebook.find_submission(ASSIGNMENT, student.name), tasks))
            people.add_row(student.name, student.about)
    for row in columns[0]:
        points = [f"{column[row]:.4g}" for column in columns]
        scores.add_row(row, *points, end_section=row == tasks[-1])
    console.print(scores)
    console.print(people)
    console.print(f"\nGrades: {_short(demo / 'grades.csv', course)}")
    console.print("Feedback pages:")
    for page in sorted((demo / "feedback").rglob("*.html")):
        console.print(f"  {_short(page, course)}")


def _column(submission: SubmittedAssignment, tasks: list[str]) -> dict[str, float]:
    """One student's points by task, then raw, penalty, score."""
    points = dict.fromkeys(tasks, 0.0)
    for notebook in submission.notebooks:
        for given in notebook.grades:
            points[task_of(given.name, tasks)] += given.score
    late = submission.late_submission_penalty
    return points | {
        "raw": submission.score,
        "late penalty": late,
        "score": submission.score - late,
    }


def _short(path: Path, course: Path) -> str:
    return path.relative_to(course).as_posix()
