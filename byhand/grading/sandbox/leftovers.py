"""Folders that go away with the run that made them, also when that run was killed.

A folder is claimed by a lock on it, which the kernel drops when the claiming process is gone. So
a folder of ours without a lock is a dead run's, and the next run clears it away.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

PREFIX = "byhand-kernel-"
NEW = 60.0  # seconds; a younger folder may be one that its maker has not claimed yet


def claim(folder: Path) -> int | None:
    """Lock the folder until the descriptor returned is closed; None where locks are not to be had.

    Raises BlockingIOError when another process holds it.
    """
    if fcntl is None:
        return None
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise
    return lock


def remove(folder: Path) -> None:
    """Remove a folder, also one that a student has left deeper or darker than Python goes."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
            if shutil.which(command[0]):
                subprocess.run([*command, folder], stderr=subprocess.DEVNULL, check=False)


def sweep(parent: Path, remove: Callable[[Path], object]) -> None:
    """Call `remove` on every folder below `parent` that a dead run of ours has left there."""
    if fcntl is None:
        return
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime < NEW or folder.stat().st_uid != os.getuid():
                continue
            lock = claim(folder)
        except (BlockingIOError, FileNotFoundError):
            continue  # in use, or swept by another run meanwhile
        try:
            remove(folder)
        finally:
            os.close(lock)
