"""The files that a student handed in beside the notebook, brought safely to where they are used."""

import os
import shutil
import stat
from pathlib import Path

MOST_FILES = 1000


def copy_files(source: Path, target: Path, size: int) -> list[str]:
    """Copy a submission's own files, without its notebooks; return what was left out, and why.

    Only regular files are copied: what a link points to may lie outside the submission. At most
    `size` bytes and MOST_FILES files. Raises NotADirectoryError when there is no such folder.
    """
    if not source.is_dir():
        raise NotADirectoryError(f"{source} is not a folder, so it is no submission")
    left_out, copied = [], 0
    for folder, folders, names in os.walk(source):  # does not follow links to folders
        here = Path(folder)
        left_out += [
            f"{(here / n).relative_to(source)}: a link" for n in _take_links(here, folders)
        ]
        for name in sorted(names):
            path = here / name
            place = path.relative_to(source)
            if path.suffix == ".ipynb":
                continue
            if copied >= MOST_FILES:
                left_out.append(f"{place}: more than {MOST_FILES} files")
                return left_out
            try:
                size -= _copy(path, target / place, size)
                copied += 1
            except _LeftOutError as reason:
                left_out.append(f"{place}: {reason}")
    return left_out


class _LeftOutError(Exception):
    """Why a file is not copied."""


def _take_links(here: Path, folders: list[str]) -> list[str]:
    """Take the links out of the folders that os.walk is about to visit, in a fixed order."""
    links = [name for name in folders if (here / name).is_symlink()]
    folders[:] = sorted(set(folders) - set(links))
    return links


def _copy(path: Path, target: Path, room: int) -> int:
    """Copy one file, at most `room` bytes; return its size."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise _LeftOutError("a link" if path.is_symlink() else "no regular file")
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        if os.fstat(file.fileno()).st_size > room:
            raise _LeftOutError("does not fit into the working folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            shutil.copyfileobj(file, out)
    return target.stat().st_size
