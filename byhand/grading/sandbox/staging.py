"""The files that a student handed in beside the notebook, brought safely to where they are used."""

import os
import shutil
import stat
from pathlib import Path

MOST_FILES = 1000


def copy_files(source: Path, target: Path, size: int) -> None:
    """Copy a submission's own files, without its notebooks.

    Only regular files are copied: what a link points to may lie outside the submission. At most
    `size` bytes and MOST_FILES files; what does not fit is left out. Raises NotADirectoryError
    when there is no such folder.
    """
    if not source.is_dir():
        raise NotADirectoryError(f"{source} is not a folder, so it is no submission")
    copied = 0
    for folder, folders, names in os.walk(source):  # does not follow links to folders
        folders.sort()
        for path in (Path(folder, name) for name in sorted(names)):
            if copied == MOST_FILES:
                return
            if path.suffix != ".ipynb":
                taken = _copy(path, target / path.relative_to(source), size)
                if taken is not None:
                    size, copied = size - taken, copied + 1


def _copy(path: Path, target: Path, room: int) -> int | None:
    """Copy a regular file of at most `room` bytes and return its size; None: it was left out."""
    if not stat.S_ISREG(path.lstat().st_mode):
        return None
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        if os.fstat(file.fileno()).st_size > room:
            return None
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            shutil.copyfileobj(file, out)
    return target.stat().st_size
