"""The text of a student's solution: a submission's cells, or those that a notebook keeps."""

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import FunctionType
from typing import Any

MAGICS = frozenset({"time", "capture", "prun"})  # what a cell under them defines is defined
# RuntimeError: IPython gives up after 500 shell lines, and so does not run them either.
UNREADABLE = (SyntaxError, ValueError, RuntimeError, MemoryError)


@dataclass(frozen=True)
class Program:
    """The text of a student's cells and where the names in it come from (alias -> origin).

    name: what the text calls the subject, if that is known and may differ from its __name__.
    """

    text: str
    origins: dict[str, str] = field(compare=False)  # they follow from the text
    name: str = ""


def program_of_cells(cells: list[str]) -> Program:
    """All cells that Python can read, one after the other; the others have not run."""
    return _program(tuple(cells))


def program_of(subject: Any) -> Program:
    """The text around a class or function: all cells of its notebook, or else its own file.

    The judge reads all cells too. Outside a notebook, and for a cell that IPython was told not to
    keep, linecache has the text.
    """
    members = [m for base in getattr(subject, "__mro__", ()) for m in vars(base).values()]
    things = [getattr(thing, "__wrapped__", thing) for thing in [subject, *members]]
    own = [f for f in things if isinstance(f, FunctionType) and f.__module__ == subject.__module__]
    home = own[0].__globals__ if own else {}
    files = dict.fromkeys(f.__code__.co_filename for f in own)
    texts = ["".join(linecache.getlines(file)) for file in files]
    kept = home.get("In") if isinstance(home.get("In"), list) else []
    program = program_of_cells([cell for cell in kept if isinstance(cell, str)])
    if not all(text.strip() in program.text for text in texts):
        program = program_of_cells(texts)
    names = [name for name, value in home.items() if value is subject]
    known = getattr(subject, "__name__", "")
    return replace(program, name=known if known in names else next(iter(names), ""))


def expression_at(file: str, positions: tuple[int | None, ...]) -> str:
    """The text from a line and a column to others, None for the end; empty if it is not known.

    positions: the first and the last line, from 1, the first and the last column.
    """
    first, last, start, stop = positions
    lines = [] if None in positions[:3] else linecache.getlines(file)[first - 1 : last]
    if not lines:
        return ""
    text = [line.encode() for line in lines]  # columns count the bytes of UTF-8
    text[-1] = text[-1][:stop]
    text[0] = text[0][start:]
    return b"".join(text).decode()


@lru_cache(maxsize=4)
def _program(cells: tuple[str, ...]) -> Program:
    known = [plain for cell in cells if (plain := plain_of_cell(cell)) is not None]
    return Program("\n".join(known), {n: origin for text in known for n, origin in _imports(text)})


@lru_cache(maxsize=1024)
def _imports(text: str) -> list[tuple[str, str]]:
    """The names that the imports of a cell bind, and where each comes from."""
    return [found for node in ast.walk(ast.parse(text)) for found in imported(node)]


@lru_cache(maxsize=1024)
def plain_of_cell(cell: str) -> str | None:
    """A cell as Python, its magics as calls; None if it is not Python."""
    from IPython.core.inputtransformer2 import TransformerManager  # slow to import

    while True:
        try:
            plain = TransformerManager().transform_cell(cell)
            body = ast.parse(plain).body
        except UNREADABLE:
            return None
        match body:
            case [ast.Expr(ast.Call(ast.Attribute(_, "run_cell_magic"), [name, _, text]))] if (
                getattr(name, "value", "") in MAGICS
            ):
                cell = str(getattr(text, "value", ""))
            case _:
                return plain


def imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The names that an import binds, and where each comes from."""
    for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else []:
        module = f"{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
        name = alias.asname or alias.name.split(".")[0]
        yield name, module + alias.name if alias.asname or module else name
