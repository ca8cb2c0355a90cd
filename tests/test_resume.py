"""A run that was interrupted goes on as if nothing had happened."""

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from byhand import resume, training
from byhand.checkpoints import read_checkpoint, save_checkpoint, state

from .small_runs import FILE, OPTIMIZERS, interrupted, parts, train


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


def measured(run):
    history = vars(run.history) | {"seconds": len(run.history.seconds)}
    return [*map(np.ndarray.tolist, state(run.network)), history, run.optimizer.lr]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("generator", [np.random.default_rng, np.random.RandomState])
def test_a_run_in_three_sessions_is_bit_for_bit_a_run_in_one(optimizer, generator, capsys):
    options = dict(optimizer=optimizer, generator=generator)
    whole = train(**options)
    FILE.unlink()
    expected = "Interrupted in epoch 3. net.npz holds epochs 1 to 2: run the cell again"
    assert interrupted(stop=15, **options).startswith(expected)
    assert "net.npz holds epoch 1 " not in interrupted(stop=22, seed=8, **options)
    resumed = train(seed=9, **options)
    assert measured(resumed) == measured(whole)
    assert "net.npz holds 3 of 5 epochs: the run goes on from there." in capsys.readouterr().out


def test_what_an_optimizer_holds_on_to_is_the_new_network():
    interrupted(stop=15, optimizer="lists")
    run = train(optimizer="lists")
    assert all(map(np.shares_memory, run.optimizer.held, run.network.parameters()))
    assert run.scheduler.optimizer is run.optimizer
    assert run.optimizer.module is run.network


def test_the_file_holds_the_network_of_the_best_epoch_beside_the_last(monkeypatch):
    after = []

    def watch(run):
        if len(run.history.seconds) > len(after):
            after.append([array.copy() for array in state(run.network)])

    monkeypatch.setattr(training, "PAUSE", -1)
    run = train(made=(made := parts("lists")), epochs=4, watch=watch)
    accuracy = run.history.validation_accuracy
    best = int(np.argmax(accuracy))
    assert best < len(accuracy) - 1
    found = read_checkpoint(FILE)
    for mine, kept in zip(after[best], found.arrays, strict=True):
        np.testing.assert_array_equal(mine, kept)
    last = [array.copy() for array in state(run.network)]
    for array in state(made[0]):
        array[...] = 0
    resume.put_back(found.of_a_run, made)
    assert all(map(np.array_equal, last, state(made[0])))


class Loud:
    def __reduce__(self):
        return os.mkdir, ("run",)


@pytest.mark.parametrize(
    "payload",
    [
        lambda: pickle.dumps(Loud()),
        lambda: b"cos\nmkdir\n(S'run'\ntR.",
        lambda: b"cnumpy.testing._private.utils\nrunstring\n(S'1'\n}tR.",
        lambda: b"cbyhand.nn\nnp.save\n(S'run'\nN tR.",
        lambda: b"ctests.small_runs\nmake_a_folder\n(tR.",
        lambda: b"not a pickle",
        lambda: pickle.dumps([1, 2]),
    ],
)
def test_what_was_put_into_a_file_by_others_is_not_run(payload, capsys):
    interrupted(stop=15)
    found = read_checkpoint(FILE)
    entries = found.of_a_run | {resume.STATE: np.frombuffer(payload(), np.uint8)}
    save_checkpoint(FILE, found.arrays, found.history, found.data, entries)
    assert len(train().history.seconds) == 5
    assert "net.npz cannot be taken up again: " in capsys.readouterr().out
    assert not Path("run").exists()


def test_parts_that_do_not_fit_are_left_alone():
    interrupted(stop=15)
    entries = read_checkpoint(FILE).of_a_run
    made = parts(size=9)
    before, random = [a.copy() for a in state(made[0])], np.random.get_state()[1].copy()
    with pytest.raises(resume.ResumeError):
        resume.put_back(entries, made)
    assert all(map(np.array_equal, before, state(made[0])))
    assert np.array_equal(random, np.random.get_state()[1])


def test_settings_are_words():
    found = resume.settings_of(parts(), epochs=5)
    assert found["layer 0"] == "Sequential()"
    assert found["layer 2"].startswith("BatchNormalization(num_features=8, eps=1e-05, momentum=0.1")
    assert found["optimizer.betas"] == "(0.9, 0.999)"
    assert found["scheduler.steps"] == "50"
    assert json.loads(json.dumps(found)) == found
