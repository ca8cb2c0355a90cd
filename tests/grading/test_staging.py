"""Which of a submission's files reach the student's kernel."""

import errno
import os
from pathlib import Path

import pytest

from byhand.grading.sandbox import staging
from byhand.grading.sandbox.staging import BLOCK, read_files, write_files

ROOM = 2 * BLOCK


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    folder = tmp_path / "student-01"
    (folder / "data").mkdir(parents=True)
    (folder / "layers.ipynb").write_text("{}")
    (folder / "data" / "numbers.csv").write_text("1,2\n")
    return folder


def copy_files(source: Path, target: Path, size: int) -> None:
    """As a submission's files come to its kernel."""
    write_files(read_files(source, size), target)


def copied(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_files_are_copied_and_notebooks_are_not(submission, tmp_path):
    copy_files(submission, tmp_path / "out", ROOM)
    assert copied(tmp_path / "out") == ["data/numbers.csv"]
    assert (tmp_path / "out/data/numbers.csv").read_text() == "1,2\n"


def test_links_and_special_files_are_left_out(submission, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (submission / "file").symlink_to(tmp_path / "secret")
    (submission / "folder").symlink_to(tmp_path)
    (submission / "nowhere").symlink_to("nowhere")
    os.mkfifo(submission / "pipe")
    copy_files(submission, tmp_path / "out", ROOM)
    assert copied(tmp_path / "out") == ["data/numbers.csv"]


def test_what_does_not_fit_is_left_out(submission, tmp_path):
    (submission / "a.bin").write_bytes(bytes(BLOCK))
    (submission / "b.bin").write_bytes(bytes(BLOCK + 1))
    copy_files(submission, tmp_path / "out", ROOM)
    assert copied(tmp_path / "out") == ["a.bin", "data/numbers.csv"]


def test_the_number_of_files_is_limited(submission, tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "MOST_FILES", 3)
    for number in range(5):
        (submission / f"{number}.txt").write_text("")
    copy_files(submission, tmp_path / "out", ROOM)
    assert copied(tmp_path / "out") == ["0.txt", "1.txt", "2.txt"]


def test_a_small_file_takes_a_block(submission, tmp_path):
    for number in range(3):
        (submission / f"{number}.txt").write_text("x")
    copy_files(submission, tmp_path / "out", ROOM)
    assert copied(tmp_path / "out") == ["0.txt", "1.txt"]


@pytest.mark.parametrize("form", ["folder", "file"])
def test_a_cache_is_left_out(submission, tmp_path, form):
    if form == "file":
        (submission / ".cache").write_text("x")
    else:
        (submission / ".cache" / "matplotlib").mkdir(parents=True)
        (submission / ".cache" / "matplotlib" / "fontlist-v390.json").write_text("{}")
    (submission / "data" / ".cache").write_text("mine")
    copy_files(submission, tmp_path / "out", ROOM)
    assert copied(tmp_path / "out") == ["data/.cache", "data/numbers.csv"]


def test_a_file_that_may_not_be_read_is_left_out(submission, tmp_path, monkeypatch):
    opened = os.open

    def refuse(path, *args):
        if Path(path).name == "private.txt":
            raise PermissionError(errno.EACCES, "not yours", str(path))
        return opened(path, *args)

    (submission / "private.txt").write_text("x")
    monkeypatch.setattr(staging.os, "open", refuse)
    copy_files(submission, tmp_path / "out", ROOM)
    assert copied(tmp_path / "out") == ["data/numbers.csv"]


def test_a_full_disk_is_no_reason_to_leave_a_file_out(submission, tmp_path, monkeypatch):
    def fill(*args):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(OSError, match="no space left"):
        copy_files(submission, tmp_path / "out", ROOM)


def test_no_submission(tmp_path):
    with pytest.raises(NotADirectoryError, match="no submission"):
        copy_files(tmp_path / "nobody", tmp_path / "out", ROOM)
