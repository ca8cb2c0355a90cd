"""What the cards of a graded notebook say: the named mistakes, and what hidden cases found.

A card stands in the outputs of a test cell as the text of a check.report.Report.
"""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from byhand.grading.course.notebooks import NO_NOTEBOOK

FAIL, HINT = re.compile(r"^  FAIL  +(.*\S)"), re.compile(r"^ {8}(\S.*)")
REPEATS = re.compile(r"^\((.*) repeats this draw\)$")
UNWRITTEN = "is not implemented yet"
HIDDEN = "### BEGIN HIDDEN TESTS"


@dataclass(frozen=True)
class Card:
    """A card that failed.

    tried: its first line; line: the one that failed; says: the named mistake, empty if it has none;
    repeat: the call that repeats the draw; text: all of it.
    """

    tried: str
    line: str
    says: str
    repeat: str
    text: str

    @property
    def unwritten(self) -> bool:
        """Whether there was nothing yet to check."""
        return self.line.endswith(UNWRITTEN)


@dataclass(frozen=True)
class FailedCell:
    """A test cell that failed. hidden: whether only hidden cases did; None if nothing tells."""

    name: str
    cards: tuple[Card, ...]
    hidden: bool | None


class UnreadableError(Exception):
    """A graded notebook cannot be read; the text says why."""


def failed_cells(path: Path) -> list[FailedCell]:
    """The test cells of a graded notebook that failed. Raises UnreadableError."""
    return [_cell(cell, name) for cell, name in _tests(path) if _error(cell)]


def cell_of(path: Path, name: str) -> dict[str, Any]:
    """The cell of this grade_id, as the file has it; empty if there is none."""
    return next((cell for cell in _cells(path) if _marks(cell).get("grade_id") == name), {})


def solutions(path: Path) -> dict[str, str]:
    """By task: what stands in the solution cells of a graded notebook. Raises UnreadableError."""
    cells = [cell for cell in _cells(path) if _marks(cell).get("solution")]
    return {_marks(cell)["grade_id"]: text_of(cell["source"]) for cell in cells}


def text_of(source: str | list[str]) -> str:
    """What a file keeps as one text or as its lines."""
    return source if isinstance(source, str) else "".join(source)


def visible_checks(source: str) -> int | None:
    """How many cards the visible part of a test cell gives; None where only running it tells."""
    try:
        return sum(map(_checks, ast.parse(source.partition(HIDDEN)[0]).body))
    except (SyntaxError, ValueError):
        return None


def _checks(node: ast.AST) -> int:
    """The calls check.something in a statement; those in a loop over a display count each time."""
    match node:
        case ast.Call(ast.Attribute(ast.Name("check"))):
            return 1
        case ast.For(iter=ast.List(several) | ast.Tuple(several)):
            return len(several) * sum(map(_checks, node.body))
        case ast.For() | ast.While() | ast.Assert():
            raise ValueError("only running it tells")
    return sum(map(_checks, ast.iter_child_nodes(node)))


def _cell(cell: dict, name: str) -> FailedCell:
    shown = [
        text_of(output["data"].get("text/plain", ""))
        for output in cell["outputs"]
        if output.get("output_type") == "display_data"
    ]
    read = [_card(text) for text in shown]
    failed = tuple(card for card in read if card)
    visible, hidden = visible_checks(text_of(cell["source"])), None
    if visible is not None and failed:
        hidden = not any(read[:visible])
    return FailedCell(name, failed, hidden)


def _card(text: str) -> Card | None:
    """A card as data; None if nothing in it failed."""
    lines = text.splitlines()
    places = [number for number, line in enumerate(lines) if FAIL.match(line)]
    if not places:
        return None
    named = [
        number for number in places if number + 1 < len(lines) and HINT.match(lines[number + 1])
    ]
    place = (named or places)[0]
    says = HINT.match(lines[place + 1])[1] if named else ""
    line = " ".join(FAIL.match(lines[place])[1].split())
    repeat = next((found[1] for one in lines if (found := REPEATS.match(one))), "")
    return Card(lines[0], line, says, repeat, text)


def _tests(path: Path) -> Iterator[tuple[dict, str]]:
    for cell in _cells(path):
        marks = _marks(cell)
        if cell.get("cell_type") == "code" and marks.get("grade") and not marks.get("solution"):
            yield cell, marks["grade_id"]


def _error(cell: dict) -> bool:
    return any(output.get("output_type") == "error" for output in cell["outputs"])


def _marks(cell: dict) -> dict:
    return cell["metadata"].get("nbgrader", {})


def _cells(path: Path) -> list[dict]:
    """nbformat would validate each cell, which takes a second a notebook."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, *NO_NOTEBOOK) as error:
        raise UnreadableError(f"{path}: {type(error).__name__}: {error}") from error
