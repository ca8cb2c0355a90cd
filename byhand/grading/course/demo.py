"""A small class, graded on every assignment with the instructor's own commands: `byhand demo`.

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

from byhand.grading.course.commands import generate, nbgrader
from byhand.grading.course.mistakes import mistakes
from byhand.grading.course.notebooks import (
    CourseError,
    assignments,
    grade_id,
    read,
    solution_cells,
    source_notebook,
    task_of,
)
from byhand.grading.course.reference_weights import write_comparison, write_weights
from byhand.grading.desk.page import link
from byhand.grading.desk.report import write_report
from byhand.grading.plugins.grades import Score, bonus_tests
from byhand.grading.plugins.late_policy import LatePolicy, deadlines
from byhand.grading.sandbox.rungs import RUNGS, choose

WHOLE_CLASS = "3-layers"  # what all ten hand in; the first FEW hand in the others, on time
FEW = 4
SOFT, HARD = datetime(2026, 3, 2, 18), datetime(2026, 3, 9, 18)
DEADLINES = {WHOLE_CLASS: (f"{SOFT}", f"{HARD}")}
CONFIG = """\
from byhand.grading.plugins.late_policy import deadlines

c = get_config()
load_subconfig("nbgrader_config.py", path={course!r})
c.Judge.rungs = ["bubblewrap", "landlock", "none"]  # these students are harmless
c.LatePolicy.deadlines = deadlines("UTC", {deadlines!r})
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
    classes = {name: class_of(course, name) for name in assignments(course)}
    _set_up(course, demo)
    rung, passed = choose(RUNGS)
    if passed:
        console.print(f"In the sandbox {rung!r}, not in {'; '.join(passed)}.")
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("", total=sum(len(s) + 1 for s in classes.values()) + 2)

        def grade_with(*arguments: str, a_line_each: str = "") -> None:
            def each_line(line: str) -> None:
                progress.advance(bar, bool(a_line_each) and a_line_each in line)

            console.print(f"nbgrader {' '.join(arguments)}")
            progress.update(bar, description=" ".join(arguments[:2]))
            log = nbgrader(demo, *arguments, "--log-level=INFO", each_line=each_line)
            with (demo / "logs" / f"{arguments[0]}.log").open("a", encoding="utf-8") as file:
                file.write(log)
            progress.advance(bar, not a_line_each)

        console.print(*(f"nbgrader generate_assignment {name}" for name in classes), sep="\n")
        generate(demo, list(classes))
        progress.advance(bar)
        for assignment, students in classes.items():
            weights = demo / "weights" / assignment
            weights.mkdir(parents=True)
            write_weights(course, assignment, weights)
            write_comparison(course, assignment, weights)
            for student in students:
                _hand_in(student, assignment, weights, demo)
            grade_with("autograde", assignment, a_line_each="] Autograding ")
            grade_with("generate_feedback", assignment)
        grade_with("export", "--to=grades.csv")
    for assignment, students in classes.items():
        _show(students, assignment, demo, console)
    page, *_ = write_report(demo, "", demo / "report")
    there = demo.relative_to(course).as_posix()
    console.print(f"\nGrades: {there}/grades.csv")
    console.print(f"Feedback pages: {there}/feedback/<student>/<assignment>/")
    console.print(f"What the class understood: {link(page)}", soft_wrap=True)


