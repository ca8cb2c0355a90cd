"""A submission's cells as one program, for the rules that are read off its text."""

import ast
from functools import lru_cache

from IPython.core.inputtransformer2 import TransformerManager

from byhand.protocol.source_rules import Program


def program_of_cells(cells: list[str]) -> Program:
    """All cells that Python can read, one after the other; the others have not run."""
    return _program(tuple(cells))


@lru_cache(maxsize=1)
def _program(cells: tuple[str, ...]) -> Program:
    readable = [plain for cell in cells if (plain := _plain(cell)) is not None]
    text = "\n".join(readable)
    return Program(text, _origins(ast.parse(text)))


@lru_cache(maxsize=256)
def _plain(cell: str) -> str | None:
    """A cell as Python, its magics as calls; None if it is not Python."""
    try:
        plain = TransformerManager().transform_cell(cell)
        ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return plain


def _origins(tree: ast.Module) -> dict[str, str]:
    """Alias -> module, for everything that is imported anywhere."""
    origins = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                origins[name] = alias.name if alias.asname else name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                origins[alias.asname or alias.name] = node.module or ""
    return origins
