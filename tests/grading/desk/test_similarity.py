"""Copies are found however they are disguised; independent right solutions are not."""

from itertools import combinations
from pathlib import Path

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup

from bench.similarity import disguise
from byhand.checkpoints import History, save_checkpoint
from byhand.grading.course.mistakes import variants
from byhand.grading.course.notebooks import (
    CourseError,
    assignments,
    grade_id,
    read,
    solution_cells,
    source_notebook,
)
from byhand.grading.desk.similarity import (
    ALIKE,
    COMMON,
    MANY,
    SHORTEST,
    alike,
    fingerprints,
    handed_out,
    same_weights,
    write_similarity,
)

from ..synthetic import make_class, set_up
from ..tiny import COURSE

ASSIGNMENT = "3-layers"
REFERENCE = solution_cells(source_notebook(COURSE, ASSIGNMENT))
OTHERS = {one.task: one.source for one in variants(COURSE / "mistakes" / ASSIGNMENT)}
ANGRY = '<script>alert("x")</script>\x1b[2J'


@pytest.mark.parametrize("assignment", assignments(COURSE))
def test_no_two_right_solutions_in_other_styles_are_alike(assignment: str):
    given = handed_out(COURSE, assignment)
    styles = {"reference": solution_cells(source_notebook(COURSE, assignment))}
    for one in variants(COURSE / "mistakes" / assignment):
        styles[f"{one.task}-{one.name}"] = {one.task: one.source}
    compared = 0
    for first, second in combinations(styles, 2):
        for task in styles[first].keys() & styles[second].keys():
            compared += 1
            both = {name: {task: styles[name][task]} for name in (first, second)}
            assert alike(fingerprints(both, {task: given[task]})) == [], (first, second)
    assert compared >= 5


def test_more_than_thirty_styles_are_compared():
    assert sum(len(variants(COURSE / "mistakes" / name)) for name in assignments(COURSE)) > 30


@pytest.mark.parametrize("assignment", assignments(COURSE))
def test_a_disguised_copy_of_everything_is_found(assignment: str):
    given = handed_out(COURSE, assignment)
    right = solution_cells(source_notebook(COURSE, assignment))
    copied = {task: disguise(source) for task, source in right.items()}
    assert copied != right
    [pair] = alike(fingerprints({"one": right, "other": copied}, given))
    assert (pair.first, pair.second) == ("one", "other")


def test_renamed_variables_hide_nothing():
    text = OTHERS["batch_norm"]
    renamed = text.replace("mean", "mu").replace("grad_output", "g")
    given = handed_out(COURSE, ASSIGNMENT)
    both = {"one": {"batch_norm": text}, "other": {"batch_norm": f"# mine\n{renamed}"}}
    [pair] = alike(fingerprints(both, given))
    assert pair.alike["batch_norm"] == pytest.approx(1)


def test_one_copied_task_among_others_of_ones_own_is_named():
    given = handed_out(COURSE, ASSIGNMENT)
    both = {"one": REFERENCE, "other": OTHERS | {"adam": disguise(REFERENCE["adam"])}}
    [pair] = alike(fingerprints(both, given))
    assert list(pair.alike) == ["adam"]
    assert pair.whole < ALIKE


def test_what_was_handed_out_is_subtracted():
    given = handed_out(COURSE, "4-optimizers")
    same = {task: source for task, source in given.items()}
    assert alike(fingerprints({"one": same, "other": same}, given)) == []


def of_their_own(number: int) -> str:
    """Some lines that nobody else has."""
    rng = np.random.default_rng(number)
    signs = [rng.choice("+ - * / // % ** @ & | ^".split(), 3) for _ in range(12)]
    return "".join(f"a = b {one} c {two} d {three} e\n" for one, two, three in signs)


