"""The report: its numbers are those of the gradebook, and it says honestly what is missing."""

import csv
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup
from typer.testing import CliRunner

from byhand.__main__ import app
from byhand.grading.course.commands import nbgrader
from byhand.grading.course.notebooks import CourseError, read, source_notebook
from byhand.grading.desk.report import write_report
from byhand.grading.desk.summary import FEWEST, discrimination, distribution
from byhand.grading.plugins.class_grades import opened
from byhand.grading.plugins.grades import Score, bonus_tests

from ..synthetic import make_class, set_up

STUDENTS = [f"student-{number:02}" for number in range(1, 41)]
ASSIGNMENTS = ["3-layers", "5-convnet"]
ANGRY = "=1+<b onload=x>\x1b[2J"  # the name of a student: a formula, HTML, a control character


@dataclass
class Class:
    course: Path
    page: BeautifulSoup
    html: str
    told: dict[str, dict]
    rows: list[dict[str, str]]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    course = tmp_path_factory.mktemp("course")
    set_up(course, ASSIGNMENTS)
    for assignment in ASSIGNMENTS:
        make_class(course, assignment, [*STUDENTS, ANGRY.replace("\x1b", "")], ["absent"])
    folder = course / "autograded"
    (folder / "student-01" / "5-convnet" / "mnist_convnet.npz").write_bytes(b"PK no archive")
    (folder / "student-02" / "5-convnet" / "mnist_convnet.npz").unlink()
    (folder / "student-03" / "3-layers" / "layers.ipynb").write_text("{")
    (folder / "student-04" / "3-layers" / "layers.ipynb").unlink()
    outcome = {"status": "failed", "causes": [{"cause": ANGRY, "cells": ["linear"]}]}
    (folder / "student-05" / "3-layers" / "outcome.json").write_text(json.dumps(outcome))
    return course


@pytest.fixture(scope="module")
def report(course: Path) -> Class:
    paths = write_report(course, "", course / "report")
    html, table, told = (path.read_text(encoding="utf-8") for path in paths)
    return Class(
        course,
        BeautifulSoup(html, "html.parser"),
        html,
        {one["assignment"]: one for one in json.loads(told)},
        list(csv.DictReader(table.splitlines())),
    )


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_scores_agree_with_the_export_to_the_cent(report: Class, assignment: str):
    nbgrader(report.course, "export", "--to=grades.csv", f'--assignment=["{assignment}"]')
    with (report.course / "grades.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["timestamp"]]
    exported = {row["student_id"].lstrip("'"): row for row in rows}
    scores = report.told[assignment]["scores"]
    assert exported.keys() == scores.keys()
    late = [row for row in rows if float(row["late_submission_penalty"]) > 0]
    assert len(late) > 5
    for name, row in exported.items():
        for ours, theirs in (("score", "score"), ("raw", "raw_score"), ("bonus", "bonus")):
            assert f"{scores[name][ours]:.2f}" == f"{float(row[theirs]):.2f}", name
    numbers = [float(row["score"]) for row in rows]
    assert report.told[assignment]["mean"] == pytest.approx(np.mean(numbers))
    assert report.told[assignment]["median"] == pytest.approx(np.median(numbers))
    assert sum(count for _, count in report.told[assignment]["distribution"]) == len(rows)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_scores_agree_with_what_nbgraders_own_objects_add_up_to(report: Class, assignment: str):
    bonus = bonus_tests(read(source_notebook(report.course, assignment)))
    with opened(report.course) as (gradebook, late, _):
        for student in STUDENTS[:12]:
            score = Score.of(gradebook.find_submission(assignment, student), bonus, late)
            told = report.told[assignment]["scores"][student]
            for name in ("raw", "score", "most", "raw_bonus", "bonus"):
                assert told[name] == round(getattr(score, name), 2), (student, name)


def test_means_of_the_tasks_add_up_to_the_mean_before_lateness(report: Class):
    for told in report.told.values():
        means = [task["mean"] for task in told["tasks"] if not task["bonus"]]
        raw = [one["raw"] for one in told["scores"].values()]
        assert sum(means) == pytest.approx(np.mean(raw))
        assert sum(t["most"] for t in told["tasks"] if not t["bonus"]) == pytest.approx(10)


def test_the_commonest_mistake_comes_first_with_its_number_and_a_line(report: Class):
    told = report.told["3-layers"]["mistakes"]
    numbers = [len(one["students"]) for one in told]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] > 3
    for one in told:  # somebody who makes it in several cells is counted once
        assert set(one["students"]) <= report.told["3-layers"]["scores"].keys()
        assert len(set(one["students"])) == len(one["students"])
    section = report.page.find(id="3-layers").parent
    first = section.select_one("ol.mistakes li").get_text(" ", strip=True)
    assert f"{numbers[0]} of 41, in {told[0]['task']}" in first
    assert "divided by" in first
    assert "gradient: yours 1, PyTorch 5" in " ".join(first.split())


