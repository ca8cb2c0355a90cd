"""Whom `nbgrader autograde` grades: every folder in submitted/, or a line that says why not.

nbgrader finds submissions by patterns, so it passes some folders over in silence and stops at the
names of others. Here its list is made from what is there.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from nbgrader.api import Gradebook, InvalidEntry, MissingEntry
from nbgrader.converters import Autograde, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import rmtree
from sqlalchemy.exc import OperationalError

import byhand
from byhand.grading.plugins.preprocessors import leave_to_person
from byhand.grading.submission.arrange import arrange
from byhand.grading.submission.names import printable, why_not
from byhand.grading.submission.outcome import COURSE_FAULT, FILE, Outcome, kept, mark

LAST = "\U0010ffff"  # a student who comes after all others and is left out


@dataclass
class Roll:
    """Who is graded in this run.

    notes: by student, what was put in order; marks: by student, what the submission, its assignment
    and the package are; todo: the notebooks that will be graded, in nbgrader's order.
    """

    notes: dict[str, list[str]] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    todo: list[Path] = field(default_factory=list)


@dataclass
class Turn:
    """A submission in nbgrader's list: its notebooks.

    nbgrader asks for them when its turn comes, and lets pass what is raised there: a hook before
    each submission and, in an entry without notebooks, at the end of a run. It has none of its own.
    """

    first: Callable[[], None]
    notebooks: Sequence[str] = ()

    def __iter__(self) -> Iterator[str]:
        self.first()
        return iter(self.notebooks)


def call_roll(converter: Autograde, room: int = 0) -> Roll:
    """Put all submissions in order and set nbgrader's list. room: bytes that one may need.

    What has changed since it was graded is graded again, with --force everything. Folders that
    cannot be graded are named in the log, and at the end count in the exit code.
    """
    coursedir, roll = converter.coursedir, Roll()
    assignment = coursedir.assignment_id
    source = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
    wanted = sorted(path.name for path in source.glob(f"{coursedir.notebook_id}.ipynb"))
    if not wanted:
        return roll  # nbgrader says what is wrong with the course
    converter.assignments, left_out = {}, 0
    course = mark(Path(byhand.__file__).parent, source)
    for name, folder in _folders(converter):
        reason = _why_not(name, folder)
        if not reason:
            try:
                keep = converter.exclude_overwriting.get(assignment, [])
                roll.notes[name] = arrange(folder, source, keep)
                roll.marks[name] = mark(folder, first=course)
            except Exception as error:  # noqa: BLE001 - whatever it is, it costs nobody else
                reason = f"it cannot be put in order ({type(error).__name__}: {error})"
        if reason:
            left_out += 1
            converter.log.error("%s is not graded: %s.", *map(printable, (str(folder), reason)))
            continue
        converter.assignments[str(folder)] = [str(folder / notebook) for notebook in wanted]
    if LAST not in (excluded := coursedir.student_id_exclude.split(",")):
        coursedir.student_id_exclude += f",{LAST}"
    students, same = [name for name in roll.notes if name not in excluded], 0
    for student in students:
        submitted, graded = _submitted(converter, student), _graded(converter, student)
        if graded.exists() and not converter.force:
            found = kept(graded)
            if found.get("mark") == roll.marks[student] and found["status"] != COURSE_FAULT:
                same += 1
                continue
            rmtree(str(graded))  # else nbgrader would pass it over
        notebooks = converter.assignments[str(submitted)]
        roll.todo += map(Path, notebooks)
        converter.assignments[str(submitted)] = Turn(partial(_look_for, room, coursedir), notebooks)
    if same:
        print(f"unchanged since graded: {same} (--force grades them again)", flush=True)
    last = str(_submitted(converter, LAST))
    converter.assignments[last] = Turn(lambda: _close(converter, students, left_out))
    return roll


def _folders(converter: Autograde) -> Iterator[tuple[str, Path]]:
    """The students of this run, with the folder of each, whatever there is in its place."""
    parts = _submitted(converter, LAST).parts
    for student in sorted(Path(*parts[: parts.index(LAST)]).iterdir()):
        folder = _submitted(converter, student.name)
        there = os.path.lexists(folder) or _is_closed(student)
        if fnmatchcase(student.name, converter.coursedir.student_id) and there:
            yield student.name, folder


def _why_not(name: str, folder: Path) -> str:
    """Why a submission cannot be graded, and what to do; empty if it can."""
    if reason := why_not(name):
        return f"{reason}: rename it"
    if _is_closed(folder.parent):
        return "it may not be read: give yourself the right to (chmod -R u+rwX)"
    if folder.is_symlink() or folder.parent.is_symlink():
        return "it is a link: put the folder itself in its place"
    return "" if folder.is_dir() else "it is not a folder: put the file into a folder of this name"


def _is_closed(folder: Path) -> bool:
    """Whether it is a folder in which we may not look."""
    return folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK)


def _submitted(converter: Autograde, student: str) -> Path:
    coursedir = converter.coursedir
    where = coursedir.submitted_directory, student, coursedir.assignment_id
    return Path(coursedir.format_path(*where))


def _graded(converter: Autograde, student: str) -> Path:
    coursedir = converter.coursedir
    where = coursedir.autograded_directory, student, coursedir.assignment_id
    return Path(coursedir.format_path(*where))


def _look_for(room: int, coursedir: CourseDirectory) -> None:
    """Exit with one line where the disk has no room for one more submission."""
    if (free := shutil.disk_usage(coursedir.root).free) < room:
        raise SystemExit(
            f"byhand: the disk of {coursedir.root} is full ({free >> 20} MiB free, a submission "
            f"may need {room >> 20}): make room, then run this again; what is graded stays graded"
        )


def _close(converter: Autograde, students: list[str], left_out: int) -> None:
    """An outcome for those whom nbgrader itself failed on; an exit code for all who wait."""
    for student in students:
        if not (folder := _graded(converter, student)).exists():
            outcome = Outcome.of_course_fault("nbgrader stopped, see its log", [])
            try:
                folder.mkdir(parents=True)
                outcome.write(folder / FILE, "unknown")
                _enter(converter, student)
            except (OSError, OperationalError, InvalidEntry) as error:  # such as a full disk
                converter.log.error("%s is to be graded again: %s", student, error)
    found = [kept(_graded(converter, student)).get("status") for student in students]
    faults = found.count(COURSE_FAULT) + found.count(None)
    if left_out or faults:
        converter.log.error(
            "Not graded, for the reasons above: %d folders in %s, %d submissions by a fault of "
            "the course.",
            *(left_out, converter.coursedir.submitted_directory, faults),
        )
        raise NbGraderException("not everything was graded")


def _enter(converter: Autograde, student: str) -> None:
    """Enter a submission into the gradebook, for a person to grade."""
    coursedir = converter.coursedir
    with suppress(MissingEntry):  # the assignment itself is not there, which nbgrader has said
        with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
            gradebook.update_or_create_student(student)
            gradebook.update_or_create_submission(coursedir.assignment_id, student)
        leave_to_person(coursedir.db_url, coursedir.assignment_id, student)
