"""Puts a folder that was handed in into an order that nbgrader does not stumble over.

Nothing is lost: what stands in the way goes to the folder set-aside-<assignment> beside it.
"""

import itertools
import os
import re
import shutil
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from nbgrader.utils import parse_utc

from byhand.grading.submission.names import printable
from byhand.grading.submission.outcome import FILE as OUTCOME
from byhand.grading.submission.reading import PLACEHOLDER

MOST_ENTRIES, MOST_DEPTH, MOST_LENGTH = 1000, 20, 1000  # files and folders, levels, bytes of a path
MOST_OF_TIME = 200  # bytes of a timestamp.txt
NOTEBOOK = re.compile(r"\.ipynb(\W|$)", re.IGNORECASE)  # also "layers.ipynb.txt"


class Folder:
    """One submission, and where to put what stands in the way. notes: what the student is told."""

    def __init__(self, path: Path):
        self.path, self.notes = path, []
        self._number = 0  # of the folder for what is set aside now

    def set_aside(self, path: Path) -> Path:
        """Move a file or folder of the submission out of it; where it is now."""
        root, name = _aside(self.path), path.relative_to(self.path)
        if not self._number:
            self._number = next(n for n in itertools.count(1) if not (root / str(n)).exists())
        numbered = (root / str(n) / name for n in itertools.count(self._number))
        target = next(other for other in numbered if not os.path.lexists(other))
        target.parent.mkdir(parents=True, exist_ok=True)
        return path.rename(target)


def arrange(path: Path, source: Path, keep: Iterable[str] = ()) -> list[str]:
    """Put a submission in order; what the student should be told of it, in words.

    path: the folder that was handed in; source: the assignment's folder in source/; keep: names
    that come first where there are too many files. Raises OSError where the folder cannot be
    changed.
    """
    folder = Folder(path)
    wanted = [notebook.name for notebook in sorted(source.glob("*.ipynb"))]
    _tame(folder, wanted, {*wanted, *keep, "timestamp.txt"})
    for name in [OUTCOME, *(f"{Path(name).stem}.html" for name in wanted)]:  # ours to write
        if os.path.lexists(path / name):
            folder.set_aside(path / name)
    _make_room(folder, source)
    _check_time(folder)
    for name in wanted:
        _find_notebook(folder, name, wanted)
    return folder.notes


def former_name(path: Path) -> str:
    """The name under which a notebook was handed in, if it was another; else empty."""
    size = path.stat().st_size
    others = [other for other in _notebooks(path.parent, _aside(path.parent)) if other != path]
    same = (other for other in others if other.stat().st_size == size)
    found = next((other for other in same if other.read_bytes() == path.read_bytes()), None)
    if found is None:
        return ""
    if found.is_relative_to(path.parent):
        return printable(str(found.relative_to(path.parent)))
    return printable(str(Path(*found.relative_to(_aside(path.parent)).parts[1:])))


def _aside(path: Path) -> Path:
    return path.with_name(f"set-aside-{path.name}")


def _tame(folder: Folder, wanted: list[str], first: set[str]) -> None:
    """Regular files and folders that can be read, not too many and not too deep; nothing else."""
    found, surplus, pending = 0, 0, deque([(folder.path, 0)])
    while pending:
        here, depth = pending.popleft()
        _allow(here, 0o700)
        names = sorted(os.listdir(here), key=lambda n: (n not in first, not NOTEBOOK.search(n), n))
        for name in names:
            path, found = here / name, found + 1
            length = len(os.fsencode(path.relative_to(folder.path)))
            if found > MOST_ENTRIES or depth > MOST_DEPTH or length > MOST_LENGTH:
                folder.set_aside(path)
                surplus += 1
            elif path.is_symlink() or not (path.is_file() or path.is_dir()):
                _stand_in(path, f"is {_special(path)}", depth == 0 and name in wanted)
            elif not _allow(path, 0o700 if path.is_dir() else 0o600):
                folder.set_aside(path)
                _stand_in(path, "may not be read", depth == 0 and name in wanted)
                folder.notes.append(f"{printable(name)} may not be read: it was left out")
            elif path.is_dir():
                pending.append((path, depth + 1))
    if surplus:
        most = f"more than {MOST_ENTRIES} files and folders, or folders too deep in each other"
        folder.notes.append(f"there were {most}: {surplus} were left out")


