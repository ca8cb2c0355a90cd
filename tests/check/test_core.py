"""The core of the checks: a script beside the student, beside an oracle and beside mutants."""

from types import FunctionType

import numpy as np
import pytest
import torch

from byhand import check
from byhand.check import core
from byhand.check.core import Check, Hint, UsageError
from byhand.check.random_inputs import Draw, Memory
from byhand.nn import Criterion, Module, Optimizer

FIRST, SECOND = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 7.0])


def right(x):
    return 2 * x


def one_more(x):
    return 2 * x + 1


def compared(subject, oracle=right, hints=(), also=None):
    """The report on two calls of a function, each of them a look with a line of its own."""

    def write(script, dtype):
        for label, x in (("first", FIRST), ("second", SECOND)):
            script.look(label, script.call(started.name, script.argument("x", x.astype(dtype))))

    started = Check("function", subject, seed=0)
    started.report.title = "f(x)"
    return started.differential(oracle, write, hints, [np.float64], also=also)


def failure(call, *args, **kwargs):
    with pytest.raises(check.CheckFailed) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def test_what_the_oracle_gives_passes():
    report = compared(right)
    assert [line.name for line in report.lines] == ["first", "second"]
    assert report.passed


def test_a_mutant_that_gives_the_students_numbers_names_the_mistake():
    hints = [Hint("It is squared.", lambda x: x**2), Hint("It is one too many.", one_more)]
    text = failure(compared, one_more, hints=hints)
    assert "It is one too many." in text
    assert "It is squared." not in text


def test_a_mutant_that_agrees_everywhere_comes_before_one_that_agrees_at_first():
    hints = [Hint("Here only.", lambda x: x + 1 + (x[0] != 1)), Hint("There too.", lambda x: x + 1)]
    text = failure(compared, lambda x: x + 1, hints=hints)
    assert "There too." in text
    assert "Here only." not in text


def test_a_hint_explains_only_the_looks_that_it_is_for():
    def wrong(x):
        return right(x) + (x[0] != 1)

    assert "One more." not in failure(compared, wrong, hints=[Hint("One more.", wrong, "first")])
    assert "One more." in failure(compared, wrong, hints=[Hint("One more.", wrong, "second")])


def test_a_hint_is_printed_once_a_card():
    text = failure(compared, one_more, hints=[Hint("It is one too many.", one_more)])
    assert text.count("FAIL") == 2
    assert text.count("It is one too many.") == 1


def test_a_hint_that_would_fit_the_right_answer_too_says_nothing():
    def nearly(x):
        return 2 * x * (1 + 3e-9)

    text = failure(compared, nearly, hints=[Hint("It is doubled.", right)])
    assert "FAIL  first" in text
    assert "It is doubled." not in text


def test_a_mutant_that_breaks_where_the_student_does_not_is_not_taken():
    def late(x):
        return right(x) + (x[0] != 1)

    def broken(x):
        return 1 / 0 if x[0] == 1 else late(x)

    assert "Late." in failure(compared, late, hints=[Hint("Late.", late, "second")])
    assert "Late." not in failure(compared, late, hints=[Hint("Late.", broken, "second")])


def test_mutants_are_not_run_for_a_right_answer():
    def never(x):
        raise AssertionError

    assert compared(right, hints=[Hint("Never.", never)]).passed


def test_a_second_oracle_counts_as_right_as_well():
    for answer in (right, one_more):
        assert compared(answer, also=one_more).passed
        assert "FAIL  first" in failure(compared, lambda x: x + 9, also=one_more)
    assert "FAIL  first" in failure(compared, one_more)


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        (lambda y: y, "yours [2. 4. 6.], PyTorch [2. 4. 6.] (they differ by 1.0e-07)"),
        (lambda y: np.arange(7) + y[0], "largest at [0]: yours 2, PyTorch 2 (they differ by 1.0e"),
        (lambda y: y.sum(), "yours 12, PyTorch 12 (they differ by 1.0e-07)"),
    ],
    ids=["few numbers", "many numbers", "one number"],
)
def test_numbers_that_print_alike_show_their_difference(shape, says):
    def exact(x):
        return np.array(shape(right(x)))

    def nearly(x):
        y = exact(x)
        y.flat[0] += 1e-7
        return y

    assert says in failure(compared, nearly, exact)


def test_an_earlier_output_that_is_written_over_is_caught():
    kept = {}

    class Buffered(Module):
        def compute_output(self, x):
            buffer = kept.setdefault((x.shape, x.dtype), np.empty_like(x))
            np.multiply(2, x, out=buffer)
            return buffer

        def compute_grad_input(self, x, grad_output):
            return 2 * grad_output

    text = failure(check.layer, Buffered, like=Doubled)
    [failed] = [line for line in text.splitlines() if "FAIL" in line]
    assert "output, later" in failed
    assert "this one was written over" in text


class Doubled(torch.nn.Module):
    """y = 2x."""

    def forward(self, x):
        return 2 * x


class Double(Module):
    """The student's side of Doubled."""

    def compute_output(self, x):
        return 2 * x

    def compute_grad_input(self, x, grad_output):
        return 2 * grad_output


class Rounded(Double):
    """As right as is asked for, in steps that are too coarse for a slope."""

    def compute_output(self, x):
        return (np.round(2 * x / 1.7e-9) * 1.7e-9).astype(x.dtype)


class Tripled(Double):
    """A wrong gradient."""

    def compute_grad_input(self, x, grad_output):
        return 3 * grad_output


