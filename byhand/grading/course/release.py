"""release/ is what `nbgrader generate_assignment` makes of source/, and nothing else.

An assignment that imports from `given` gets a given.py, made here too: what it uses of the
reference solutions of earlier assignments (earlier by name).
"""

import ast
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

from byhand.grading.course.commands import generate
from byhand.grading.course.notebooks import (
    CourseError,
    assignments,
    imports_for,
    read,
    solution_cells,
    source_notebook,
)

LEFT_BEHIND = {".ipynb_checkpoints", "__pycache__"}
GIVEN = '''\
"""What {name} uses of {earlier}: the reference solutions.

Made by `byhand release`: do not edit it.
"""

{program}
'''


def write_release(course: Path, names: Collection[str], tell: Callable[[str], None]) -> None:
    """Make release/ anew, and every given.py in source/ before.

    names: the assignments to make, all if empty. Of those that build on them only given.py is
    made. tell: called with the path of everything that is made. Raises CourseError.
    """
    chosen = _chosen(course, names)
    for path, text in _stale_given(course, chosen).items():
        path.write_text(text, encoding="utf-8")
        tell(path.relative_to(course).as_posix())
    with _generated(course, chosen) as release:
        for path in (course / "release").glob("*/"):
            if path.name in chosen or not names:
                shutil.rmtree(path)
        for name in chosen:
            shutil.copytree(release / name, course / "release" / name)
            tell(f"release/{name}")


def differences(course: Path, names: Collection[str]) -> list[str]:
    """What write_release would change, a line a file. Raises CourseError."""
    chosen = _chosen(course, names)
    with _generated(course, chosen) as release:
        wanted, found = _files(release), _files(course / "release")
    if names:
        found = {path: text for path, text in found.items() if path.split("/")[0] in chosen}
    stale = [path.relative_to(course).as_posix() for path in _stale_given(course, chosen)]
    return [f"{path}: not what the earlier assignments give" for path in stale] + [
        f"release/{name}: {_difference(wanted.get(name), found.get(name))}"
        for name in sorted(wanted | found)
        if wanted.get(name) != found.get(name)
    ]


def _chosen(course: Path, names: Collection[str]) -> list[str]:
    """The assignments with these names, all if there are none. Raises CourseError."""
    known = assignments(course)
    if unknown := sorted(set(names) - set(known)):
        raise CourseError(f"No assignment {', '.join(unknown)}: there are {', '.join(known)}.")
    return [name for name in known if name in names or not names]


def _stale_given(course: Path, chosen: list[str]) -> dict[Path, str]:
    """The path of every given.py that is out of date, and its text. Raises CourseError.

    In source/: of the chosen assignments, and of those that build on them. The latter are not
    made anew, so theirs in release/ is among them too.
    """
    stale: dict[Path, str] = {}
    earlier: dict[str, tuple[str, str]] = {}  # what is defined -> its assignment, its text
    for name in assignments(course):
        notebook = source_notebook(course, name)
        wanted = _imported_from_given(notebook)
        if unknown := sorted(wanted - earlier.keys()):
            raise CourseError(f"source/{name}: no earlier solution defines {', '.join(unknown)}.")
        parts = _with_needs(wanted, earlier)
        sources = sorted({source for source, _ in parts})
        if parts and {name, *sources} & set(chosen):
            text = _given_text(course, name, sources, "\n\n\n".join(text for _, text in parts))
            for place in ["source"] if name in chosen else ["source", "release"]:
                path = course / place / name / "given.py"
                if path.parent.is_dir() and not (path.exists() and path.read_text("utf-8") == text):
                    stale[path] = text
        earlier |= {key: (name, text) for key, text in _definitions(notebook).items()}
    return stale


def _given_text(course: Path, name: str, sources: list[str], program: str) -> str:
    imports = imports_for(program, [source_notebook(course, source) for source in sources])
    program = imports.replace("\n", "\n\n") + f"\n\n\n{program}"  # as ruff sorts imports
    return GIVEN.format(name=name, earlier=" and ".join(sources), program=program.strip())


def _imported_from_given(notebook: Path) -> set[str]:
    """The names that the cells of a notebook import from `given`."""
    cells = [cell.source for cell in read(notebook).cells if cell.cell_type == "code"]
    program = "\n".join(map(TransformerManager().transform_cell, cells))  # magics as calls
    imports = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports if node.module == "given" for alias in node.names}


def _definitions(notebook: Path) -> dict[str, str]:
    """The classes, functions and constants of the solution cells, and their texts."""
    found = {}
    for source in solution_cells(notebook).values():
        for node in ast.parse(source).body:
            names = [t.id for t in getattr(node, "targets", []) if isinstance(t, ast.Name)]
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                names = [node.name]
            first = min(n.lineno for n in [node, *getattr(node, "decorator_list", [])])
            text = "\n".join(source.splitlines()[first - 1 : node.end_lineno])
            found |= dict.fromkeys(names, text)
    return found


def _with_needs(names: set[str], defined: dict[str, tuple[str, str]]) -> list[tuple[str, str]]:
    """The definitions of these names and of all that they use, in the order of `defined`."""
    needed, todo = set(), list(names)
    while todo:
        if (name := todo.pop()) in defined and name not in needed:
            needed.add(name)
            nodes = list(ast.walk(ast.parse(defined[name][1])))
            used = [node for node in nodes if isinstance(node, ast.Name)]
            own = {node.id for node in used if isinstance(node.ctx, ast.Store)}
            own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
            todo += {node.id for node in used} - own
    return [part for name, part in defined.items() if name in needed]


@contextmanager
def _generated(course: Path, chosen: list[str]) -> Iterator[Path]:
    """A fresh release folder, made in a course of its own: the real gradebook stays out of it."""
    with tempfile.TemporaryDirectory(prefix="byhand-release-") as folder:
        copy = Path(folder)
        shutil.copy(course / "nbgrader_config.py", copy)
        (copy / "release").mkdir()
        trained = shutil.ignore_patterns("*.npz")  # by whoever ran a notebook there
        for name in chosen:
            source = Path("source") / name
            shutil.copytree(course / source, copy / source, ignore=trained)
        generate(copy, chosen)
        yield copy / "release"


def _difference(wanted: bytes | None, found: bytes | None) -> str:
    if found is None:
        return "missing"
    return "not in source/" if wanted is None else "not what source/ gives"


def _files(release: Path) -> dict[str, bytes]:
    """Path inside the folder -> content, of all files but those that working there leaves."""
    return {
        path.relative_to(release).as_posix(): path.read_bytes()
        for path in release.rglob("*")
        if path.is_file() and not LEFT_BEHIND & set(path.parts)
    }
