"""check.speed: a slow layer is told how slow, a wrong one has none, an endless one is stopped."""

import time

import numpy as np
import pytest
import torch

from byhand import check
from byhand.check.properties import speed
from byhand.check.subject import Elsewhere
from byhand.nn import Module
from byhand.protocol.experiment import Experiment
from byhand.protocol.runner import LocalRunner

from .runners import local

SHAPE = (64, 200)


class Scale(Module):
    """y = weight · x, right and fast."""

    def __init__(self):
        super().__init__()
        self.weight, self.grad_weight = np.ones(SHAPE[1]), np.zeros(SHAPE[1])

    def compute_output(self, x):
        return self.weight * x

    def compute_grad_input(self, x, grad_output):
        return self.weight * grad_output

    def update_grad_parameters(self, x, grad_output):
        self.grad_weight += (grad_output * x).sum(axis=0)


class Twin(torch.nn.Module):
    """PyTorch's side of Scale."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(SHAPE[1]))

    def forward(self, x):
        return self.weight * x


def scale_with(**methods):
    return type("Scale", (Scale,), {"__module__": __name__, **methods})


def failure(cls, most=40):
    with pytest.raises(check.CheckFailed) as caught:
        check.speed(cls, like=Twin, make={}, x=SHAPE, most=most)
    return str(caught.value)


def late(self, x):
    time.sleep(0.1)
    return self.weight * x


def endless(self, x):
    while True:
        pass


def test_a_fast_layer_passes_and_is_told_its_speed():
    report = check.speed(Scale, like=Twin, make={}, x=SHAPE)
    assert report.passed
    assert "times PyTorch's time; up to 40 are allowed" in report.lines[0].text


def test_a_slow_layer_is_told_how_many_times_pytorch_it_took():
    text = failure(scale_with(compute_output=late))
    times = int(text.split("FAIL  speed")[1].split("times PyTorch's time")[0].replace(",", ""))
    assert times > 100
    assert "or more" not in text


def test_how_much_slower_is_allowed_is_told_by_the_test_cell():
    assert check.speed(scale_with(compute_output=late), Twin, {}, SHAPE, most=1e6).passed
    assert "up to 1e-06 are allowed" in failure(Scale, most=1e-6)


def test_what_was_remembered_is_not_fast():
    known = {}

    def remember(self, x):
        if x.tobytes() not in known:
            time.sleep(0.1)
            known[x.tobytes()] = self.weight * x
        return known[x.tobytes()]

    assert "times PyTorch's time" in failure(scale_with(compute_output=remember))


def test_an_endless_layer_is_cut_off(monkeypatch):
    monkeypatch.setattr(speed, "CUT_OFF", 0.3)
    began = time.monotonic()
    text = failure(scale_with(compute_output=endless))
    assert time.monotonic() - began < 3
    assert "times PyTorch's time or more: it was stopped after 0 s" in text


@pytest.mark.parametrize(
    ("methods", "what"),
    [
        ({"compute_output": lambda self, x: x}, "output"),
        ({"compute_grad_input": lambda self, x, g: np.zeros_like(x)}, "gradient for x"),
        ({"compute_grad_input": lambda self, x, g: None}, "gradient for x"),
        ({"compute_grad_input": lambda self, x, g: g * np.nan}, "gradient for x"),
        ({"update_grad_parameters": lambda self, x, g: None}, "gradient for weight"),
    ],
)
def test_what_is_fast_and_wrong_has_no_speed(methods, what):
    text = failure(scale_with(**methods))
    assert f"the {what} is wrong: only a right answer has a speed" in text


def test_what_is_not_written_is_said_in_one_line():
    text = failure(scale_with(compute_output=Module.compute_output))
    failed = [line for line in text.splitlines() if "FAIL" in line]
    assert len(failed) == 1
    assert failed[0].endswith("compute_output is not implemented yet")


class Slow(LocalRunner):
    """A runner that answers late, whatever the student's own clock says."""

    def run(self, experiment):
        outcomes = super().run(experiment)
        if len(experiment.steps) > 2:  # not where the arrays are only brought there and back
            time.sleep(0.1)
        return outcomes


def test_the_clock_is_the_checks_own():
    assert "times PyTorch's time" in failure(Elsewhere("Scale", local({"Scale": Scale}, Slow)))


def test_the_way_there_and_back_does_not_count():
    class Distant(LocalRunner):
        def run(self, experiment):
            time.sleep(0.02)
            return super().run(experiment)

    assert check.speed(Elsewhere("Scale", local({"Scale": Scale}, Distant)), Twin, {}, SHAPE).passed


def test_an_experiment_may_have_less_time_than_its_runner():
    experiment = Experiment(seconds=0.2)
    experiment.call("endless", None, None)
    [outcome] = local({"endless": endless}, seconds=5).run(experiment)
    assert outcome.failure.message == "stopped after 0.2 s, the time limit"
