"""What is read from the cards of a graded notebook."""

import json
from pathlib import Path

import nbformat
import numpy as np
import pytest

from byhand import check
from byhand.check.report import Line, Report
from byhand.grading.course.notebooks import grade_id, is_test, read
from byhand.grading.desk import cards
from byhand.grading.submission.reading import UnreadableError

from ..tiny import COURSE, cell

HIDDEN = "### BEGIN HIDDEN TESTS\ncheck.layer(A, x=(9, 9))\n### END HIDDEN TESTS"
PASSED = Report("A() on x", "check.layer(..., seed=1)", [Line("output", True)])
FAILED = Report(
    "A() on x",
    "check.layer(..., seed=7)",
    [Line("rules", None, "a note"), Line("output", False, "yours 1", hint="It is twice as much.")],
)


def notebook(path: Path, source: str, *shown: Report) -> Path:
    """A notebook with one test cell, graded."""
    test = cell(source, "test_a", grade=True, locked=True, points=1.0)
    for one in shown:
        data = {"text/plain": repr(one)}
        test.outputs.append(nbformat.v4.new_output("display_data", data))
    if failed := [str(one) for one in shown if not one.passed]:
        error = dict(ename="CheckFailed", evalue="\n\n".join(failed), traceback=[])
        test.outputs.append(nbformat.v4.new_output("error", **error))
    nbformat.write(nbformat.v4.new_notebook(cells=[cell("", "a", solution=True), test]), path)
    return path


def test_a_card_names_its_mistake_and_its_line(tmp_path):
    path = notebook(tmp_path / "a.ipynb", f"check.layer(A)\n{HIDDEN}", FAILED)
    [found] = cards.failed_cells(path)
    [card] = found.cards
    assert (found.name, card.tried) == ("test_a", "A() on x")
    assert (card.says, card.line) == ("It is twice as much.", "output: yours 1")
    assert not card.unwritten


@pytest.mark.parametrize(
    ("shown", "hidden"),
    [
        ([FAILED], False),
        ([PASSED, FAILED], True),
        ([FAILED, FAILED], False),
    ],
)
def test_only_hidden_cases_failed_if_all_visible_cards_passed(tmp_path, shown, hidden):
    path = notebook(tmp_path / "a.ipynb", f"check.layer(A)\n{HIDDEN}", *shown)
    assert [one.hidden for one in cards.failed_cells(path)] == [hidden]


def test_what_passed_is_not_among_what_failed(tmp_path):
    path = notebook(tmp_path / "a.ipynb", f"check.layer(A)\n{HIDDEN}", PASSED, PASSED)
    assert cards.failed_cells(path) == []


def test_a_failed_assertion_tells_nothing_of_hidden_cases(tmp_path):
    path = notebook(tmp_path / "a.ipynb", f"assert a(1)\n{HIDDEN}")
    nb = json.loads(path.read_text())
    nb["cells"][1]["outputs"] = [{"output_type": "error", "evalue": "AssertionError: a"}]
    path.write_text(json.dumps(nb))
    assert cards.failed_cells(path) == [cards.FailedCell("test_a", (), None)]
    assert cards.cards_of(path) == {"test_a": [("AssertionError: a", "")]}


TEXTS = ["", "{", "[]", "{}", '{"cells": 3}', "\ud83d", "[" * 10**6]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:9] or "empty")
def test_what_is_no_notebook_is_an_error_with_its_name(tmp_path, text):
    path = tmp_path / "a.ipynb"
    path.write_text(text, errors="surrogatepass")
    with pytest.raises(UnreadableError, match=r"a\.ipynb"):
        cards.failed_cells(path)


def test_checks_in_a_loop_count_each_time_with_its_values():
    source = "for n, x in [(1, (2, 3)), (4, x)]:\n    check.layer(A, make=dict(n=n), x=x)"
    first = "check.layer(A, make=dict(n=1), x=(2, 3))"
    assert cards.calls(source) == [first, "check.layer(A, make=dict(n=4), x=x)"]
    assert cards.visible_checks(f"{source}\ncheck.b(A)\n{HIDDEN}") == 3
    assert cards.calls("for x in some():\n    check.layer(A, x=x)") is None


def test_every_test_cell_of_the_course_can_be_counted():
    for path in sorted((COURSE / "source").glob("*/*.ipynb")):
        tests = [one for one in read(path).cells if is_test(one)]
        assert tests
        for one in tests:
            assert cards.visible_checks(one.source), grade_id(one)


def test_the_call_of_a_card_makes_the_same_card_again(tmp_path):
    source = "for n in [3, 4]:\n    check.layer(Wrong, like=torch.nn.ReLU, x=(2, n))"
    nb = dict(check=check, np=np)
    exec("import torch\nfrom byhand.nn import Module", nb)
    exec("class Wrong(Module):\n    def compute_output(self, x):\n        return x", nb)
    with pytest.raises(check.CheckFailed) as caught:
        exec(source, nb)
    shown = str(caught.value)
    call = cards.repeating(shown, cards.calls(source)[0])
    with pytest.raises(check.CheckFailed) as again:
        exec(call, nb)
    assert str(again.value) == shown