def class_of(course: Path, assignment: str) -> list[Student]:
    """Students as they come, their mistakes taken from mistakes/. Raises CourseError."""
    right = solution_cells(source_notebook(course, assignment))
    written = {
        name: cell.source
        for cell in read(source_notebook(course, assignment)).cells
        if cell.cell_type == "markdown" and (name := grade_id(cell, "solution"))
    }
    known = {}
    for mistake in mistakes(course / "mistakes" / assignment):
        known.setdefault(mistake.task, mistake)
    tasks = [task for task in right if task in known]
    if len(tasks) < FEW:
        raise CourseError(f"mistakes/{assignment}: wanted for {FEW} tasks, found {len(tasks)}.")

    def wrong(*tasks: str) -> tuple[str, dict[str, str]]:
        """The first known mistake in each task, all else right."""
        made = [known[task] for task in tasks]
        about = "; ".join(f"{mistake.task}: {mistake.name}" for mistake in made)
        return about, right | {mistake.task: mistake.source for mistake in made}

    half = dict(list(right.items())[: len(right) // 2])
    typo = right | {tasks[-1]: right[tasks[-1]].replace("):", ")", 1)}
    day = timedelta(days=1)
    students = [
        Student("student-01", "all right", right | written),
        Student("student-02", *wrong(tasks[0])),
        Student("student-03", *wrong(*tasks[1:3])),
        Student("student-04", "half finished", half),
        Student("student-05", *wrong(*tasks[-3:])),
        Student("student-06", "all right, a day late", right, day),
        Student("student-07", "all right, four days late", right, 4 * day),
        Student("student-08", "all right, after the hard deadline", right, HARD - SOFT + day),
        Student("student-09", "nothing done", {}),
        Student("student-10", f"{tasks[-1]}: a syntax error", typo),
    ]
    return students if assignment == WHOLE_CLASS else students[:FEW]


def _set_up(course: Path, demo: Path) -> None:
    shutil.rmtree(demo, ignore_errors=True)
    shutil.copytree(course / "source", demo / "source")
    (demo / "logs").mkdir()
    config = CONFIG.format(course=str(course), deadlines=DEADLINES)
    (demo / "nbgrader_config.py").write_text(config, encoding="utf-8")


def _hand_in(student: Student, assignment: str, weights: Path, demo: Path) -> None:
    """Write the released notebook, filled in by the student, where `nbgrader collect` puts it.

    weights: a folder with what everybody hands in beside it: the reference's, to save time.
    """
    [released] = (demo / "release" / assignment).glob("*.ipynb")
    nb = read(released)
    for cell in nb.cells:
        cell.source = student.solutions.get(grade_id(cell, "solution"), cell.source)
    folder = demo / "submitted" / student.name / assignment
    shutil.copytree(weights, folder)
    nbformat.write(nb, folder / released.name)
    handed_in = f"{SOFT + student.late} UTC"
    (folder / "timestamp.txt").write_text(handed_in, encoding="utf-8")


def _show(students: list[Student], assignment: str, demo: Path, console: Console) -> None:
    """Points by task and student, then who is who."""
    nb = read(source_notebook(demo, assignment))
    tasks = [task for cell in nb.cells if (task := grade_id(cell, "solution"))]
    bonus = bonus_tests(nb)
    late = LatePolicy(deadlines=deadlines("UTC", DEADLINES))
    table = Table(title=assignment, box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    people = Table("student", "handed in", "score", box=None, pad_edge=False)
    table.add_column("student-", no_wrap=True)
    columns = []
    with Gradebook(f"sqlite:///{demo / 'gradebook.db'}") as gradebook:
        for student in students:
            submission = gradebook.find_submission(assignment, student.name)
            columns.append(_points(submission, tasks))
            table.add_column(student.name.removeprefix("student-"), justify="right")
            score = Score.of(submission, bonus, late)
            people.add_row(student.name, student.about, str(score))
    for task in tasks:
        table.add_row(task, *(f"{points[task]:.4g}" for points in columns))
    console.print(table)
    console.print(people)


def _points(submission: SubmittedAssignment, tasks: list[str]) -> dict[str, float]:
    """One student's points by task. Raises CourseError if a test cell belongs to none."""
    points = dict.fromkeys(tasks, 0.0)
    for grade in (grade for notebook in submission.notebooks for grade in notebook.grades):
        if (task := task_of(grade.name, tasks)) is None:
            raise CourseError(f"The test cell {grade.name} belongs to no task: rename it.")
        points[task] += grade.score
    return points
