"""The cells of a submission, whatever is wrong with its file."""

import json
from pathlib import Path
from typing import Any

import nbformat

from byhand.grading.submission.reconcile import Submitted

KINDS = {"code", "markdown", "raw"}
MOST_BYTES = 100 * 2**20


class UnreadableError(Exception):
    """A file that is not a notebook; the text says what it is instead."""


def submitted_cells(path: Path) -> list[Submitted]:
    """The cells of a submission, of any nbformat, whatever else is wrong with them.

    Raises UnreadableError when the file is not a notebook.
    """
    if path.stat().st_size > MOST_BYTES:
        raise UnreadableError(f"is larger than {MOST_BYTES // 2**20} MiB")
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
    except (RecursionError, ValueError) as error:
        raise UnreadableError("is not a notebook (JSON that cannot be read)") from error
    if not isinstance(found, dict) or "nbformat" not in found:
        raise UnreadableError("is not a notebook (JSON without nbformat)")
    cells = found.get("cells")
    if isinstance(found.get("worksheets"), list):  # nbformat 3
        cells = _cells_of_format_3(content.decode("utf-8"))
    if not isinstance(cells, list):
        raise UnreadableError("is a damaged notebook (it has no list of cells)")
    return [read_cell for cell in cells if (read_cell := _cell(cell))]


def _cells_of_format_3(content: str) -> list:
    try:
        return nbformat.reads(content, as_version=4).cells
    except (ValueError, TypeError, AttributeError, KeyError, nbformat.ValidationError) as error:
        message = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise UnreadableError(f"is a damaged notebook ({message})") from error


def _cell(cell: Any) -> Submitted | None:
    """What counts of one cell; None if it is not a cell."""
    if not isinstance(cell, dict) or cell.get("cell_type") not in KINDS:
        return None
    source = cell.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = marks.get("grade_id") if isinstance(marks, dict) else None
    cell_id = cell.get("id")
    return Submitted(
        cell["cell_type"],
        source.encode("utf-8", "replace").decode("utf-8"),
        grade_id if isinstance(grade_id, str) else "",
        cell_id if isinstance(cell_id, str) else "",
    )
