"""release/ is what `nbgrader generate_assignment` makes of source/, and nothing else.

An assignment that builds on earlier ones hands out their classes as given.py, made here too.
"""

import ast
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from byhand.grading.course.commands import nbgrader
from byhand.grading.course.notebooks import (
    assignments,
    imports_for,
    solution_cells,
    source_notebook,
)

BUILDS_ON = {"4-optimizers": ["3-layers"], "5-convnet": ["3-layers", "4-optimizers"]}
LEFT_BEHIND = {".ipynb_checkpoints", "__pycache__"}
GIVEN = '''\
"""What {earlier} built: the reference solutions.

Made by `byhand release`, do not edit it, from {sources}.
"""

{program}
'''


def write_release(course: Path, tell: Callable[[str], None]) -> None:
    """Make release/ anew, and every given.py in source/ before.

    tell: called with the name of each assignment that is done.
    """
    for path, text in _given(course).items():
        path.write_text(text, encoding="utf-8")
    with _generated(course) as release:
        for folder in _folders(course / "release") | _folders(release):
            shutil.rmtree(course / "release" / folder, ignore_errors=True)
        for name in sorted(_folders(release)):
            shutil.copytree(release / name, course / "release" / name)
            tell(name)


def differences(course: Path) -> list[str]:
    """How release/ and given.py differ from what the notebooks in source/ give, a line a file."""
    with _generated(course) as release:
        wanted, found = _files(release), _files(course / "release")
    behind = [
        f"{path.relative_to(course).as_posix()}: not what the earlier assignments give"
        for path, text in _given(course).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    return behind + [
        f"release/{name}: {_difference(wanted.get(name), found.get(name))}"
        for name in sorted(wanted | found)
        if wanted.get(name) != found.get(name)
    ]


def _given(course: Path) -> dict[Path, str]:
    """The path of every given.py and its text."""
    return {
        course / "source" / name / "given.py": _given_text(course, BUILDS_ON[name])
        for name in assignments(course)
        if name in BUILDS_ON
    }


def _given_text(course: Path, earlier: list[str]) -> str:
    """The classes of the earlier assignments; a later one replaces one of the same name."""
    notebooks = [source_notebook(course, name) for name in earlier]
    classes: dict[str, str] = {}
    for notebook in notebooks:
        for source in solution_cells(notebook).values():
            for node in ast.parse(source).body:
                if isinstance(node, ast.ClassDef):
                    classes[node.name] = ast.get_source_segment(source, node)
    program = "\n\n\n".join(classes.values())
    sources = " and ".join(path.name for path in notebooks)
    imports = imports_for(program, notebooks).replace("\n", "\n\n")  # as ruff sorts them
    return GIVEN.format(
        earlier=" and ".join(earlier), sources=sources, program=f"{imports}\n\n\n{program}"
    )


@contextmanager
def _generated(course: Path) -> Iterator[Path]:
    """A fresh release folder, made in a course of its own: the real gradebook stays out of it."""
    with tempfile.TemporaryDirectory(prefix="byhand-release-") as folder:
        copy = Path(folder)
        shutil.copy(course / "nbgrader_config.py", copy)
        trained = shutil.ignore_patterns("*.npz")  # by whoever ran a notebook there
        shutil.copytree(course / "source", copy / "source", ignore=trained)
        for name in assignments(copy):
            nbgrader(copy, "generate_assignment", name)
        (copy / "release").mkdir(exist_ok=True)
        yield copy / "release"


def _difference(wanted: bytes | None, found: bytes | None) -> str:
    if found is None:
        return "missing"
    return "not in source/" if wanted is None else "not what source/ gives"


def _folders(release: Path) -> set[str]:
    return {path.name for path in release.glob("*/")} if release.is_dir() else set()


def _files(release: Path) -> dict[str, bytes]:
    """Path inside the folder -> content, of all files but those that working there leaves."""
    return {
        path.relative_to(release).as_posix(): path.read_bytes()
        for path in release.rglob("*")
        if path.is_file() and not LEFT_BEHIND & set(path.parts)
    }
