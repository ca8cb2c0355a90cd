"""The file of a run: finished, it is loaded; if it does not fit, it is put aside; none is lost."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from byhand.checkpoints import CheckpointError, read_checkpoint, save_checkpoint
from byhand.training import History

from .small_runs import COURSE, FILE, X, Y, interrupted, parts, train


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


def test_a_finished_run_is_loaded_and_nothing_is_trained(capsys):
    run = train()
    before, _ = FILE.read_bytes(), capsys.readouterr()
    again = train(seed=3)
    best = run.history.best
    assert again.history == run.history
    right = np.mean(again.network.eval()(X).argmax(axis=1) == Y)
    assert right == run.history.validation_accuracy[best]
    said = f"net.npz holds 5 epochs, the best epoch {best + 1} with {right:.2%} on the validation"
    assert capsys.readouterr().out == (
        f"{said} data: nothing is trained. Delete or rename the file to train anew.\n"
    )
    assert FILE.read_bytes() == before


def test_a_finished_run_with_other_settings_is_loaded_and_they_are_named(capsys):
    train()
    train(epochs=7)
    assert "It had other settings: epochs was 5, now 7. Delete or" in capsys.readouterr().out
    train(data="others")
    assert "It had other settings: data was numbers, now others." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (dict(epochs=6), "net.npz is of another run: epochs was 5, now 6."),
        (dict(optimizer="momentum"), "net.npz is of another run: optimizer was Adam, now SGD."),
        (
            dict(size=9),
            "net.npz is of another run: layer 1 was Linear(in_features=4, out_features=8), "
            "now Linear(in_features=4, out_features=9).",
        ),
    ],
)
def test_an_unfinished_run_of_something_else_is_put_aside(change, says, capsys):
    interrupted(stop=15)
    before = FILE.read_bytes()
    FILE.with_name("net-1.npz").write_text("taken")
    run = train(**change)
    assert capsys.readouterr().out.splitlines()[0] == (
        f"{says} It is called net-2.npz now, and the training starts anew."
    )
    assert FILE.with_name("net-2.npz").read_bytes() == before
    assert len(run.history.seconds) == change.get("epochs", 5)
    assert len(read_checkpoint(FILE).history.seconds) == len(run.history.seconds)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04 cut", "net.npz is damaged or cut off (BadZipFile)."),
        (b"words", "net.npz is no .npz archive."),
    ],
)
def test_a_file_that_is_no_checkpoint_is_put_aside(content, says, capsys):
    FILE.write_bytes(content)
    assert len(train().history.seconds) == 5
    assert capsys.readouterr().out.startswith(f"{says} It is called net-1.npz now, and")
    assert FILE.with_name("net-1.npz").read_bytes() == content


def test_a_finished_file_of_another_network_is_put_aside(capsys):
    train(size=9)
    before, _ = FILE.read_bytes(), capsys.readouterr()
    assert len(train().history.seconds) == 5
    said = capsys.readouterr().out
    assert said.startswith("net.npz is of another network: it holds (9, 4) as array 0, here that")
    assert FILE.with_name("net-1.npz").read_bytes() == before


def test_where_it_cannot_be_renamed_nothing_is_trained(monkeypatch):
    FILE.write_bytes(b"words")

    def refuse(self, target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(CheckpointError, match=r"cannot be renamed: Permission denied\. Move it"):
        train()
    assert FILE.read_bytes() == b"words"


@pytest.mark.parametrize("there", [True, False])
def test_nothing_is_trained_while_a_notebook_is_graded(there, monkeypatch, capsys):
    if there:
        interrupted(stop=15)
    capsys.readouterr()
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    run = train(epochs=9)
    said = capsys.readouterr().out
    assert len(run.history.seconds) == 2 * there
    assert said.count("\n") == 1
    assert said.startswith("net.npz holds 2 epochs" if there else "net.npz is missing:")
    assert list(Path().iterdir()) == [FILE] * there


def test_an_optimizer_that_cannot_be_kept_starts_anew(capsys):
    with Path("log").open("w") as log:

        def made():
            network, optimizer, scheduler = parts()
            optimizer.log = log
            return network, optimizer, scheduler

        interrupted(stop=15, made=made())
        assert len(train(made=made()).history.seconds) == 5
    said = capsys.readouterr().out
    assert "net.npz cannot be taken up again: something in the optimizer or the scheduler" in said


def test_a_full_disk_is_one_line_and_the_last_checkpoint_stays():
    """In a process of its own, which may write no large file after the first epoch."""
    program = f"""
import resource, signal, sys
sys.path.insert(0, {str(COURSE)!r})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from tests import small_runs as t
from byhand import training
def watch(run):
    if len(run.history.seconds) == 1:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
training.PAUSE = -1
run = t.train(epochs=3, watch=watch)
assert len(run.history.seconds) == 3
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    words = "net.npz cannot be written: File too large. Make room, or write to a folder that is"
    assert (done.stdout + done.stderr).count(words) == 2
    assert "holds the best" not in done.stdout
    assert len(read_checkpoint(FILE).history.seconds) == 1
    assert list(Path().iterdir()) == [FILE]


def test_a_file_without_settings_counts_as_finished(capsys):
    network, *_ = parts()
    save_checkpoint(FILE, network, History(), "numbers")
    train()
    assert capsys.readouterr().out.startswith("net.npz holds 0 epochs: nothing is trained.")
