"""Classes of any size: a gradebook and graded notebooks, made without grading anybody."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from nbformat import NotebookNode
from nbgrader import api
from sqlalchemy import insert

from byhand.check.report import Line, Report
from byhand.checkpoints import History, save_checkpoint
from byhand.grading.course.notebooks import grade_id, is_test, read, source_notebook
from byhand.grading.desk.cards import visible_checks
from byhand.grading.plugins.class_grades import opened
from byhand.handin import TRAINED

from .tiny import COURSE

DUE = datetime(2026, 3, 2, 18)
AVERAGED = "Yours is PyTorch's divided by {}, the batch size. Was it averaged over the batch?"
GOOD = Report("A(1) on x of shape (5, 4)", "check.layer(..., seed=1)", [Line("output", True)])
CONFIG = f"""\
from byhand.grading.plugins.late_policy import deadlines

c = get_config()
load_subconfig("nbgrader_config.py", path={str(COURSE)!r})
c.LatePolicy.deadlines = deadlines("UTC", {{{{name: ("{DUE}", "{DUE + timedelta(days=7)}")
    for name in {{names!r}}}}}})
"""


def set_up(course: Path, names: Sequence[str]) -> None:
    """A course with these assignments of the real one."""
    for kind in ("source", "release"):
        for name in names:
            folder = course / kind / name
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.symlink_to(COURSE / kind / name)
    (course / "nbgrader_config.py").write_text(CONFIG.format(names=list(names)))


def make_class(
    course: Path,
    assignment: str,
    students: Sequence[str],
    missing: Sequence[str] = (),
    seed: int = 0,
) -> None:
    """Enter a class into the gradebook and write what it would have in autograded/.

    Each student passes a part of the tests, every fourth is a day late, every tenth ten days;
    `missing` hand nothing in. A cell that fails fails in its visible cases for the even ones of
    the class, in a hidden case for the odd ones.
    """
    path = source_notebook(course, assignment)
    nb, numbers = read(path), np.random.default_rng(seed)
    graded = [cell for cell in nb.cells if grade_id(cell, "grade")]
    with opened(course, new=True) as (gradebook, _, _):
        gradebook.update_or_create_assignment(assignment, duedate=DUE)
        gradebook.update_or_create_notebook(path.stem, assignment)
        for cell in graded:
            points = dict(max_score=cell.metadata.nbgrader.points, cell_type=cell.cell_type)
            gradebook.update_or_create_grade_cell(grade_id(cell), path.stem, assignment, **points)
        entry = gradebook.find_assignment(assignment)
        ids = {cell.name: cell.id for cell in entry.notebooks[0].grade_cells}
        there = {student.id for student in gradebook.students}
        new = [{"id": name} for name in (*students, *missing) if name not in there]
        rows: dict[type, list[dict]] = {api.Student: new}
        for place, student in enumerate(students):
            late = timedelta(days=10 if place % 10 == 9 else 1 if place % 4 == 3 else -1)
            passes = numbers.random(len(graded)) < numbers.uniform(0.3, 1)
            _enter(rows, entry, student, late, graded, passes, ids)
            _write(course / "autograded" / student / assignment, path, nb, graded, passes, place)
            _train(course / "autograded" / student / assignment, assignment, numbers)
        for kind, some in rows.items():
            if some:
                gradebook.db.execute(insert(kind.__table__), some)
        gradebook.db.commit()


def _enter(
    rows: dict[type, list[dict]],
    entry: api.Assignment,
    student: str,
    late: timedelta,
    graded: list[NotebookNode],
    passes: np.ndarray,
    ids: dict[str, str],
) -> None:
    own, notebook = api.new_uuid(), api.new_uuid()
    submission = dict(assignment_id=entry.id, student_id=student, timestamp=DUE + late)
    rows.setdefault(api.SubmittedAssignment, []).append(submission | {"id": own})
    link = dict(assignment_id=own, notebook_id=entry.notebooks[0].id, flagged=False)
    rows.setdefault(api.SubmittedNotebook, []).append(link | {"id": notebook})
    for cell, passed in zip(graded, passes, strict=True):
        person = not is_test(cell)
        rows.setdefault(api.Grade, []).append(
            {
                "id": api.new_uuid(),
                "notebook_id": notebook,
                "cell_id": ids[grade_id(cell)],
                "auto_score": None if person else float(cell.metadata.nbgrader.points) * passed,
                "needs_manual_grade": person and bool(passed),
            }
        )


def _write(
    folder: Path,
    source: Path,
    nb: NotebookNode,
    graded: list[NotebookNode],
    passes: np.ndarray,
    place: int,
) -> None:
    """A graded notebook, with the cards of its tests."""
    for cell, passed in zip(graded, passes, strict=True):
        if not is_test(cell):
            continue
        visible = visible_checks(cell.source)
        cards = [GOOD] * visible
        if not passed:
            bad = Line("gradient", False, "yours 1, PyTorch 5", hint=AVERAGED.format(3 + place % 4))
            failed = Report("B(2)", "check.layer(..., seed=2)", [Line("output", True), bad])
            cards = [*cards, failed] if place % 2 else [*cards[:-1], failed]
        cell.outputs = [
            {"output_type": "display_data", "metadata": {}, "data": {"text/plain": repr(card)}}
            for card in cards
        ]
        if not passed:
            error = {"ename": "CheckFailed", "evalue": str(failed), "traceback": []}
            cell.outputs.append({"output_type": "error"} | error)
    folder.mkdir(parents=True)
    (folder / source.name).write_text(json.dumps(nb))
    outcome = {"status": "graded", "repairs": [], "causes": []}
    if place == 1:
        cause = {"cause": "time limit", "cells": ["linear"], "tasks": ["linear"]}
        outcome |= {"status": "failed", "causes": [cause]}
    (folder / "outcome.json").write_text(json.dumps(outcome))


def _train(folder: Path, assignment: str, numbers: np.random.Generator) -> None:
    for name in [name for name in TRAINED.get(assignment, []) if name.endswith(".npz")]:
        accuracy = 1 - 0.2 * numbers.random(6) * 0.5 ** np.arange(6)
        history = History(
            seconds=list(numbers.random(6)),
            validation_accuracy=list(accuracy),
            loss=list(numbers.random(60)),
        )
        save_checkpoint(folder / name, [numbers.random((4, 4))], history, "MNIST")
