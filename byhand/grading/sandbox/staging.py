"""The files that a student handed in beside the notebook, brought safely to where they are used."""

import errno
import os
import shutil
import stat
from pathlib import Path

MOST_FILES = 1000
BLOCK = 4096  # bytes: what a file takes in the sandbox is a multiple of this
CACHE = ".cache"  # where the sandbox has files of its own, which nobody can write
# Our disk or our limits, not the file: to leave it out would cost a student points.
OURS = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}


def copy_files(source: Path, target: Path, size: int) -> None:
    """Copy a submission's own files, without its notebooks.

    Only regular files are copied: what a link points to may lie outside the submission. At most
    `size` bytes, as a file system counts them, and MOST_FILES files; what does not fit, may not be
    read or is a cache is left out. Raises NotADirectoryError when there is no such folder, OSError
    when this machine has no room.
    """
    if not source.is_dir():
        raise NotADirectoryError(f"{source} is not a folder, so it is no submission")
    copied = 0
    for folder, folders, names in os.walk(source):  # does not follow links to folders
        folders[:] = sorted(name for name in folders if Path(folder, name) != source / CACHE)
        for path in (Path(folder, name) for name in sorted(names)):
            if copied == MOST_FILES:
                return
            if path.suffix != ".ipynb" and path != source / CACHE:
                taken = _copy(path, target / path.relative_to(source), size)
                if taken is not None:
                    size, copied = size - taken, copied + 1


def _copy(path: Path, target: Path, room: int) -> int | None:
    """Copy a regular file and return the bytes it takes, at most `room`; None: it was left out."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:
            taken = -(-os.fstat(file.fileno()).st_size // BLOCK) * BLOCK
            if taken > room:
                return None
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                shutil.copyfileobj(file, out)
    except OSError as error:
        if error.errno in OURS:
            raise
        return None
    return taken
