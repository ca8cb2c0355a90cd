"""What the project knows about its source notebooks.

A source notebook holds the reference solutions and the hidden tests. nbgrader marks its cells:
the setup cell (grade_id `setup`), solution cells (grade_id `<task>`) and test cells
(grade_id `test_<task>` or `test_<task>_<part>`). All other cells explain, draw or train.
"""

import ast
import itertools
import linecache
import re
import sys
import time
import traceback
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING

import nbformat
from nbformat import NotebookNode

if TYPE_CHECKING:  # loading the checks, PyTorch with them, takes seconds
    from byhand.check.random_inputs import Memory

BONUS = "bonus"  # the tag of test cells whose points come on top
UNGRADED = "ungraded"  # the tag of cells that draw or train: grading leaves them out
# What nbformat raises for a file that is no notebook: no text, no JSON, JSON of another kind.
NO_NOTEBOOK = (ValueError, TypeError, LookupError, AttributeError, nbformat.ValidationError)
HIDDEN = "### BEGIN HIDDEN TESTS"
MARKERS = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)


class CourseError(Exception):
    """Something in the course is not as it should be; the text is one line that says what to do."""


@dataclass(frozen=True)
class CellResult:
    """What one test cell gave: its points, out of how many, why they are not all there, seconds."""

    points: float
    max_points: float
    message: str
    seconds: float = 0.0


def find_course(start: Path | None = None) -> Path:
    """The course that `start` (the current folder, if None) lies in. Raises CourseError."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "nbgrader_config.py").is_file() and (folder / "source").is_dir():
            return folder
    raise CourseError(
        f"{start}: no course here (no nbgrader_config.py beside a folder source/). "
        "Change to the folder of the course and try again."
    )


def assignments(course: Path) -> list[str]:
    """The names of the folders in source/ that hold a notebook."""
    return sorted({path.parent.name for path in (course / "source").glob("*/*.ipynb")})


def nearest(kind: str, name: str, names: Collection[str]) -> str:
    """ "there is no task liner: did you mean linear?" kind: what it would be; names: that exist."""
    near = get_close_matches(name, names, 1)
    there = f"there are {', '.join(names)}" if 0 < len(names) <= 20 else f"there are {len(names)}"
    return f"there is no {kind} {name}: " + (f"did you mean {near[0]}?" if near else f"{there}.")


def source_notebook(course: Path, assignment: str) -> Path:
    """The one notebook of an assignment. Raises CourseError."""
    found = sorted((course / "source" / assignment).glob("*.ipynb"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise CourseError(f"source/{assignment}: one notebook expected, found {names}.")
    return found[0]


def read(path: Path) -> NotebookNode:
    """The notebook at path, in nbformat 4. Raises CourseError."""
    try:
        return nbformat.read(path, as_version=4)
    except OSError as error:
        raise CourseError(f"{path}: cannot be opened: {error.strerror}.") from error
    except NO_NOTEBOOK as error:
        raise CourseError(f"{path}: not a notebook. Take an earlier copy of it.") from error


def grade_id(cell: NotebookNode, kind: str = "grade_id") -> str:
    """The name that nbgrader's marks give a cell; empty without one, or if it is not a `kind`.

    kind: "solution", "grade" or "locked".
    """
    marks = cell.metadata.get("nbgrader", {})
    return marks.get("grade_id", "") if marks.get(kind) else ""


def is_test(cell: NotebookNode) -> bool:
    """Whether this is a test cell; an answer that a person grades is not."""
    marked = grade_id(cell, "grade") and not grade_id(cell, "solution")
    return cell.cell_type == "code" and bool(marked)


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell, such as BONUS."""
    return cell.metadata.get("tags", [])


def task_of(cell: str, tasks: list[str]) -> str | None:
    """The task of a solution cell `<task>` or a test cell `test_<task>` or `test_<task>_<part>`."""
    tested = cell.removeprefix("test_")
    fitting = [task for task in tasks if tested == task or tested.startswith(f"{task}_")]
    return max(fitting, key=len, default=None)


def solution_cells(path: Path) -> dict[str, str]:
    """grade_id -> source of the solution cells of a notebook, without the solution markers."""
    return {
        name: MARKERS.sub("", cell.source)
        for cell in read(path).cells
        if cell.cell_type == "code" and (name := grade_id(cell, "solution"))
    }


def reference(path: Path) -> ModuleType:
    """The solutions of a source notebook as a module.

    It holds the imports of the setup cell that the solutions need, and the solution cells, in the
    order of the notebook. inspect.getsource(module) gives the text, and works on its classes.
    """
    name = "byhand_reference_" + re.sub(r"\W", "_", f"{path.parent.name}_{path.stem}")
    with given_beside(path):
        return module_from(reference_source(path), name)


def reference_source(path: Path) -> str:
    """The text of the module that reference() makes."""
    solutions = "\n\n\n".join(source.strip() for source in solution_cells(path).values())
    return f"{imports_for(solutions, [path])}\n\n\n{solutions}\n"


