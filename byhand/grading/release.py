"""release/ is what `nbgrader generate_assignment` makes of source/, and nothing else."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from byhand.grading.commands import nbgrader
from byhand.grading.notebooks import assignments


def write_release(course: Path, tell: Callable[[str], None]) -> None:
    """Make release/ anew. tell: called with the name of each assignment that is done."""
    with _generated(course) as release:
        for folder in _folders(course / "release") | _folders(release):
            shutil.rmtree(course / "release" / folder, ignore_errors=True)
        for name in sorted(_folders(release)):
            shutil.copytree(release / name, course / "release" / name)
            tell(name)


def differences(course: Path) -> list[str]:
    """How release/ differs from what source/ gives, a line a file; an empty list if it does not."""
    with _generated(course) as release:
        wanted, found = _files(release), _files(course / "release")
    return [
        f"release/{name}: {_difference(wanted.get(name), found.get(name))}"
        for name in sorted(wanted | found)
        if wanted.get(name) != found.get(name)
    ]


@contextmanager
def _generated(course: Path) -> Iterator[Path]:
    """A fresh release folder, made in a course of its own: the real gradebook stays out of it."""
    with tempfile.TemporaryDirectory(prefix="byhand-release-") as folder:
        copy = Path(folder)
        shutil.copy(course / "nbgrader_config.py", copy)
        shutil.copytree(course / "source", copy / "source")
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
    """Path inside the folder -> content, of all files but the checkpoints of an editor."""
    return {
        path.relative_to(release).as_posix(): path.read_bytes()
        for path in release.rglob("*")
        if path.is_file() and ".ipynb_checkpoints" not in path.parts
    }
