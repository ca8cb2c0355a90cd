"""`byhand report`: what a class understood of its assignments, as a page, as CSV and as JSON."""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from byhand.grading.desk import figures
from byhand.grading.desk.page import write
from byhand.grading.desk.summary import FEWEST, UNNAMED, Summary, summarise
from byhand.grading.plugins.class_grades import ClassGrades, class_grades, known, opened
from byhand.grading.plugins.exports import plain
from byhand.handin import TRAINED

EVERYTHING = "all assignments"
MOST_MISTAKES = 12  # on the page, of an assignment; the other forms have them all


def write_report(course: Path, assignment: str, to: Path) -> list[Path]:
    """Write <assignment>.html, .csv and .json into a folder, and return their paths.

    assignment: empty for all that are in the gradebook, which makes all.html and so on.
    Raises CourseError for one that the gradebook does not have, or if there is no gradebook.
    """
    with opened(course) as (gradebook, late, coursedir):
        names = [one.name for one in gradebook.assignments]
        chosen = [known(gradebook, assignment)] if assignment or not names else sorted(names)
        parts = []
        for name in chosen:
            grades = class_grades(gradebook, course, name, late)

            def folder(student: str, name: str = name) -> Path:
                where = coursedir.autograded_directory, student, name
                return Path(coursedir.format_path(*where))

            parts.append((grades, summarise(grades, folder)))
    paths = [to / f"{assignment or 'all'}.{kind}" for kind in ("html", "csv", "json")]
    write(
        paths[0],
        "report.html.j2",
        title=assignment or EVERYTHING,
        parts=[_part(*part) for part in parts],
        fewest=FEWEST,
    )
    with paths[1].open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["assignment", "about", "name", "measure", "value"])
        for _, summary in parts:
            table.writerows([plain(value) for value in row] for row in rows(summary))
    told = [asdict(summary) | {"scores": _scores(grades)} for grades, summary in parts]
    paths[2].write_text(json.dumps(told, indent=1, default=str) + "\n", encoding="utf-8")
    return paths


def rows(of: Summary) -> Iterator[tuple[Any, ...]]:
    """A summary as rows: assignment, what it is about, whose or which, what is measured, value."""

    def each(about: str, values: dict[str, Any], measure: str = "students") -> Iterator[tuple]:
        for name, value in values.items():
            yield of.assignment, about, name, measure, value

    whole = {name: getattr(of, name) for name in "students handed_in mean median most".split()}
    for name, value in whole.items():
        yield of.assignment, "class", "", name, value
    yield from each("points", dict(of.distribution))
    for task in of.tasks:
        name = f"{task.name} (bonus)" if task.bonus else task.name
        for measure in "most mean difficulty discrimination full none".split():
            yield of.assignment, "task", name, measure, getattr(task, measure)
    for one in of.mistakes:
        yield of.assignment, "mistake", one.task, one.says, len(one.students)
    yield from each("left open", of.unwritten)
    for one in of.hidden:
        yield of.assignment, "hidden cases", one.cell, "students", len(one.students)
        yield of.assignment, "hidden cases", one.cell, "points", round(one.points, 2)
    yield from each("time", of.time)
    yield from each("outcome", of.outcomes)
    yield from each("failed", of.failed, "why")
    yield from each("training", {who: curve[-1] for who, curve in of.training.items()}, "accuracy")
    yield from each(
        "waits for a person", {who: ", ".join(w) for who, w in of.waiting.items()}, "in"
    )
    for line in of.broken:
        yield of.assignment, "cannot be read", "", "", line


def _part(grades: ClassGrades, summary: Summary) -> dict[str, Any]:
    """What the template shows of an assignment."""
    bars = summary.handed_in and summary.most
    return {
        "summary": summary,
        "bars": figures.bars(summary.distribution, summary.mean, summary.most) if bars else "",
        "named": [one for one in summary.mistakes if one.says != UNNAMED][:MOST_MISTAKES],
        "unnamed": [one for one in summary.mistakes if one.says == UNNAMED],
        "missing": list(map(str, grades.missing)),
        "trains": any(name.endswith(".npz") for name in TRAINED.get(grades.assignment, [])),
        "curves": figures.all_curves(summary.training) if summary.training else "",
        "panels": figures.panels(summary.training) if summary.training else [],
    }


def _scores(grades: ClassGrades) -> dict[str, dict[str, Any]]:
    """By student: the score as the gradebook has it, and the points of each task."""
    return {
        student: {
            **{name: round(value, 2) for name, value in asdict(one.score).items()},
            "tasks": {
                f"{task.name} (bonus)" if task.bonus else task.name: points
                for task, points in zip(grades.tasks, one.tasks, strict=True)
            },
        }
        for student, one in grades.submissions.items()
    }
