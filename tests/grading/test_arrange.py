"""A folder that was handed in is put in order, and nothing of it is lost."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from byhand.grading.submission import arrange
from byhand.grading.submission.arrange import former_name

NAME = "tiny.ipynb"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course of which an assignment has a notebook and a module."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / NAME).write_text("{}")
    (folder / "given.py").write_text("")
    return folder


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    folder = tmp_path / "student-01" / "1-tiny"
    folder.mkdir(parents=True)
    (folder / NAME).write_text("mine")
    return folder


def aside(submission: Path) -> list[str]:
    """What was set aside, by its former place."""
    root = submission.with_name("set-aside-1-tiny")
    paths = [path for path in root.rglob("*") if not path.is_dir() or not any(path.iterdir())]
    return sorted("/".join(path.relative_to(root).parts[1:]) for path in paths)


def test_an_orderly_folder_stays_as_it_is(submission, course):
    (submission / "timestamp.txt").write_text("2026-03-02 18:00:00 UTC")
    (submission / "data").mkdir()
    (submission / "data" / "x").write_text("x")
    assert arrange.arrange(submission, course) == []
    assert aside(submission) == []
    assert sorted(os.listdir(submission)) == ["data", "timestamp.txt", NAME]


@pytest.mark.parametrize("name", ["outcome.json", "tiny.html", "timestamp.txt", "given.py", NAME])
@pytest.mark.parametrize("inside", ["", "x"])
def test_a_folder_in_the_place_of_a_file_is_set_aside(submission, course, name, inside):
    if name == NAME:
        (submission / NAME).unlink()
    (submission / name).mkdir()
    if inside:
        (submission / name / inside).write_text("x")
    arrange.arrange(submission, course)
    assert aside(submission) == [f"{name}/{inside}".rstrip("/")]
    assert not (submission / name).is_dir()
    assert (submission / NAME).is_file()


def test_modules_that_would_stand_for_the_courses_are_set_aside(submission, course):
    (submission / "given.cpython-311.so").write_text("")
    (submission / "given").mkdir()
    (submission / "given2.py").write_text("")
    arrange.arrange(submission, course)
    assert aside(submission) == ["given", "given.cpython-311.so"]


@pytest.mark.parametrize(
    "text", [b"yesterday", b"\xff", b"2026-13-45", b"9" * 500, b"0 0 0", b"1 2 " + b"9" * 99]
)
def test_what_is_no_time_is_set_aside(submission, course, text, capsys):
    (submission / "timestamp.txt").write_bytes(text)
    arrange.arrange(submission, course)
    assert aside(submission) == ["timestamp.txt"]
    assert "counts as in time" in capsys.readouterr().out


@pytest.mark.parametrize(
    "place",
    ["tiny (1).ipynb", "1-tiny/tiny.ipynb", "TINY.IPYNB", "tiny.ipynb.txt", "tiny.ipynb/a.ipynb"],
)
def test_a_notebook_in_another_place_is_found_and_named(submission, course, place):
    (submission / NAME).unlink()
    (submission / place).parent.mkdir(exist_ok=True)
    (submission / place).write_text("mine")
    (submission / "notes.txt").write_text("a longer text")
    arrange.arrange(submission, course)
    assert (submission / NAME).read_text() == "mine"
    assert former_name(submission / NAME) == place


def test_checkpoints_are_nobodys_notebook(submission, course):
    (submission / NAME).unlink()
    (submission / ".ipynb_checkpoints").mkdir()
    (submission / ".ipynb_checkpoints" / "tiny-checkpoint.ipynb").write_text("old")
    arrange.arrange(submission, course)
    assert (submission / NAME).read_text().startswith("byhand: the notebook is missing")


def test_a_notebook_that_comes_later_takes_the_place_of_the_stand_in(submission, course):
    (submission / NAME).unlink()
    arrange.arrange(submission, course)
    (submission / "late.ipynb").write_text("mine")
    arrange.arrange(submission, course)
    assert (submission / NAME).read_text() == "mine"


@pytest.mark.parametrize("kind", ["link", "loop", "pipe"])
def test_links_and_pipes_are_neither_followed_nor_waited_for(submission, course, tmp_path, kind):
    (tmp_path / "secret").write_text("secret")
    for path in (submission / NAME, submission / "data"):
        path.unlink(missing_ok=True)
        if kind == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to(path if kind == "loop" else tmp_path / "secret")
    arrange.arrange(submission, course)
    assert (submission / "data").read_text().startswith("This file is ")
    assert (submission / NAME).read_text().startswith("byhand: the notebook is ")
    assert (tmp_path / "secret").read_text() == "secret"
    assert former_name(submission / NAME) == ""


def test_a_pipe_that_was_set_aside_is_not_waited_for(submission, course):
    (submission / NAME).unlink()
    (submission / "outcome.json").mkdir()
    (submission / "outcome.json" / "x").write_text("")
    arrange.arrange(submission, course)
    os.mkfifo(submission.with_name("set-aside-1-tiny") / "1" / "x.ipynb")
    (submission / NAME).write_text("")
    assert former_name(submission / NAME) == ""


def test_rights_are_put_right(submission, course):
    (submission / "data").mkdir()
    (submission / "data" / "x").write_text("x")
    for path in (submission / "data" / "x", submission / "data", submission / NAME):
        path.chmod(0)
    assert arrange.arrange(submission, course) == []
    assert stat.S_IMODE((submission / "data" / "x").stat().st_mode) == 0o600
    assert stat.S_IMODE((submission / "data").stat().st_mode) == 0o700
    assert (submission / NAME).read_text() == "mine"


def test_what_was_set_aside_may_be_deeper_than_python_can_walk(submission, course):
    here = os.open(submission, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    try:
        [note] = arrange.arrange(submission, course)
        assert "were left out" in note
        assert former_name(submission / NAME) == ""
    finally:  # nor could pytest remove it
        subprocess.run(["rm", "-rf", submission.parent], check=True)


@pytest.mark.parametrize("name", ["data.csv", NAME])
def test_a_file_of_somebody_else_is_set_aside_and_named(submission, course, name, monkeypatch):
    (submission / name).write_text("x")
    may = os.access
    monkeypatch.setattr(
        arrange.os, "access", lambda p, mode: Path(p) != submission / name and may(p, mode)
    )
    assert arrange.arrange(submission, course) == [f"{name} may not be read: it was left out"]
    assert aside(submission) == [name]
    assert (submission / NAME).exists()


@pytest.mark.parametrize("shape", ["files", "folders", "deep", "long"])
def test_too_many_files_are_set_aside_but_for_those_that_count(submission, course, shape):
    names = {
        "files": [f"{number}.txt" for number in range(1200)],
        "folders": [f"{number}/x/y" for number in range(400)],
        "deep": ["/".join(["d"] * 100)],
        "long": ["/".join(["d" * 200] * 8)],
    }[shape]
    for name in [*names, "weights.npz"]:
        (submission / name).parent.mkdir(parents=True, exist_ok=True)
        (submission / name).write_text("x")
    [note] = arrange.arrange(submission, course, keep=["weights.npz"])
    assert "were left out" in note
    kept = sorted(str(path.relative_to(submission)) for path in submission.rglob("*"))
    assert len(kept) <= arrange.MOST_ENTRIES
    assert {NAME, "weights.npz"} <= set(kept)
    files = [path for path in kept if (submission / path).is_file()]
    assert sorted([*files, *aside(submission)]) == sorted([*names, NAME, "weights.npz"])
    assert arrange.arrange(submission, course) == []