def test_what_many_have_written_is_nobodys():
    given = handed_out(COURSE, ASSIGNMENT)
    crowd = {
        f"student-{number}": {"batch_norm": f"{OTHERS['batch_norm']}\n{of_their_own(number)}"}
        for number in range(MANY + 2)
    }
    assert alike(fingerprints(crowd, given)) == []
    few = dict(list(crowd.items())[:3])
    assert len(alike(fingerprints(few, given))) == 3
    assert 0 < COMMON < 1
    assert SHORTEST > 0


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, BeautifulSoup]:
    """Of a class in which two have copied, and two hand in one network."""
    course = tmp_path_factory.mktemp("course")
    set_up(course, ["5-convnet"])
    students = ["student-01", "student-02", "student-03", "<b>x</b>"]
    make_class(course, "5-convnet", students)
    other = {one.task: one.source for one in variants(COURSE / "mistakes" / "5-convnet")}
    for student in students:
        path = course / "autograded" / student / "5-convnet" / "convnet.ipynb"
        nb = read(path)
        for cell in nb.cells:
            if (task := grade_id(cell, "solution")) and student != "student-01":
                cell.source = other.get(task, "") if student == "student-03" else cell.source
                if student == "<b>x</b>":
                    cell.source = f"# {ANGRY}\n{cell.source}"
        if student == "student-02":
            nb.cells.clear()
        nbformat.write(nb, path)
    source = course / "autograded" / "student-01" / "5-convnet" / "mnist_convnet.npz"
    copy = course / "autograded" / "student-03" / "5-convnet" / "mnist_convnet.npz"
    copy.write_bytes(source.read_bytes())
    path, pairs = write_similarity(course, "5-convnet", course)
    assert [(pair.first, pair.second) for pair in pairs] == [("<b>x</b>", "student-01")]
    html = path.read_text(encoding="utf-8")
    return html, BeautifulSoup(html, "html.parser")


def test_passages_stand_side_by_side_and_what_is_shared_is_marked(page):
    sides = page[1].select_one(".sides").find_all("pre")
    marked = [" ".join(mark.get_text() for mark in side.find_all("mark")) for side in sides]
    assert len(sides) == 2
    assert all("as_strided" in text or "windows" in text or "self." in text for text in marked)
    assert ANGRY.split("\x1b")[0] in sides[0].get_text()


def test_what_students_wrote_is_text(page):
    html, soup = page
    assert not soup.find_all("script")
    assert "<b>x</b>" not in html
    assert "\x1b" not in html


def test_who_handed_in_one_network_is_named(page):
    found = page[1].find("h2", string="Trained networks").find_next("li").get_text()
    assert found == (
        "student-01, student-03: the same training run, even its seconds in mnist_convnet.npz"
    )


def test_equal_weights_of_two_runs_are_no_one_file(tmp_path: Path):
    for student, seconds in (("a", 1.0), ("b", 2.0), ("c", 3.0)):
        (tmp_path / student).mkdir()
        weights = [np.ones(3) * (student == "c")]
        history = History(seconds=[seconds], loss=[1.0, seconds])
        save_checkpoint(tmp_path / student / "mnist_convnet.npz", weights, history, "MNIST")
    [same] = same_weights("5-convnet", ["a", "b", "c", "absent"], lambda name: tmp_path / name)
    assert (same.students, same.run) == (["a", "b"], False)


def test_without_a_release_nothing_can_be_subtracted(tmp_path: Path):
    with pytest.raises(CourseError, match="release/3-layers holds no notebook"):
        handed_out(tmp_path, "3-layers")


def test_copies_of_one_solution_are_not_what_many_have_written():
    given = handed_out(COURSE, ASSIGNMENT)
    crowd = [f"student-{number:02}" for number in range(MANY + 2)]
    renamed = {task: text.replace("x", "data") for task, text in REFERENCE.items()}
    written = {who: renamed if who == crowd[0] else REFERENCE for who in crowd}
    found = alike(fingerprints(written, given))
    assert {(pair.first, pair.second) for pair in found} == set(combinations(crowd, 2))