def imports_for(program: str, notebooks: list[Path]) -> str:
    """The imports of the notebooks' setup cells that bind a name which the program uses.

    Imports from `given` are left out where the program itself defines the name.
    """
    nodes = list(ast.walk(ast.parse(program)))
    needed = {node.id for node in nodes if isinstance(node, ast.Name)}
    needed -= {node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    found: dict[str, ast.Import | ast.ImportFrom] = {}
    setups = [c.source for n in notebooks for c in read(n).cells if grade_id(c) == "setup"]
    for statement in ast.parse("\n".join(setups)).body:
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        module = getattr(statement, "module", "") or statement.names[0].name
        names = found.get(module, statement).names + statement.names
        chosen = {a.name: a for a in names if (a.asname or a.name) in needed}
        if chosen:
            statement.names = [chosen[name] for name in sorted(chosen)]
            found[module] = statement
    return "\n".join(map(ast.unparse, found.values()))


@contextmanager
def given(source: str) -> Iterator[None]:
    """While it is open, `import given` brings this text; an empty one: there is none."""
    before = sys.modules.pop("given", None)
    if source:
        module_from(source, "given")
    try:
        yield
    finally:
        sys.modules.pop("given", None)
        if before is not None:
            sys.modules["given"] = before


def given_source(notebook: Path) -> str:
    """The given.py beside a notebook; empty if there is none."""
    path = notebook.parent / "given.py"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def given_beside(notebook: Path) -> AbstractContextManager[None]:
    """While it is open, `import given` brings the given.py beside this notebook and no other."""
    return given(given_source(notebook))


def module_from(source: str, name: str) -> ModuleType:
    """Run source as a module that linecache and inspect know; it stays in sys.modules."""
    module = _new_module(source, name)
    exec(compile(source, module.__file__, "exec"), vars(module))
    return module


def grade(
    path: Path,
    replace: Mapping[str, str] = MappingProxyType({}),
    only: Collection[str] | None = None,
    memory: "Memory | None" = None,
) -> dict[str, CellResult]:
    """Grade a source notebook in this process, some of its solution cells replaced.

    path: a source notebook; replace: grade_id -> source of the solution cells to exchange;
    only: tasks whose test cells are run, all if None; memory: of the draws of a class.
    Runs setup, solution and test cells in notebook order in one namespace, and no others. An
    exception in a cell never stops the cells after it. Returns test grade_id -> CellResult.
    """
    cells = _cells(path, path.stat().st_mtime_ns if path.exists() else 0)
    tasks = [name for cell in cells if (name := grade_id(cell, "solution"))]
    if unknown := {*replace, *(only or ())} - set(tasks):
        raise CourseError(f"{path}: no solution cell {', '.join(sorted(unknown))}.")
    results = {}
    sources = [replace.get(grade_id(cell, "solution"), cell.source).rstrip() for cell in cells]
    with given_beside(path), _namespace(sources) as (namespace, first_lines):
        for cell, source, first_line in zip(cells, sources, first_lines, strict=True):
            test = grade_id(cell, "grade")
            if test and only is not None and task_of(test, tasks) not in only:
                continue
            began = time.perf_counter()
            with memory.of(source) if test and memory else nullcontext():
                message = _run(source, first_line, namespace)
            took = time.perf_counter() - began
            if test:
                worth = float(cell.metadata.nbgrader.points)
                results[test] = CellResult(0.0 if message else worth, worth, message, took)
    return results


@lru_cache(maxsize=4)  # a course grades hundreds of mistakes in one notebook
def _cells(path: Path, changed: int) -> list[NotebookNode]:
    """The setup, solution and test cells of a notebook that changed at that time (ns)."""
    code = [cell for cell in read(path).cells if cell.cell_type == "code"]
    kinds = ("solution", "grade")
    return [c for c in code if grade_id(c) == "setup" or any(grade_id(c, k) for k in kinds)]


@contextmanager
def _namespace(sources: list[str]) -> Iterator[tuple[dict, list[int]]]:
    """A namespace for cells, which linecache and inspect know as the lines of one file.

    Yields the namespace and the line on which each cell begins. One file for all cells, because
    inspect looks for the source of a class in the one file of its module; In as in a notebook, so
    that a cell that was read before is not read again.
    """
    lengths = [source.count("\n") + 2 for source in sources]
    first_lines = list(itertools.accumulate(lengths, initial=1))[:-1]
    module = _new_module("\n\n".join(sources) + "\n", f"byhand_graded_{id(sources)}")
    module.In = sources
    try:
        yield vars(module), first_lines
    finally:
        del sys.modules[module.__name__], linecache.cache[module.__file__]


def _run(source: str, first_line: int, namespace: dict) -> str:
    """Run a cell; returns an empty string or, in words, why it failed."""
    try:
        text = "\n" * (first_line - 1) + source  # quicker than to renumber what was parsed
        exec(compile(text, namespace["__file__"], "exec"), namespace)
    except Exception as error:  # noqa: BLE001 - whatever a student's cell raises is its result
        return "".join(traceback.format_exception_only(error)).strip()
    return ""


def _new_module(source: str, name: str) -> ModuleType:
    """An empty module in sys.modules; linecache, and so inspect, takes source for its file."""
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = file = f"<{name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    return module
