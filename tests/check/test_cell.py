"""A cell with several checks, in a notebook and in the judge: all run, then the cell fails."""

import json

import pytest
from IPython.core.interactiveshell import InteractiveShell

from byhand.check import progress, report
from byhand.grading.submission.test_cells import GradedCells
from byhand.protocol.runner import LocalRunner

from .runners import local

SETUP = """
import torch
from byhand import check
from byhand.nn import Module
class Twin(torch.nn.Module):
    def forward(self, x):
        return 2 * x
"""
LAYERS = """
class Right(Module):
    def compute_output(self, x):
        return 2 * x

class Wrong(Module):
    def compute_output(self, x):
        return x

class Unwritten(Module):
    def compute_output(self, x):
        raise NotImplementedError

class Endless(Module):
    def compute_output(self, x):
        while True:
            pass
"""
SOON = (*LocalRunner.__init__.__defaults__[:2], 0.2, *LocalRunner.__init__.__defaults__[3:])
NAME = "# test_twice: 1 point\n"


def of(layer: str, rows: int, more: str = "") -> str:
    return f'check.layer({layer}, like=Twin, x=({rows}, 3), look="output"{more})\n'


def titles(shown: list[str]) -> list[str]:
    """The cards as "Right 2": the layer and the number of rows."""
    heads = [text.split("(", 1)[0] for text in shown]
    rows = [text.split("shape (", 1)[1].split(",")[0] for text in shown]
    return [f"{head} {row}" for head, row in zip(heads, rows, strict=True)]


@pytest.fixture
def notebook(monkeypatch):
    """Runs a cell in a notebook: the result, and the cards that were shown."""
    shell, cards = InteractiveShell(), []
    monkeypatch.setattr(progress, "get_ipython", lambda: shell)
    monkeypatch.setattr(progress, "_LATEST", {})
    progress.watch()
    shell.run_cell(SETUP + LAYERS)

    def run(source: str) -> tuple:
        cards.clear()
        with report.showing(lambda one: cards.append(str(one))):
            return shell.run_cell(source), list(cards)

    return run


@pytest.fixture
def judge():
    """Runs a test cell in the judge: its outputs."""
    student: dict = {}
    exec(SETUP + LAYERS, student)
    made = {name: student[name] for name in ("Right", "Wrong", "Unwritten", "Endless")}
    return GradedCells(SETUP, local(made)).run


def test_all_checks_of_a_cell_run_also_in_a_loop_and_then_it_fails(notebook):
    cell = of("Wrong", 1) + of("Right", 2) + "for n in (3, 4):\n    " + of("Wrong", "n")
    result, cards = notebook(NAME + cell + "ran = True")
    assert titles(cards) == ["Wrong 1", "Right 2", "Wrong 3", "Wrong 4"]
    error = result.error_in_exec
    assert isinstance(error, AssertionError)
    assert titles([one.title for one in error.reports]) == ["Wrong 1", "Wrong 3", "Wrong 4"]
    assert str(error) == "\n\n".join([cards[0], *cards[2:]])
    assert len(error._render_traceback_()) == 3
    assert notebook("ran")[0].result is True


def test_a_cell_in_which_all_pass_passes_and_what_failed_before_is_forgotten(notebook):
    assert not notebook(NAME + of("Wrong", 1))[0].success
    assert notebook(NAME + of("Right", 1) + of("Right", 2))[0].success
    assert progress._LATEST["test_twice"] == ("✓", "")


def test_the_call_on_a_card_is_that_of_its_line(notebook):
    _, cards = notebook("if True:\n    " + of("Wrong", 1) + of("Wrong", 2))
    assert [f"x=({n}, 3)" in card.splitlines()[-1] for n, card in zip((1, 2), cards, strict=True)]


@pytest.mark.parametrize(
    "ends", ["assert 1 == 2", "1 / 0", "raise NotImplementedError", "undefined"]
)
def test_any_other_exception_ends_the_cell_and_hides_no_failed_check(notebook, ends):
    result, cards = notebook(NAME + of("Wrong", 1) + ends + "\n" + of("Wrong", 2))
    assert titles(cards) == ["Wrong 1"]
    assert not isinstance(result.error_in_exec, report.CheckFailed)
    state, why = progress._LATEST["test_twice"]
    assert state == "✗"
    assert "times 0.5" in why


def test_what_is_not_written_is_said_once_and_is_not_begun(notebook):
    result, cards = notebook(NAME + "for n in (1, 2, 3):\n    " + of("Unwritten", "n"))
    assert titles(cards) == ["Unwritten 1"]
    assert len(result.error_in_exec.reports) == 1
    assert progress._LATEST["test_twice"][0] == "○"
    _, cards = notebook(NAME + of("Unwritten", 1) + of("Wrong", 2) + of("Unwritten", 3))
    assert titles(cards) == ["Unwritten 1", "Wrong 2"]
    assert progress._LATEST["test_twice"][0] == "✗"


