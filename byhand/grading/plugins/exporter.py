"""How `nbgrader autograde` reads what students handed in."""

import shutil
from pathlib import Path
from typing import Any, TextIO

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions
from nbgrader.utils import parse_utc

from byhand.grading.course.notebooks import read
from byhand.grading.submission.reading import UnreadableError, submitted_cells
from byhand.grading.submission.reconcile import repair


class SubmissionExporter(NotebookExporter):
    """Reads a submission cell by cell and puts it into the form of the course's notebook.

    What had to be fixed goes into the notebook's metadata, under "byhand". A file that is no
    notebook is read as one without cells: the student gets 0 and a feedback page that says why,
    the instructor one line that says what to do, and everyone else is graded as ever.
    """

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
        try:
            cells = submitted_cells(path)
        except UnreadableError as error:
            cells, told["unreadable"] = [], str(error)
            self.log.error(
                "%s %s. %s gets 0 and a note. Ask for another file, or fix it, then run "
                "`nbgrader autograde %s --student %s --force`.",
                *(path, error, student, assignment, student),
            )
        source = coursedir.format_path(coursedir.source_directory, ".", assignment)
        nb, repairs = repair(cells, read(Path(source, path.name)), ClearSolutions(parent=self))
        if former := former_name(path):
            repairs.insert(0, f"the file was named {former}: it is called {path.name}")
        if not told["unreadable"]:
            told["repairs"] = repairs
        nb.metadata["byhand"] = told
        return self.from_notebook_node(nb, resources, **kw)


def prepare(assignment: str, student: str, notebooks: list[str]) -> None:
    """A hook ahead of autograding one submission, for what nbgrader itself would stumble over.

    notebooks: the files of the submission; a copy under the right name is added. Nothing is lost:
    what stands in the way gets another name.
    """
    folder = Path(notebooks[0]).parent
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            _replace_special(path)
    _set_aside_bad_time(folder / "timestamp.txt")
    source = folder.parents[2] / "source" / folder.name
    for module in source.glob("*.py"):
        _set_aside_others(folder, module)
    for wanted in source.glob("*.ipynb"):
        if not (folder / wanted.name).exists():
            found = max(map(Path, notebooks), key=lambda path: path.stat().st_size)
            shutil.copyfile(found, folder / wanted.name)
            notebooks.append(str(folder / wanted.name))


def _set_aside_others(folder: Path, module: Path) -> None:
    """nbgrader puts the course's module in place of a student's; nothing else may stand for it."""
    for path in folder.glob(f"{module.stem}*"):
        if path.name.partition(".")[0] == module.stem and not (
            path.name == module.name and path.is_file()
        ):
            path.rename(path.with_name(f"not-{path.name}"))


def _replace_special(path: Path) -> None:
    """A link would be followed, a pipe waited for: a file that says what it was takes its place."""
    was = f"a link to {path.readlink()}" if path.is_symlink() else "no ordinary file"
    path.unlink()
    path.write_text(f"This was {was}.\n", encoding="utf-8", errors="replace")


def _set_aside_bad_time(path: Path) -> None:
    """A time that nbgrader cannot read is set aside: the submission counts as in time."""
    if path.exists():
        try:
            parse_utc(path.read_text(encoding="utf-8").strip())
        except (ValueError, OverflowError):  # not UTF-8, no date, a year out of reach
            path.rename(path.with_name("timestamp-unreadable.txt"))
            print(f"{path}: not a time, so the submission counts as in time. It is kept beside it.")


def former_name(path: Path) -> str | None:
    """The name under which a notebook was handed in, if prepare has copied it."""
    content = path.read_bytes()
    others = (other for other in sorted(path.parent.glob("*.ipynb")) if other != path)
    return next((other.name for other in others if other.read_bytes() == content), None)
