"""Which of a submission's files reach the student's kernel."""

import os
from pathlib import Path

import pytest

from byhand.grading.sandbox import staging
from byhand.grading.sandbox.staging import copy_files


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    folder = tmp_path / "student-01"
    (folder / "data").mkdir(parents=True)
    (folder / "layers.ipynb").write_text("{}")
    (folder / "data" / "numbers.csv").write_text("1,2\n")
    return folder


def copied(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_files_are_copied_and_notebooks_are_not(submission, tmp_path):
    copy_files(submission, tmp_path / "out", 1000)
    assert copied(tmp_path / "out") == ["data/numbers.csv"]
    assert (tmp_path / "out/data/numbers.csv").read_text() == "1,2\n"


def test_links_and_special_files_are_left_out(submission, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (submission / "file").symlink_to(tmp_path / "secret")
    (submission / "folder").symlink_to(tmp_path)
    (submission / "nowhere").symlink_to("nowhere")
    os.mkfifo(submission / "pipe")
    copy_files(submission, tmp_path / "out", 1000)
    assert copied(tmp_path / "out") == ["data/numbers.csv"]


def test_what_does_not_fit_is_left_out(submission, tmp_path):
    (submission / "a.bin").write_bytes(bytes(600))
    (submission / "b.bin").write_bytes(bytes(600))
    copy_files(submission, tmp_path / "out", 1000)
    assert copied(tmp_path / "out") == ["a.bin", "data/numbers.csv"]


def test_the_number_of_files_is_limited(submission, tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "MOST_FILES", 3)
    for number in range(5):
        (submission / f"{number}.txt").write_text("")
    copy_files(submission, tmp_path / "out", 1000)
    assert copied(tmp_path / "out") == ["0.txt", "1.txt", "2.txt"]


def test_no_submission(tmp_path):
    with pytest.raises(NotADirectoryError, match="no submission"):
        copy_files(tmp_path / "nobody", tmp_path / "out", 1000)