def test_a_named_mistake_is_named_once():
    kept = report.Failures()
    for number in (1, 2):
        line = report.Line("output", False, f"is {number}, expected 4", hint="It is not doubled.")
        with kept:
            report.conclude(report.Report("twice()", "again()", [line]))
    with pytest.raises(report.CheckFailed) as caught:
        kept.settle()
    assert str(caught.value).count("It is not doubled.") == 1
    assert str(caught.value).count("expected 4") == 2


def test_a_cell_ends_at_a_check_that_runs_out_of_time(notebook, monkeypatch):
    monkeypatch.setattr(LocalRunner.__init__, "__defaults__", SOON)
    result, cards = notebook(NAME + of("Wrong", 1) + of("Endless", 2) + of("Right", 3))
    assert titles(cards) == ["Wrong 1", "Endless 2"]
    assert len(result.error_in_exec.reports) == 2


def test_what_a_function_or_a_try_does_with_a_check_is_its_own_business(notebook):
    source = "def look():\n    " + of("Wrong", 1) + "    return 1\n"
    source += "try:\n    look()\nexcept check.CheckFailed as error:\n    found = str(error)\n"
    source += "try:\n    " + of("Wrong", 2) + "except AssertionError:\n    found += '!'\nfound"
    result, cards = notebook(source)
    assert result.result == cards[0] + "!"


def test_the_scoreboard_and_other_last_expressions_are_shown(notebook):
    assert notebook("check.scoreboard('a #a #a A\\n    test_a 1')")[0].result.summary()
    assert (
        notebook("class Other:\n    def f(self):\n        return 3\ncheck = Other()\ncheck.f()")[
            0
        ].result
        == 3
    )


HIDDEN = "### BEGIN HIDDEN TESTS\n{}### END HIDDEN TESTS\n"


def test_the_judge_runs_all_visible_checks_and_hidden_ones_until_one_fails(judge):
    visible = NAME + of("Right", 1) + of("Right", 2)
    hidden = HIDDEN.format(of("Right", 3) + of("Wrong", 4) + of("Wrong", 5))
    *cards, error = judge(visible + hidden)
    assert titles([card.data["text/plain"] for card in cards]) == [
        *("Right 1", "Right 2", "Right 3", "Wrong 4")
    ]
    assert error.evalue == cards[-1].data["text/plain"]
    visible = NAME + of("Wrong", 1) + "for n in (2, 6):\n    " + of("Wrong", "n")
    *cards, error = judge(visible + hidden)
    texts = [card.data["text/plain"] for card in cards]
    assert titles(texts) == ["Wrong 1", "Wrong 2", "Wrong 6"]
    assert error.evalue == "\n\n".join(texts)


def test_the_judge_gives_the_cell_no_points_when_an_assertion_fails_after_a_check(judge):
    *cards, error = judge(NAME + of("Wrong", 1) + "assert 1 == 2, 'no'\n")
    assert titles([card.data["text/plain"] for card in cards]) == ["Wrong 1"]
    assert (error.output_type, error.evalue) == ("error", "no")


def test_in_the_judge_one_cell_leaves_nothing_to_the_next(judge):
    assert judge(NAME + of("Wrong", 1))[-1].output_type == "error"
    assert [one.output_type for one in judge(NAME + of("Right", 1))] == ["display_data"]


@pytest.mark.parametrize(
    ("ids", "link"),
    [
        (["twice-text", "twice-hints", "twice-more-hints"], "twice-hints"),
        (["twice-more-hints", "on-hints"], ""),
    ],
)
def test_a_named_mistake_links_to_the_hints_of_its_task(ids, link, tmp_path, monkeypatch):
    path = tmp_path / "own.ipynb"
    path.write_text(json.dumps({"cells": [{"id": each} for each in ids]}, indent=1))
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    assert progress._hints("test_twice_backward") == link
    cell = report.Failures(lambda: link)
    line = report.Line("output", False, "is 1", hint="Not doubled.")
    with cell:
        report.conclude(report.Report("twice()", "again()", [line]))
    assert ("#cell-id=twice-hints" in cell.reports[0]._repr_html_()) == bool(link)


def test_without_a_notebook_there_is_no_link(tmp_path, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert progress._hints("test_twice") == ""
    for path in (tmp_path, tmp_path / "missing.ipynb"):
        monkeypatch.setenv("JPY_SESSION_NAME", str(path))
        assert progress._hints("test_twice") == ""
