"""How `nbgrader autograde` reads what students handed in."""

import json
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode

NOTE = """\
# This notebook could not be read

`{name}` {fault}. There was nothing to grade, so every task below counts 0 and shows the
notebook as it was handed out. Your file is kept as you sent it.

Open your copy in JupyterLab. If it opens, save it and hand it in again. If it does not, go back to
an older copy (JupyterLab keeps one in `.ipynb_checkpoints`), and ask your instructor."""


class UnreadableError(Exception):
    """A file that is not a notebook; the text says what it is instead."""


class SubmissionExporter(NotebookExporter):
    """Reads a submission; in place of one that is not a notebook, the released one with a note.

    So the student gets a grade (0) and a feedback page that says why, the instructor one line
    that says what to do, and everyone else is graded as ever.
    """

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """The notebook in `filename` after the preprocessors, with its resources."""
        try:
            check_readable(Path(filename))
        except UnreadableError as error:
            return self._stand_in(Path(filename), str(error), resources, **kw)
        return super().from_filename(filename, resources, **kw)

    def _stand_in(
        self, path: Path, fault: str, resources: dict[str, Any], **kw: Any
    ) -> tuple[NotebookNode, dict[str, Any]]:
        course = resources["nbgrader"]
        student, assignment = course["student"], course["assignment"]
        self.log.error(
            "%s %s. %s gets 0 and a note. Ask for another file, or mend it, then run "
            "`nbgrader autograde %s --student %s --force`.",
            *(path, fault, student, assignment, student),
        )
        released = self.parent.coursedir.format_path(
            self.parent.coursedir.release_directory, ".", assignment
        )
        nb = nbformat.read(Path(released) / path.name, as_version=4)
        note = nbformat.v4.new_markdown_cell(NOTE.format(name=path.name, fault=fault))
        nb.cells.insert(0, note)
        return self.from_notebook_node(nb, resources, **kw)


def check_readable(path: Path) -> None:
    """Raises UnreadableError when the file at path is not a notebook."""
    content = path.read_bytes()
    if not content.strip():
        raise UnreadableError("is empty")
    try:
        found = json.loads(content)
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not text (byte {error.start + 1} is not UTF-8)") from error
    except json.JSONDecodeError as error:
        last = content.decode("utf-8", errors="replace").count("\n") + 1
        where = f"line {error.lineno} of {last}"
        raise UnreadableError(f"is not a notebook (not JSON from {where} on)") from error
    except RecursionError as error:
        raise UnreadableError("is not a notebook (JSON nested too deeply)") from error
    if not isinstance(found, dict) or "nbformat" not in found:
        raise UnreadableError("is not a notebook (JSON without nbformat)")
    try:
        nbformat.reads(content.decode("utf-8"), as_version=4)
    except (ValueError, TypeError, AttributeError, KeyError, nbformat.ValidationError) as error:
        raise UnreadableError(f"is a damaged notebook ({str(error).splitlines()[0]})") from error
