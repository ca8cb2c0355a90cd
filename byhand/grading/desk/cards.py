"""What the cards of a graded notebook say: the named mistakes, and what hidden cases found.

A card stands in the outputs of a test cell as the text of a check.report.Report.
"""

import ast
import json
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from byhand.grading.course.notebooks import HIDDEN, NO_NOTEBOOK
from byhand.grading.submission.reading import UnreadableError

FAIL, HINT = re.compile(r"^  FAIL  +(.*\S)"), re.compile(r"^ {8}(\S.*)")
UNWRITTEN = "is not implemented yet"


@dataclass(frozen=True)
class Card:
    """A card that failed.

    tried: its first line; line: the one that failed; says: the named mistake, if there is one.
    """

    tried: str
    line: str
    says: str

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


def failed_cells(path: Path) -> list[FailedCell]:
    """The test cells of a graded notebook that failed. Raises UnreadableError."""
    return [_cell(cell, name) for cell, name in _tests(path) if _error(cell)]


def solutions(path: Path) -> dict[str, str]:
    """By task: what stands in the solution cells of a graded notebook. Raises UnreadableError."""
    cells = [cell for cell in _cells(path) if _marks(cell).get("solution")]
    return {_marks(cell)["grade_id"]: text_of(cell["source"]) for cell in cells}


def cards_of(path: Path) -> dict[str, list[tuple[str, str]]]:
    """By test cell: its cards and what it ended with, as text, each with the call that repeats it,
    if it can be told. Raises UnreadableError."""
    found = {}
    for cell, name in _tests(path):
        shown, known = _shown(cell), calls(text_of(cell["source"])) or []
        errors = [one["evalue"] for one in cell["outputs"] if one.get("output_type") == "error"]
        said = [repeating(*pair) for pair in zip(shown, known, strict=False)]
        texts = [*shown, *(text for text in errors if not _told(text, shown))]
        found[name] = list(zip_longest(texts, said[: len(texts)], fillvalue=""))
    return found


def text_of(source: str | list[str]) -> str:
    """What a file keeps as one text or as its lines."""
    return source if isinstance(source, str) else "".join(source)


def calls(source: str) -> list[str] | None:
    """The checks of a test cell as it runs them, a card each; None where only running it tells."""
    try:
        return [ast.unparse(one) for part in ast.parse(source).body for one in _calls(part, {})]
    except (SyntaxError, ValueError):
        return None


def visible_checks(source: str) -> int | None:
    """How many cards the visible part of a test cell gives; None where only running it tells."""
    found = calls(source.partition(HIDDEN)[0])
    return None if found is None else len(found)


def repeating(card: str, call: str) -> str:
    """The call that makes a card again, with its seed; empty if the card has none."""
    seed = re.search(r"\bseed=(\d+)\) repeats this draw\)$", card)
    return f"{call.removesuffix(')')}, seed={seed[1]})" if seed else ""


def _calls(node: ast.AST, names: dict[str, ast.expr]) -> Iterator[ast.AST]:
    """The calls check.something in a statement; those in a loop over a display each time, with its
    values in place of their names."""
    match node:
        case ast.Call(ast.Attribute(ast.Name("check"))):
            yield _Values(names).visit(deepcopy(node))
        case ast.For(target, ast.List(several) | ast.Tuple(several), body):
            for item in several:
                for part in body:
                    yield from _calls(part, names | _bound(target, item))
        case ast.For() | ast.While():
            raise ValueError("only running it tells")
        case _:
            for part in ast.iter_child_nodes(node):
                yield from _calls(part, names)


def _bound(target: ast.expr, item: ast.expr) -> dict[str, ast.expr]:
    match target, item:
        case ast.Name(name), _:
            return {name: item}
        case ast.Tuple(targets), ast.Tuple(items) | ast.List(items):
            found = [_bound(*pair) for pair in zip(targets, items, strict=True)]
            return {name: value for one in found for name, value in one.items()}
    return {}


class _Values(ast.NodeTransformer):
    """Puts values in place of names."""

    def __init__(self, values: dict[str, ast.expr]):
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.values.get(node.id, node)


def _cell(cell: dict, name: str) -> FailedCell:
    read = [_card(text) for text in _shown(cell)]
    failed = tuple(card for card in read if card)
    visible, hidden = visible_checks(text_of(cell["source"])), None
    if visible is not None and failed:
        hidden = not any(read[:visible])
    return FailedCell(name, failed, hidden)


def _shown(cell: dict) -> list[str]:
    return [
        text_of(output["data"].get("text/plain", ""))
        for output in cell["outputs"]
        if output.get("output_type") == "display_data"
    ]


def _told(error: str, shown: list[str]) -> bool:
    """Whether an error says only what the cards do: it is the text of one or of several."""
    return error in shown or error == "\n\n".join(text for text in shown if _card(text))


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
    name, _, text = FAIL.match(lines[place])[1].partition("  ")  # padded
    line = ": ".join(filter(None, (name, " ".join(text.split()))))
    return Card(lines[0], line, says)


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
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return [{"outputs": [], **cell, "metadata": {**cell["metadata"]}} for cell in cells]
    except (OSError, RecursionError, *NO_NOTEBOOK) as error:
        raise UnreadableError(f"{path}: {type(error).__name__}: {error}") from error
