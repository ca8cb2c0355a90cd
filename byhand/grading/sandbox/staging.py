"""The files that a student handed in beside the notebook, brought safely to where they are used."""

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

MOST_FILES = 1000
BLOCK = 4096  # bytes: what a file takes in the sandbox is a multiple of this
CACHE = ".cache"  # where the sandbox has files of its own, which nobody can write
# Our disk or our limits, not the file: to leave it out would cost a student points.
OURS = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}


def write_files(files: Mapping[str, bytes], target: Path) -> None:
    """Write files, by their paths, into a folder."""
    for name, content in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_files(source: Path, size: int) -> dict[str, bytes]:
    """A submission's own files by their paths, without its notebooks.

    Only regular files: what a link points to may lie outside the submission. At most `size` bytes,
    as a file system counts them, and MOST_FILES files; what does not fit, may not be read or is a
    cache is left out. Raises NotADirectoryError when there is no such folder, OSError when this
    machine fails.
    """
    if not source.is_dir():
        raise NotADirectoryError(f"{source} is not a folder, so it is no submission")
    found: dict[str, bytes] = {}
    for folder, folders, names in os.walk(source):  # does not follow links to folders
        folders[:] = sorted(name for name in folders if Path(folder, name) != source / CACHE)
        for path in (Path(folder, name) for name in sorted(names)):
            if len(found) == MOST_FILES:
                return found
            if path.suffix != ".ipynb" and path != source / CACHE:
                content = _read(path, size)
                if content is not None:
                    size -= _taken(len(content))
                    found[str(path.relative_to(source))] = content
    return found


def _taken(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _read(path: Path, room: int) -> bytes | None:
    """What is in a regular file that takes at most `room` bytes; None: it is left out."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:
            if _taken(os.fstat(file.fileno()).st_size) > room:
                return None
            return file.read(room)
    except OSError as error:
        if error.errno in OURS:
            raise
        return None
