"""The report: plain text, one line, an HTML card, an exception."""

import numpy as np
import pytest

from byhand.check.report import CheckFailed, Line, Report, conclude


def failing():
    lines = [
        Line("output", True, "largest error 2e-16", 2e-16),
        Line(
            "gradient for bias",
            False,
            "yours [1 2], PyTorch [5 10]",
            8.0,
            "Yours is PyTorch's divided by 5, the batch size.",
            np.array([1.0, 2.0]),
            np.array([5.0, 10.0]),
        ),
        Line("warning", None, "overflow <in> exp"),
    ]
    return Report("Linear(in_features=4)", "random seed 7: check.layer(..., seed=7)", lines)


def test_the_text_of_a_failure_says_what_was_tried_and_how_to_repeat_it():
    assert str(failing()).splitlines() == [
        "Linear(in_features=4)",
        "  ok    output                    largest error 2e-16",
        "  FAIL  gradient for bias         yours [1 2], PyTorch [5 10]",
        "        Yours is PyTorch's divided by 5, the batch size.",
        "  note  warning                   overflow <in> exp",
        "(random seed 7: check.layer(..., seed=7) repeats this draw)",
    ]


def test_a_pass_is_one_line():
    report = Report("Linear()", "...", failing().lines[:1])
    assert repr(report) == "Linear(): 1 check passed, largest error 2e-16"


def test_the_card_shows_the_same_and_escapes_what_a_student_wrote():
    card = failing()._repr_html_()
    for text in ("Linear(in_features=4)", "gradient for bias", "divided by 5", "seed=7"):
        assert text in card
    assert "overflow &lt;in&gt; exp" in card
    assert card.count("<rect") == 2


def test_a_failure_raises_an_assertion_error_with_the_text():
    with pytest.raises(AssertionError) as caught:
        conclude(failing())
    assert isinstance(caught.value, CheckFailed)
    assert str(caught.value) == str(failing())


def test_a_note_fails_nothing():
    report = Report("x", "...", [Line("warning", None, "overflow")])
    assert report.passed
    assert conclude(report) is report


def test_the_traceback_is_whole_under_nbgrader_and_short_beside_the_card(monkeypatch):
    error = CheckFailed(failing())
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    assert len(error._render_traceback_()) == 1
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert error._render_traceback_() == str(failing()).splitlines()