def test_hidden_cases_cost_who_passed_the_visible_ones(report: Class):
    # in a synthetic class only every second student fails in hidden cases alone
    seconds = {*STUDENTS[1::2]}
    found = {name for one in report.told["3-layers"]["hidden"] for name in one["students"]}
    assert found
    assert found <= seconds
    for one in report.told["5-convnet"]["hidden"]:
        assert one["points"] > 0


def test_outcomes_times_and_who_waits(report: Class):
    told = report.told["3-layers"]
    assert told["time"] == {
        **{"on time": 30 - 1, "late": 8, "after the hard deadline": 4},
        "not handed in": 1,
    }
    assert told["failed"]["student-02"] == "time limit in linear"
    assert told["waiting"] == {}
    waiting = report.told["5-convnet"]["waiting"]
    assert len(waiting) > 10
    assert set(map(tuple, waiting.values())) == {("compare_optimizers",)}


def test_training_runs_are_drawn_and_broken_ones_named(report: Class):
    told = report.told["5-convnet"]
    assert len(told["training"]) == 39
    text = report.page.find(id="5-convnet").parent.get_text()
    assert re.search(r"student-01: mnist_convnet\.npz: is damaged", text)
    assert re.search(r"student-02: mnist_convnet\.npz: is missing", text)
    panels = report.page.select(".panels figure")
    assert len(panels) == 24
    assert all(re.match(r"Accuracy of .* epochs$", one.img["alt"]) for one in panels)


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(report: Class):
    text = " ".join(report.told["3-layers"]["broken"])
    assert "student-03: layers.ipynb cannot be read" in text
    assert "student-04: there is no graded notebook" in text


def test_the_page_is_one_file_and_what_students_wrote_is_text(report: Class):
    assert not report.page.find_all(
        ["script", "link", "iframe", "object", "b", "form"], onload=True
    )
    assert "<b onload" not in report.html
    assert "\x1b" not in report.html
    assert "\\x1b[2J" in report.page.get_text()
    sources = [image["src"].split(",")[0] for image in report.page.find_all("img")]
    assert sources
    assert set(sources) <= {"data:image/svg+xml;base64", "data:image/png;base64"}
    assert all(image["alt"] for image in report.page.find_all("img"))


def test_no_cell_of_the_table_is_a_formula(report: Class):
    values = [value for row in report.rows for value in row.values()]
    assert not [value for value in values if re.match(r"[=+@]|-\D", value)]
    assert any(value.startswith("'=1+") for value in values)
    mean = [
        row for row in report.rows if (row["assignment"], row["measure"]) == ("3-layers", "mean")
    ]
    assert float(mean[0]["value"]) == pytest.approx(report.told["3-layers"]["mean"])


def test_an_unknown_assignment_is_answered_with_the_nearest(course: Path):
    with pytest.raises(CourseError, match=r"no assignment 3-layer: did you mean 3-layers\?"):
        write_report(course, "3-layer", course / "report")


def test_without_a_gradebook_a_line_says_what_to_do(tmp_path, monkeypatch):
    set_up(tmp_path, ASSIGNMENTS)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["report"])
    assert result.exit_code != 0
    assert re.match(r"byhand: there is no gradebook .* yet: `nbgrader", str(result.exception))
    assert not (tmp_path / "gradebook.db").exists()


def test_a_class_that_has_handed_in_nothing_gets_an_honest_page(tmp_path):
    set_up(tmp_path, ASSIGNMENTS)
    make_class(tmp_path, "3-layers", [], ["student-01", "student-02"])
    page, table, told = write_report(tmp_path, "3-layers", tmp_path)
    assert "Nobody has handed anything in yet; 2 students in the gradebook." in page.read_text()
    assert "<img" not in page.read_text()
    assert json.loads(told.read_text())[0]["mean"] is None
    assert "not handed in,students,2" in table.read_text()


def test_a_thousand_students_take_seconds_and_little_room(tmp_path):
    set_up(tmp_path, ["5-convnet"])
    make_class(tmp_path, "5-convnet", [f"student-{number:04}" for number in range(1000)])
    began = time.process_time()
    page, _, told = write_report(tmp_path, "5-convnet", tmp_path)
    assert time.process_time() - began < 20
    assert page.stat().st_size < 5 * 2**20
    assert len(json.loads(told.read_text())[0]["training"]) == 1000


def test_a_task_that_the_strong_solve_discriminates():
    rest = np.arange(20.0)
    assert discrimination((rest > 9).astype(float), rest) > 0.8
    assert discrimination((rest < 10).astype(float), rest) < -0.8
    assert discrimination(np.ones(20), rest) is None
    assert discrimination(rest[: FEWEST - 1], rest[: FEWEST - 1]) is None


def test_a_full_score_is_in_the_last_tenth():
    counts = distribution(np.array([0.0, 9.99, 10.0, 10.0000001, 5.0]), 10.0)
    assert [count for _, count in counts] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 3]
