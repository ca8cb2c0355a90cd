"""The call on a card: pasted into a notebook, it makes the same check of the same numbers."""

import linecache
from pathlib import Path

import pytest

from byhand import check
from byhand.grading.course import notebooks
from byhand.grading.submission.test_cells import GradedCells

from .runners import local

COURSE = Path(__file__).parents[2]
SETUP = "import numpy as np\nimport torch\nfrom byhand import check\nfrom byhand.nn import Module"
TRIPLED = """
class Tripled(Module):
    def compute_output(self, x):
        return 2 * x

    def compute_grad_input(self, x, grad_output):
        return 3 * grad_output
"""
TWIN = """
class Twin(torch.nn.Module):
    def forward(self, x):
        return 2 * x
"""


def run(source: str, namespace: dict, name: str = "<test cell>") -> check.CheckFailed | None:
    """The failure that a cell ends in, its text known as IPython makes it known."""
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    try:
        exec(compile(source, name, "exec"), namespace)
    except check.CheckFailed as error:
        return error
    finally:
        del linecache.cache[name]
    return None


@pytest.fixture
def namespace() -> dict:
    made = {"__name__": "notebook"}
    run(SETUP + TRIPLED + TWIN, made)
    return made


@pytest.mark.parametrize(
    ("cell", "call"),
    [
        ("check.layer(Tripled, like=Twin)", "check.layer(Tripled, like=Twin, seed={})"),
        (
            "é = 1; check.layer(\n    Tripled,\n    like=Twin,  # as ever\n    x=(2, 3), seed=5\n)",
            "check.layer(Tripled, like=Twin, x=(2, 3), seed=5)",
        ),
        (
            "for mode, x in [('train', (2, 2)), ('eval', (9, 9))]:\n"
            "    check.layer(Tripled, like=Twin, mode=mode, x=x)",
            "check.layer(Tripled, like=Twin, mode='train', x=(2, 2), seed={})",
        ),
        (
            "x = np.array([[0.1, 1 / 3]])\ncheck.layer(Tripled, lambda: Twin(), None, x)",
            "check.layer(Tripled, lambda: Twin(), None, "
            "np.array([[0.1, 0.3333333333333333]]), seed={})",
        ),
        (
            "from byhand.check import layer\nlayer(Tripled, Twin)",
            "layer(Tripled, Twin, seed={})",
        ),
        (
            "make = dict(a=[2, None], b='b')\n"
            "check.layer(Tripled, like=lambda **make: Twin(), make=make)",
            "check.layer(Tripled, like=lambda **make: Twin(), "
            "make={{'a': [2, None], 'b': 'b'}}, seed={})",
        ),
    ],
)
def test_the_call_makes_the_same_card_again(namespace: dict, cell: str, call: str):
    first = run(cell, namespace)
    repeat = first.reports[0].repeat
    assert repeat == call.format(repeat.rpartition("seed=")[2].rstrip(")"))
    namespace |= dict(x=None, mode=None, make=None)  # as a later cell may have it
    again, other = run(repeat, namespace), run(cell, namespace)
    assert str(again) == str(first)
    if "seed=5" not in cell:
        assert str(other) != str(first)
    assert str(first).endswith(f"({repeat} repeats this draw)")


def test_where_the_text_is_not_known_the_call_is_short(namespace: dict):
    with pytest.raises(check.CheckFailed) as caught:
        exec("check.layer(Tripled, like=Twin, seed=7)", namespace)
    assert caught.value.reports[0].repeat == "check.layer(..., seed=7)"


def test_the_judge_shows_nothing_of_a_hidden_call(namespace: dict):
    cells = GradedCells(SETUP + TWIN, local({"Tripled": namespace["Tripled"]}))
    outputs = cells.run("check.layer(Tripled, like=Twin, seed=7)")
    assert "(check.layer(..., seed=7) repeats this draw)" in outputs[-1].evalue


RELEASED = sorted((COURSE / "release").glob("*/*.ipynb"))


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_every_visible_check_can_be_pasted(path: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    monkeypatch.delenv("BYHAND_DATA", raising=False)
    namespace, tried = {"__name__": "notebook"}, 0
    with notebooks.given_beside(path):
        for cell in notebooks.read(path).cells:
            kinds = [notebooks.grade_id(cell, kind) for kind in ("locked", "solution")]
            if cell.cell_type != "code" or not any(kinds):
                continue
            failed = run(cell.source, namespace)
            assert (failed is not None) == notebooks.is_test(cell)
            if failed is not None:
                assert "..." not in failed.reports[0].repeat
                assert str(run(failed.reports[0].repeat, namespace)) == str(failed)
                tried += 1
    assert tried > 10