def test_central_differences_are_a_note_where_output_and_gradient_agree_with_pytorch():
    report = check.layer(Rounded, like=Doubled, seed=0)
    [line] = [line for line in report.lines if line.name == "central differences"]
    assert line.ok is None
    assert "not the slope of your own forward pass" in line.text


def test_central_differences_fail_where_the_gradient_does():
    text = failure(check.layer, Tripled, like=Doubled)
    assert "FAIL  gradient for x" in text
    assert "FAIL  central differences" in text


class Refusing:
    """An oracle that raises ValueError in forward."""

    def __init__(self, p):
        pass

    def forward(self, x):
        raise ValueError("no")


def refuses(subject):
    """The report on a class whose forward has to raise ValueError."""

    def write(script, dtype):
        made = script.build(started.name, p=2)
        script.look("output", script.method(made, "forward", FIRST))

    started = Check("raises", subject, seed=0)
    return started.differential(Refusing, write, dtypes=[np.float64])


def student(forward, constructor=lambda self, p: None):
    return type("Student", (), {"__init__": constructor, "forward": forward})


def raising(error):
    def method(self, *_, **__):
        raise error("too much")

    return method


def test_where_the_oracle_raises_the_same_error_passes():
    report = refuses(student(raising(ValueError)))
    assert [line.name for line in report.lines] == ["raises ValueError"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (student(lambda self, x: x), "raises ValueError         nothing was raised, expected"),
        (student(raising(TypeError)), "raises ValueError         raised TypeError: too much"),
        (student(raising(NotImplementedError)), "is not implemented yet"),
        (student(None, raising(ValueError)), "constructor               raised ValueError: too"),
    ],
    ids=["nothing", "another error", "not written", "too early"],
)
def test_where_the_oracle_raises_all_else_fails(wrong, says):
    text = failure(refuses, wrong)
    assert says in text
    assert text.count("FAIL") == 1


def linear(x, W):
    return x @ W.T


LAYER, LOSS, OPTIMIZER = (type("Empty", (kind,), {}) for kind in (Module, Criterion, Optimizer))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: check.layer(Double, Doubled, look="x"), "look is one of 'all'"),
        (lambda: check.layer(Double, Doubled, mode="test"), "mode is one of 'train', 'eval'"),
        (lambda: check.criterion(LOSS, torch.nn.MSELoss, look="x"), "look is one of 'all'"),
        (lambda: check.criterion(LOSS, torch.nn.MSELoss, target="x"), "target is one of 'real'"),
        (lambda: check.sequential(LAYER, look="x"), "look is one of 'all'"),
        (lambda: check.dropout(LAYER, look="x"), "look is one of 'all'"),
        (lambda: check.data_loader(LAYER, targets="x"), "targets is one of 'column'"),
        (lambda: check.numerical_gradient(linear, look="x"), "look is one of 'gradient'"),
        (lambda: check.descent(linear, by="luck"), "by is one of 'hand'"),
        (lambda: check.layer(None, Doubled), "run the cell that defines it"),
        (lambda: check.dropout(Double()), "run the cell that defines it"),
        (lambda: check.criterion("MSELoss", torch.nn.MSELoss), "run the cell that defines it"),
        (lambda: check.layer(LAYER, torch.nn.Linear, dict(in_features=4, out_features=3), (5, 7)),
         "PyTorch's layer does not take x of shape (5, 7)"),
        (lambda: check.function(linear, torch.nn.functional.linear, dict(x=(5, 4), W=(3, 6))),
         "PyTorch cannot do linear(x of shape (5, 4), W of shape (3, 6))"),
        (lambda: check.optimizer(OPTIMIZER, torch.optim.SGD, dict(rate=1)), "'rate'"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_one_clear_line(call, says):
    with pytest.raises((UsageError, TypeError)) as caught:
        call()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_notebook_shows_the_one_line_of_a_wrong_call():
    with pytest.raises(UsageError) as caught:
        check.layer(Double, Doubled, look="everything")
    assert caught.value._render_traceback_() == [str(caught.value)]


def test_in_a_class_the_same_is_drawn_for_all_and_answered_once():
    """Right and wrong submissions in any order, two checks in a cell, hints asked or not."""
    called = []

    def write(script, dtype):
        script.look("output", script.call("answer", seeds[-1]))

    def one(subject, oracle):
        def answer(x):
            called.append(oracle)
            return oracle(x)

        started = Check("function", subject)
        seeds.append(np.float64(started.draw.seed))
        hints = [Hint("It is one too many.", one_more)]
        report = started.differential(answer, write, hints, [np.float64])
        return report

    def cell(answer, then):
        with memory.of("a cell"):
            told = []
            for subject, oracle in ((answer, right), (then, lambda x: -x)):
                try:
                    told.append(one(subject, oracle) is not None)
                except check.CheckFailed as error:
                    told.append("It is one too many." in str(error))
            return told

    memory, seeds = Memory(1), []
    named = [None] * 4
    for i, answer in enumerate((one_more, right, one_more, right)):
        answer = FunctionType(answer.__code__, {}, "answer")
        named[i] = cell(answer, FunctionType((lambda x: -x).__code__, {}, "answer"))
    assert named == [[True, True]] * 4
    assert len(called) == 2
    assert seeds[:2] == seeds[2:4] == seeds[4:6]
    assert seeds[0] != seeds[1]
    with Memory(2).of("a cell"):
        assert Draw().seed != seeds[0]


def test_the_rules_are_read_off_a_solution_once_for_all_checks_of_it():
    for _ in range(3):
        Check("function", right).rules()
    before = core._broken_rules.cache_info().misses
    Check("function", right).rules()
    assert core._broken_rules.cache_info().misses == before
