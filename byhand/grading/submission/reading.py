"""The cells of a submission, whatever is wrong with its file."""

import json
from pathlib import Path
from typing import Any

from byhand.grading.submission.names import printable
from byhand.grading.submission.reconcile import Submitted

KINDS = {"code": "code", "markdown": "markdown", "raw": "raw"}
KINDS_OF_FORMAT_3 = KINDS | {"heading": "markdown", "html": "markdown"}
MOST_BYTES = 100 * 2**20
MOST_VALUES = 2_000_000  # each takes the judge about 100 bytes
PLACEHOLDER = "byhand: the notebook "  # begins a file that stands where there is no notebook


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
    if content.startswith(PLACEHOLDER.encode()):
        said = content.decode("utf-8", errors="replace").strip().rstrip(".")
        raise UnreadableError(printable(said.removeprefix(PLACEHOLDER))[:200])
    if sum(map(content.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise UnreadableError(f"holds more than {MOST_VALUES:,} values")
    try:
        found = json.loads(content, parse_int=float)  # of any length; no number matters here
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not text (byte {error.start + 1} is not UTF-8)") from error
    except json.JSONDecodeError as error:
        last = error.doc.count("\n") + 1
        where = f"line {error.lineno} of {last}"
        raise UnreadableError(f"is not a notebook (not JSON from {where} on)") from error
    except (RecursionError, ValueError) as error:
        raise UnreadableError("is not a notebook (JSON that cannot be read)") from error
    if not isinstance(found, dict) or "nbformat" not in found:
        raise UnreadableError("is not a notebook (JSON without nbformat)")
    cells, kinds = found.get("cells"), KINDS
    if not isinstance(cells, list) and isinstance(found.get("worksheets"), list):  # nbformat 3
        cells, kinds = _cells_of_format_3(found["worksheets"]), KINDS_OF_FORMAT_3
    if not isinstance(cells, list):
        raise UnreadableError("is a damaged notebook (it has no list of cells)")
    return [read_cell for cell in cells if (read_cell := _cell(cell, kinds))]


def _cells_of_format_3(worksheets: list) -> list:
    """The cells of all worksheets, the text of each where later formats have it."""
    lists = [sheet.get("cells") for sheet in worksheets if isinstance(sheet, dict)]
    cells = [cell for cells in lists if isinstance(cells, list) for cell in cells]
    return [{"source": cell.get("input", ""), **cell} for cell in cells if isinstance(cell, dict)]


def _cell(cell: Any, kinds: dict[str, str]) -> Submitted | None:
    """What counts of one cell; None if it is not a cell."""
    kind = cell.get("cell_type") if isinstance(cell, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
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
        kinds[kind],
        source.encode("utf-8", "replace").decode("utf-8"),
        grade_id if isinstance(grade_id, str) else "",
        cell_id if isinstance(cell_id, str) else "",
    )
