"""How `nbgrader autograde` reads what students handed in."""

from pathlib import Path
from typing import Any, TextIO

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.converters import Autograde
from nbgrader.preprocessors import ClearSolutions

from byhand.grading.course.notebooks import read
from byhand.grading.plugins.roll_call import call_roll
from byhand.grading.submission.arrange import former_name
from byhand.grading.submission.names import printable
from byhand.grading.submission.reading import UnreadableError, submitted_cells
from byhand.grading.submission.reconcile import Submitted, repair


class SubmissionExporter(NotebookExporter):
    """Reads a submission cell by cell and puts it into the form of the course's notebook.

    What had to be fixed goes into the notebook's metadata, under "byhand". A file that is no
    notebook is read as one without cells: the student gets 0 and a feedback page that says why,
    the instructor one line that says what to do, and everyone else is graded as ever.

    nbgrader makes one exporter a run, ahead of the first submission: then the roll is called.
    """

    def __init__(self, **kw: Any):
        super().__init__(**kw)
        self.notes: dict[str, list[str]] = {}  # by student: what was put in order
        if isinstance(self.parent, Autograde):
            self.notes = call_roll(self.parent)

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
        told = {"repairs": [], "unreadable": ""}
        source = read(
            Path(coursedir.format_path(coursedir.source_directory, ".", assignment), path.name)
        )
        try:
            nb, repairs = self._repaired(submitted_cells(path), source)
        except Exception as error:  # noqa: BLE001 - whatever a file does, it costs nobody else
            told["unreadable"] = _fault(error)
            nb, repairs = self._repaired([], source)
            self.log.error(
                "%s %s. %s gets 0 and a note. Ask for another file, or fix it, then run "
                "`nbgrader autograde %s --student %s --force`.",
                *(path, told["unreadable"], student, assignment, student),
            )
        if former := former_name(path):
            repairs.insert(0, f"the file was named {former}: it is called {path.name}")
        repairs += self.notes.get(student, [])
        if not told["unreadable"]:
            told["repairs"] = repairs
        nb.metadata["byhand"] = told
        return self.from_notebook_node(nb, resources, **kw)

    def _repaired(
        self, cells: list[Submitted], source: NotebookNode
    ) -> tuple[NotebookNode, list[str]]:
        return repair(cells, source, ClearSolutions(parent=self))


def _fault(error: Exception) -> str:
    if isinstance(error, UnreadableError):
        return str(error)
    return printable(f"cannot be read ({type(error).__name__}: {error})"[:200])
