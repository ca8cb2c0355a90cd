"""The local runner: what comes back from the student's side, and what may not get in the way."""

import time

import numpy as np
import pytest
import torch

from byhand.check import tensors
from byhand.check.subject import reach
from byhand.protocol.experiment import Experiment, Failure, Opaque, Ref, plain
from byhand.protocol.runner import LocalRunner


class Thing:
    """A stand-in for a student's class."""

    def __init__(self, size=3):
        self.size = size

    def double(self, x):
        return 2 * x

    def spoil(self, x):
        x += 1
        return x

    def fail(self):
        raise KeyError("no such key")

    def later(self):
        raise NotImplementedError

    def sleep(self):
        time.sleep(20)

    def spin(self):
        while True:
            pass

    def ask_torch(self, x):
        return torch.from_numpy(x).exp().numpy()

    def warn(self, x):
        return np.log(x)

    def draw(self):
        return np.random.random()


def run(write, seconds=10.0):
    experiment = Experiment(seed=1)
    thing = experiment.call("Thing")
    refs = write(experiment, thing)
    outcomes = LocalRunner({"Thing": Thing}, {}, seconds=seconds, guard=tensors.guard).run(
        experiment
    )
    assert len(outcomes) == len(experiment.steps)
    return [outcomes[ref.index] for ref in refs]


def test_a_value_comes_back_as_data():
    [outcome] = run(lambda ex, thing: [ex.method(thing, "double", np.arange(3.0))])
    assert outcome.failure is None
    np.testing.assert_array_equal(outcome.value, [0, 2, 4])


def test_an_object_stays_on_the_students_side():
    experiment = Experiment()
    experiment.call("Thing")
    [outcome] = LocalRunner({"Thing": Thing}, {}, guard=tensors.guard).run(experiment)
    assert isinstance(outcome.value, Opaque)
    assert outcome.value.type.endswith("Thing")


def test_an_exception_names_type_message_and_line():
    [outcome] = run(lambda ex, thing: [ex.method(thing, "fail")])
    assert outcome.failure.type == "KeyError"
    assert "no such key" in str(outcome.failure)
    assert 'raise KeyError("no such key")' in str(outcome.failure)


class NoSuchKey(KeyError):
    pass


class Masked(Exception):
    pass


Masked.__name__ = "KeyError"


def test_an_exception_names_the_built_in_ones_that_it_is():
    def raised(error):
        def fail():
            raise error

        experiment = Experiment()
        experiment.call("fail")
        [outcome] = LocalRunner({"fail": fail}, {}).run(experiment)
        return outcome.failure

    failure = raised(NoSuchKey())
    assert failure.type == "NoSuchKey"
    assert failure.caught_by.split()[:2] == ["KeyError", "LookupError"]
    assert "KeyError" not in raised(Masked()).caught_by.split()


def test_what_is_not_written_yet_is_said_plainly():
    [outcome] = run(lambda ex, thing: [ex.method(thing, "later")])
    assert str(outcome.failure) == "later is not implemented yet"


def test_steps_after_a_failure_are_skipped_only_if_they_need_it():
    def write(ex, thing):
        failed = ex.method(thing, "fail")
        return [ex.read(failed), ex.method(thing, "double", 4)]

    needing, other = run(write)
    assert needing.failure.kind == "skipped"
    assert other.value == 8


def test_a_changed_argument_is_reported_and_restored():
    def write(ex, thing):
        x = ex.put(np.zeros(3))
        return [x, ex.method(thing, "spoil", x), ex.method(thing, "double", x)]

    x, spoiled, doubled = run(write)
    assert x.changed == ()
    assert spoiled.changed == (1,)
    np.testing.assert_array_equal(doubled.value, np.zeros(3))


@pytest.mark.parametrize("method", ["sleep", "spin"])
def test_an_endless_step_ends_at_the_time_limit(method):
    begin = time.monotonic()
    endless, after = run(
        lambda ex, thing: [ex.method(thing, method), ex.method(thing, "double", 1)], seconds=0.3
    )
    assert time.monotonic() - begin < 5
    assert endless.failure.kind == "time"
    assert "0.3 s, the time limit" in str(endless.failure)
    assert after.failure.kind == "skipped"


def test_pytorch_is_reported():
    [outcome] = run(lambda ex, thing: [ex.method(thing, "ask_torch", np.ones(2))])
    assert outcome.failure.kind == "torch"
    assert "PyTorch" in str(outcome.failure)


def test_pytorch_works_again_after_an_experiment():
    run(lambda ex, thing: [ex.method(thing, "ask_torch", np.ones(2))])
    assert torch.ones(2).sum().item() == 2


def test_warnings_are_kept():
    [outcome] = run(lambda ex, thing: [ex.method(thing, "warn", np.zeros(2))])
    assert outcome.warnings == ("divide by zero encountered in log",)


def test_a_seed_repeats_the_students_draws_and_leaves_the_generator_alone():
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    first = run(lambda ex, thing: [ex.method(thing, "draw")])[0].value
    second = run(lambda ex, thing: [ex.method(thing, "draw")])[0].value
    assert first == second
    assert np.random.random() == expected


def test_a_name_that_is_missing_is_said():
    experiment = Experiment()
    experiment.call("Linear")
    [outcome] = LocalRunner({}, {}).run(experiment)
    assert str(outcome.failure) == "Linear is not defined: its cell was not run, or it failed"


def test_a_read_shows_the_present_value():
    def write(ex, thing):
        held = ex.put(np.zeros(2))
        ex.method(thing, "double", held)
        ex.set(thing, "size", 7)
        return [ex.get(thing, "size")]

    assert run(write)[0].value == 7


def test_collecting_stops_at_the_most():
    experiment = Experiment()
    endless = experiment.call("endless")
    items = experiment.collect(endless, 4)

    def endless():
        while True:
            yield 1

    outcomes = LocalRunner({"endless": endless}, {}).run(experiment)
    assert outcomes[items.index].value == [1, 1, 1, 1]


class Loud(np.ndarray):
    """A subclass that could claim anything."""


@pytest.mark.parametrize(
    ("value", "is_data"),
    [
        (1.5, True),
        (np.float32(2), True),
        ([1, "a", None], True),
        ({"a": np.ones(2)}, True),
        (np.array([object()]), False),
        (np.ones(2).view(Loud), False),
        (torch.ones(2), False),
        (print, False),
    ],
)
def test_only_data_is_plain(value, is_data):
    assert isinstance(plain(value), Opaque) is not is_data


def test_plain_arrays_are_copies():
    array = np.zeros(3)
    copy = plain([array])[0]
    array += 1
    assert not copy.any()


@pytest.mark.parametrize("subject", [None, 3, "Linear", Thing()])
def test_a_check_of_something_that_is_no_class_says_so_in_one_line(subject):
    with pytest.raises(TypeError, match="run the cell that defines it") as caught:
        reach(subject)
    assert "\n" not in str(caught.value)


def test_failures_read_as_sentences():
    assert str(Failure("raised", "ValueError", "bad")) == "raised ValueError: bad"
    assert str(Failure("raised", "StopIteration")) == "raised StopIteration"


def test_refs_are_plain_numbers():
    experiment = Experiment()
    assert [experiment.put(1), experiment.put(2)] == [Ref(0), Ref(1)]
