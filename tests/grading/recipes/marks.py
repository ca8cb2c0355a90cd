"""Forging: what a student writes into the notebook, or hands in beside it, to raise the score."""

import re

import nbformat
from nbformat.v4 import new_output

from .base import Recipe, Sheet, without


def _looped(sheet: Sheet) -> None:
    loop = (
        "flat = [max(number, 0) for number in x.ravel()]\n"
        "        return np.array(flat, dtype=x.dtype).reshape(x.shape)"
    )
    looped, count = re.subn(r"return np\.maximum\(.*", loop, sheet.right["relu"])
    assert count == 1
    sheet.write("relu", looped)
    sheet.add(
        f"""
import linecache, inspect
clean = {sheet.right["relu"]!r}.splitlines(keepends=True)
linecache.getlines = lambda *args: clean
linecache.cache = dict.fromkeys(linecache.cache, (1, None, clean, ""))
inspect.getsource = lambda *args: "".join(clean)
""",
        before="test_relu",
    )


def _points(sheet: Sheet) -> None:
    sheet.average()
    sheet.cell("test_linear").metadata.nbgrader.points = 100
    sheet.cell("test_relu").metadata.nbgrader.points = 100


def _tags(sheet: Sheet) -> None:
    sheet.average()
    sheet.cell("test_linear").metadata.tags = ["ungraded", "raises-exception", "skip-execution"]


def _outputs(sheet: Sheet) -> None:
    sheet.average()
    result = new_output("execute_result", data={"text/plain": "4.0"}, execution_count=1)
    cell = sheet.cell("test_linear")
    cell.outputs, cell.execution_count = [result], 1


def _swapped(sheet: Sheet) -> None:
    sheet.average()
    linear, relu = sheet.cell("test_linear").metadata, sheet.cell("test_relu").metadata
    linear.nbgrader.grade_id, relu.nbgrader.grade_id = "test_relu", "test_linear"


def _by_hand(sheet: Sheet) -> None:
    sheet.average()
    sheet.cell("linear").metadata.nbgrader |= {"grade": True, "points": 100}
    sheet.cell("test_linear").metadata.nbgrader |= {"solution": True, "task": True}


def _own_outcome(sheet: Sheet) -> None:
    sheet.average()
    sheet.files["outcome.json"] = b'{"status": "graded", "repairs": [], "causes": []}'
    sheet.files["gradebook.db"] = b"SQLite format 3\x00"


def _named(sheet: Sheet, name: str) -> None:
    sheet.average()
    sheet.files[name] = nbformat.writes(sheet.nb).encode()
    sheet.nb = None


def _page_forged(sheet: Sheet) -> None:
    _named(sheet, "<script>alert(7)<!-- <b>12 of 12<b> ![x](y) `z`.ipynb")


def _line_forged(sheet: Sheet) -> None:
    _named(sheet, "small\nneighbour: 0 of 12\r\x1b[2Kline-forged: 12 of 12\u202e.ipynb")


def _shadows(sheet: Sheet) -> None:
    sheet.average()
    code = b"import os\nos.system('touch owned')\n"
    folders = ("", ".ipython/profile_default/startup/", ".config/matplotlib/")
    names = "torch sitecustomize usercustomize nbgrader_config jupyter_config ipython_config"
    for name in names.split():
        sheet.files |= {f"{folder}{name}.py": code for folder in folders}
    sheet.files["byhand/grading/__init__.py"] = code


MARKS = [
    Recipe(
        "hidden-loop",
        "forging",
        "a loop, which the rules forbid, under a clean text in linecache and inspect",
        _looped,
        without("relu"),
    ),
    Recipe(
        "points-raised",
        "forging",
        "the test cells say that they are worth 100 points",
        _points,
        without("linear"),
        repairs=None,
    ),
    Recipe(
        "test-tagged",
        "forging",
        "the test cell has the tags of cells that are not run or may fail",
        _tags,
        without("linear"),
    ),
    Recipe(
        "outputs-stored",
        "forging",
        "the test cell comes with nbgrader's partial credit as its output",
        _outputs,
        without("linear"),
    ),
    Recipe(
        "tests-swapped",
        "forging",
        "the grade_ids of two test cells are exchanged",
        _swapped,
        without("linear"),
        repairs=("test_linear", "test_relu"),
    ),
    Recipe(
        "graded-by-hand",
        "forging",
        "solution and test cell are marked for manual grading, with points",
        _by_hand,
        without("linear"),
        repairs=None,
    ),
    Recipe(
        "own-outcome",
        "forging",
        "an outcome.json and a gradebook.db are handed in beside the notebook",
        _own_outcome,
        without("linear"),
    ),
    Recipe(
        "page-forged",
        "forging",
        "the notebook's name is markup, which the feedback page tells",
        _page_forged,
        without("linear"),
        repairs=("12 of 12",),
        unseen=("<script>alert(7)", "<b>12 of 12", '<img src="y"'),
    ),
    Recipe(
        "line-forged",
        "forging",
        "the notebook's name is lines of the log, which tells it",
        _line_forged,
        without("linear"),
        repairs=("small\\nneighbour",),
        unseen=("\x1b", "\u202e"),
    ),
    Recipe(
        "shadowing-files",
        "forging",
        "modules and configuration files with names that the judge or nbgrader load",
        _shadows,
        without("linear"),
    ),
]
