"""How `nbgrader autograde` reads what students handed in."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import nbgrader.api
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.converters import Autograde
from nbgrader.preprocessors import ClearSolutions
from sqlalchemy.exc import OperationalError
from traitlets import TraitError

from byhand.grading.course.notebooks import read
from byhand.grading.plugins.crew import Crew
from byhand.grading.plugins.judge import Judge
from byhand.grading.plugins.roll_call import call_roll
from byhand.grading.sandbox.staging import read_files
from byhand.grading.submission.arrange import former_name
from byhand.grading.submission.names import printable
from byhand.grading.submission.reading import UnreadableError, submitted_cells
from byhand.grading.submission.reconcile import released, repair
from byhand.grading.submission.work import Job


class CourseNotebook(NamedTuple):
    """stubs: the cells that students get, by grade_id; files: what nbgrader puts beside every
    submission."""

    path: Path
    nb: NotebookNode
    stubs: dict[str, NotebookNode]
    files: dict[str, bytes]


class SubmissionExporter(NotebookExporter):
    """Reads a submission cell by cell and puts it into the form of the course's notebook.

    What had to be fixed goes into the notebook's metadata, under "byhand". A file that is no
    notebook is read as one without cells: the student gets 0 and a feedback page that says why,
    the instructor one line that says what to do, and everyone else is graded as ever.

    nbgrader makes one exporter a run, ahead of the first submission: then the roll is called.
    """

    def __init__(self, **kw: Any):
        super().__init__(**kw)
        self.read: dict[Path, tuple[NotebookNode, dict[str, Any]]] = {}  # and not yet exported
        self.course = cache(self._course)  # read once for all submissions
        if isinstance(self.parent, Autograde):
            _keep_statements()
            _begin_writing(self.parent.coursedir.db_url)
            try:
                self.judge = Judge(parent=self)
            except TraitError as error:
                raise SystemExit(f"byhand: nothing is graded: {error}") from None
            self.roll = call_roll(self.parent, self.judge.written)
            self.crew = Crew(self.judge.jobs, self.judge.scheduler, self.roll.todo, self.job)

    def job(self, path: Path) -> Job:
        """The work on a submitted notebook, ahead of its turn: beside it lies what nbgrader will
        put there."""
        self.read[path] = nb, _ = self._read(path)
        course = self.course(path.stem)
        files = read_files(path.parent, self.judge.written // 2) | course.files
        return self.judge.job(nb, course.path, files)

    def _course(self, name: str) -> CourseNotebook:
        assignment = self.parent.coursedir.assignment_id
        path = self.judge.source(assignment, name)
        kept = self.parent.exclude_overwriting.get(assignment, [])
        files = read_files(path.parent, self.judge.written // 2)
        files = {file: files[file] for file in files if file not in kept}
        nb = read(path)
        return CourseNotebook(path, nb, released(nb, ClearSolutions(parent=self)), files)

    def from_file(
        self, file_stream: TextIO, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """The notebook after the preprocessors, with its resources."""
        path, course = Path(file_stream.name), resources["nbgrader"]
        coursedir = self.parent.coursedir
        student, assignment = course["student"], course["assignment"]
        submitted = coursedir.format_path(coursedir.submitted_directory, student, assignment)
        if path.parent != Path(submitted):
            return super().from_file(file_stream, resources, **kw)
        nb, told = self.read.pop(path, None) or self._read(path)
        if told["unreadable"]:
            self.log.error(
                "%s %s. %s gets 0 and a note. Ask for another file, or fix it, then run "
                "`nbgrader autograde %s --student %s --force`.",
                *(path, told["unreadable"], student, assignment, student),
            )
        else:
            told["repairs"] += self.roll.notes.get(student, [])
        nb.metadata["byhand"] = told
        return self.from_notebook_node(nb, resources, **kw)

    def _read(self, path: Path) -> tuple[NotebookNode, dict[str, Any]]:
        """A submitted notebook in the form of the course's, and what is to be told of it."""
        course = self.course(path.stem)
        try:
            nb, repairs = repair(submitted_cells(path), course.nb, course.stubs)
        except Exception as error:  # noqa: BLE001 - whatever a file does, it costs nobody else
            nb, _ = repair([], course.nb, course.stubs)
            return nb, {"repairs": [], "unreadable": _fault(error)}
        if former := former_name(path):
            repairs.insert(0, f"the file was named {former}: it is called {path.name}")
        return nb, {"repairs": repairs, "unreadable": ""}


def _keep_statements() -> None:
    """One engine for each gradebook: nbgrader opens it ten times for a submission, and each time
    SQLAlchemy would compile all statements anew."""
    if not hasattr(nbgrader.api.create_engine, "cache_info"):
        nbgrader.api.create_engine = cache(nbgrader.api.create_engine)


def _begin_writing(db_url: str) -> None:
    """Exit with one line where the gradebook cannot be had, or another program is at it."""
    try:
        with nbgrader.api.create_engine(db_url).connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError as error:
        told = str(error.orig).strip().partition("\n")[0]
        raise SystemExit(
            f"byhand: nothing is graded: the gradebook cannot be written ({told}): end what is "
            "using it, then run this again"
        ) from None


def _fault(error: Exception) -> str:
    if isinstance(error, UnreadableError):
        return str(error)
    return printable(f"cannot be read ({type(error).__name__}: {error})"[:200])
