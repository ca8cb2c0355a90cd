"""check.engine: right engines pass, wrong ones are told where, random programs tell them apart."""

from pathlib import Path

import pytest

from byhand import check
from byhand.check.comparisons import engine
from byhand.check.comparisons.engine import FORMS, LEAVES, _random, _telling
from byhand.check.random_inputs import Draw
from byhand.grading.course.notebooks import reference, source_notebook

COURSE = Path(__file__).parents[2]
Value = reference(source_notebook(COURSE, "1-autograd")).Value


class Overwriting(Value):
    """Of two uses of a node in one product the last one counts."""

    def __mul__(self, other):
        slopes = {self: other.data, other: self.data}
        return Overwriting(self.data * other.data, list(slopes.items()))


def every_path(self):
    """A backward() without an order: right numbers, a step for every path."""
    paths = [(self, 1.0)]
    while paths:
        node, g = paths.pop()
        node.grad += g
        paths += [(one, slope * g) for one, slope in node.inputs]


def failure(*args, **kwargs):
    with pytest.raises(check.CheckFailed) as caught:
        check.engine(*args, **kwargs)
    return str(caught.value)


def test_a_right_engine_passes():
    assert check.engine(Value, "y = a * b + a", a=2.0, b=-3).passed
    assert check.engine(Value, "z = a * b\nz.backward()\ny = a * b + a", a=2.0, b=-3).passed


@pytest.mark.parametrize("seed", range(20))
def test_a_right_engine_passes_on_random_programs(seed):
    assert check.engine(Value, seed=seed).passed


def test_values_and_gradients_are_pytorchs():
    report = check.engine(Value, "y = a ** 2 * b", a=3.0, b=2.0)
    assert [line.name for line in report.lines] == [
        "value of y",
        "gradient for a",
        "gradient for b",
    ]


def test_a_wrong_engine_is_told_where_and_the_hint():
    text = failure(Overwriting, "y = a * a", "twice", a=3.0)
    assert "gradient for a            yours 3, PyTorch 6" in text
    assert "ok    value of y" in text


def test_a_hint_is_given_for_what_no_factor_explains():
    assert "twice" in failure(Overwriting, "y = a * a + a", "a is used twice", a=3.0)


def test_an_engine_that_follows_every_path_is_stopped(monkeypatch):
    monkeypatch.setattr(engine, "SECONDS", 0.3)
    monkeypatch.setattr(Value, "backward", every_path)
    assert check.engine(Value, "y = a * a + a", a=1.0).passed
    text = failure(Value, "y = a\nfor _ in range(60): y = y + y", a=1.0)
    assert "stopped after 0.3 s" in text


def test_a_random_program_is_smooth_where_it_is_tried():
    draw = Draw(0)
    for _ in range(20):
        program, leaves = draw.until(lambda: _random(draw), _telling)
        assert list(leaves) == list(LEAVES)
        assert program.splitlines()[-1].startswith("y = a + b + c + n0 + ")
    assert not _telling(("n0 = a - b\ny = n0 + c", dict(a=1.0, b=1.0, c=1.0)))
    assert not _telling(("n0 = a - b\nn1 = n0.relu()\ny = n1 + a + c", dict(a=1.0, b=1.0, c=1.0)))


def test_random_programs_use_every_operation():
    draw = Draw(0)
    text = "\n".join(_random(draw)[0] for _ in range(60))
    for operation in ("** 3", "** 0.5", "** -1", ".relu()", ".exp()", ".log()", " / ", " - ", "-a"):
        assert operation in text
    assert len(set(FORMS)) == len(FORMS)
