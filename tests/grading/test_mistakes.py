"""Reading mistakes/: wrong solutions are the reference with one thing changed."""

from pathlib import Path

import pytest

from byhand.grading.course.mistakes import mistakes, variants
from byhand.grading.course.notebooks import CourseError, grade

from .tiny import ASSIGNMENT

NEGATIVE = """\
[[double]]
name = "wrong for negative numbers"
instead_of = "2 * x"
write = "abs(2 * x)"
says = "a negative number"
costs = ["test_double"]
"""


@pytest.fixture
def folder(source: Path) -> Path:
    path = source.parents[2] / "mistakes" / ASSIGNMENT
    (path / "correct").mkdir(parents=True)
    (path / "mistakes.toml").write_text(NEGATIVE)
    return path


def test_a_mistake_is_the_reference_with_a_replacement(source: Path, folder: Path):
    [mistake] = mistakes(folder)
    assert mistake.task == "double"
    assert mistake.source == 'def double(x):\n    """2 x"""\n    return abs(2 * x)\n'
    result = grade(source, {mistake.task: mistake.source})[mistake.costs[0]]
    assert result.points == 0
    assert mistake.says in result.message


def test_write_may_be_empty_and_says_may_be_missing(folder: Path):
    text = NEGATIVE.replace('"abs(2 * x)"', '""').replace('says = "a negative number"\n', "")
    (folder / "mistakes.toml").write_text(text)
    [mistake] = mistakes(folder)
    assert mistake.source.endswith("return \n")
    assert mistake.says == ""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2 * x", "3 * x", "instead_of stands 0 times"),
        ('"2 * x"', '"x"', "instead_of stands 3 times"),
        ("[[double]]", "[[treble]]", "no solution cell treble"),
        ("says", "said", "the keys are costs, instead_of, name, said, write"),
        ("[[double]]", "[[double]", r"mistakes\.toml: "),
    ],
)
def test_a_mistake_in_the_mistakes_is_named(folder: Path, old: str, new: str, message: str):
    (folder / "mistakes.toml").write_text(NEGATIVE.replace(old, new, 1))
    with pytest.raises(CourseError, match=message):
        mistakes(folder)


def test_correct_variants_are_whole_cells(source: Path, folder: Path):
    (folder / "correct" / "double-sum.py").write_text("def double(x):\n    return x + x\n")
    [variant] = variants(folder)
    assert (variant.task, variant.name) == ("double", "sum")
    assert grade(source, {variant.task: variant.source})["test_double"].points == 5


@pytest.mark.parametrize("name", ["treble-sum.py", "double.py"])
def test_a_variant_without_task_or_style_is_named(folder: Path, name: str):
    (folder / "correct" / name).write_text("")
    with pytest.raises(CourseError, match=name):
        variants(folder)
