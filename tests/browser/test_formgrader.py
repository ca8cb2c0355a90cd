"""Formgrader as it is: a class is graded by button and by hand, and the totals agree."""

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from byhand.grading.plugins.class_grades import class_grades, opened

from ..grading.tiny import ASSIGNMENT, cell, generate, hand_in, tiny_notebook, write_course
from .conftest import Desk

SOLVED = {"double": "def double(x):\n    return 2 * x", "essay": "what I saw"}
ON_TIME, DAY_LATE = "2026-03-02 17:00:00 UTC", "2026-03-03 18:00:00 UTC"


@pytest.fixture(scope="module")
def furnish() -> Callable[[Path], None]:
    """The tiny course with an essay, two students who have solved half of it, one a day late."""

    def write(home: Path) -> None:
        source = write_course(home)
        nb = tiny_notebook()
        essay = nbformat.v4.new_markdown_cell("", id="essay")
        essay.metadata.nbgrader = cell("", "essay", grade=True, solution=True).metadata.nbgrader
        essay.metadata.nbgrader.points = 1.0
        nb.cells.append(essay)
        nbformat.write(nb, source)
        released = generate(home)
        for student, time in (("student-01", ON_TIME), ("student-02", DAY_LATE)):
            filled = nbformat.reads(released, as_version=4)
            for one in filled.cells:
                one.source = SOLVED.get(one.get("id"), one.source)
            hand_in(home, student, nbformat.writes(filled), time)

    return write


def test_a_class_is_graded_in_formgrader(desk: Desk):
    page = desk.page
    desk.go("formgrader/manage_assignments")
    row = page.locator("tr", has_text=ASSIGNMENT)
    expect(row.locator(".num-submissions")).to_have_text("2")
    desk.keep("formgrader-assignments")

    desk.go(f"formgrader/manage_submissions/{ASSIGNMENT}")
    for student in ("student-01", "student-02"):
        page.locator("tr", has_text=student).locator(".autograde a").click()
        expect(page.locator(".modal-body")).to_contain_text("Successfully autograded")
        page.locator(".modal-footer").get_by_text("OK").click()
        row = page.locator("tr", has_text=student)
        expect(row.locator(".status")).to_have_text("needs manual grading")
        expect(row.locator(".score")).to_have_text("5 / 11")
        expect(page.locator(".modal")).to_have_count(0)
    desk.keep("formgrader-submissions")

    with opened(desk.home) as (gradebook, _, _):
        late = gradebook.find_submission(ASSIGNMENT, "student-02").notebooks[0].id
    desk.go(f"formgrader/submissions/{late}/")
    # the page has its numbers when it marks what waits
    page.locator("#essay.score.needs_manual_grade").fill("1")
    with page.expect_response(lambda answer: answer.request.method == "PUT") as saved:
        page.locator("#essay.score").press("Tab")
    assert saved.value.ok
    desk.keep("formgrader-essay")

    desk.go("formgrader/manage_assignments")
    page.locator("tr", has_text=ASSIGNMENT).locator(".generate-feedback a").click()
    expect(page.locator(".modal-body")).to_contain_text("Successfully generated feedback")
    told = desk.home / "feedback" / "student-02" / ASSIGNMENT / "tiny.html"
    assert "a person gave 1 of 1" in told.read_text(encoding="utf-8")

    # The list adds up the points as they are; what lateness leaves stands where it is looked for.
    desk.go("formgrader/manage_students")
    expect(page.get_by_role("note")).to_contain_text("leave out lateness")
    expect(page.locator("tr", has_text="student-02").locator(".score")).to_have_text("6 / 11")
    with opened(desk.home) as (gradebook, late_policy, _):
        grades = class_grades(gradebook, desk.home, ASSIGNMENT, late_policy)
    assert {name: str(one.score) for name, one in grades.submissions.items()} == {
        "student-01": "5 of 11",
        "student-02": "5.1 of 11",
    }
    assert grades.submissions["student-01"].waits == ["essay"]
    assert "<b>5.1 of 11</b>" in told.read_text(encoding="utf-8")