def _allow(path: Path, mode: int) -> bool:
    """Give ourselves the rights to a file or folder; whether it can be read now."""
    with suppress(PermissionError):  # it belongs to somebody else
        path.chmod(path.stat().st_mode | mode)
    return os.access(path, os.R_OK)


def _special(path: Path) -> str:
    """What a link or a pipe was, in words. A link would be followed, a pipe waited for: it goes."""
    was = f"a link to {path.readlink()}" if path.is_symlink() else "no ordinary file"
    path.unlink()
    return printable(was)


def _stand_in(path: Path, what: str, is_notebook: bool) -> None:
    """A file that says what was in its place."""
    whose = PLACEHOLDER if is_notebook else "This file "
    path.write_text(f"{whose}{what}.\n", encoding="utf-8")


def _make_room(folder: Folder, source: Path) -> None:
    """nbgrader puts the course's files in place of a student's; nothing else may stand for them."""
    for wanted in sorted(path for path in source.rglob("*") if path.suffix != ".ipynb"):
        path = folder.path / wanted.relative_to(source)
        if os.path.lexists(path) and path.is_dir() != wanted.is_dir():
            folder.set_aside(path)
    for module in source.glob("*.py"):
        for path in list(folder.path.glob(f"{module.stem}*")):
            if path.name.partition(".")[0] == module.stem and path.name != module.name:
                folder.set_aside(path)


def _check_time(folder: Folder) -> None:
    """A time that nbgrader cannot read is set aside: the submission counts as in time."""
    path = folder.path / "timestamp.txt"
    if path.exists() and not _is_time(path):
        folder.set_aside(path)
        print(f"{path}: not a time, so the submission counts as in time. It is kept beside it.")


def _is_time(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size > MOST_OF_TIME:
        return False
    try:
        parse_utc(path.read_text(encoding="ascii").strip())
    except Exception:  # noqa: BLE001 - dateutil raises almost anything on what is no time
        return False
    return True


def _find_notebook(folder: Folder, name: str, wanted: list[str]) -> None:
    """See to it that there is a notebook of this name, were it only one that says there is none."""
    path, places = folder.path / name, [folder.path]
    if path.is_dir():
        places.append(folder.set_aside(path))
    if path.exists() and not path.read_bytes().startswith(PLACEHOLDER.encode()):
        return
    taken = [folder.path / other for other in wanted]
    found = [other for other in _notebooks(*places) if other not in taken]
    if found:
        # The one with the right name and ending, the one that is not deep in a folder, the largest.
        def fit(other: Path) -> tuple:
            named = other.name == name, other.suffix == ".ipynb"
            return *named, -len(other.parts), other.stat().st_size

        shutil.copyfile(max(found, key=fit), path)
    elif not path.exists():
        _stand_in(path, "is missing from what was handed in", True)


def _notebooks(*places: Path) -> Iterator[Path]:
    """What may be a notebook and can be read, in these folders and not too deep below them."""
    for place in places:
        for here, folders, names in os.walk(place):
            deep = len(Path(here).parts) - len(place.parts) > MOST_DEPTH
            folders[:] = () if deep else sorted(f for f in folders if f != ".ipynb_checkpoints")
            paths = (Path(here, name) for name in sorted(names) if NOTEBOOK.search(name))
            yield from (path for path in paths if _is_open(path))


def _is_open(path: Path) -> bool:
    """Whether it is a regular file that can be read; what was set aside may be anything."""
    return stat.S_ISREG(path.lstat().st_mode) and os.access(path, os.R_OK)
