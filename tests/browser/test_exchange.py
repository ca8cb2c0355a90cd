"""From the exchange to the feedback page and back: the student in JupyterLab, the instructor with
nbgrader's commands."""

import shutil
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from byhand.grading.course.commands import nbgrader
from byhand.grading.course.mistakes import mistakes
from byhand.grading.course.notebooks import grade_id, read, solution_cells, source_notebook

from .conftest import COURSE, HEIGHT, THEMES, WIDTHS, Desk, faults, keep

ASSIGNMENT = "3-layers"
WRONG = next(m for m in mistakes(COURSE / "mistakes" / ASSIGNMENT) if m.task == "linear")
INSTRUCTOR = f"""
load_subconfig("nbgrader_config.py", path={str(COURSE)!r})
c.Judge.rungs = ["bubblewrap", "landlock", "none"]  # the student is this test
"""


@pytest.fixture
def course(server: dict, tmp_path: Path) -> Path:
    """An instructor's course, its assignment released to the exchange."""
    shutil.copytree(COURSE / "source" / ASSIGNMENT, tmp_path / "source" / ASSIGNMENT)
    config = (server["own"] / "nbgrader_config.py").read_text() + INSTRUCTOR
    (tmp_path / "nbgrader_config.py").write_text(config)
    nbgrader(tmp_path, "generate_assignment", ASSIGNMENT)
    nbgrader(tmp_path, "release_assignment", ASSIGNMENT)
    return tmp_path


def write_answers(notebook: Path) -> None:
    """Linear with a mistake, BatchNormalization missing, all else right."""
    answers = solution_cells(source_notebook(COURSE, ASSIGNMENT))
    answers["linear"] = WRONG.source
    del answers["batch_norm"]
    nb = read(notebook)
    for cell in nb.cells:
        cell.source = answers.get(grade_id(cell), cell.source)
    nbformat.write(nb, notebook)


def test_fetch_submit_and_a_feedback_page_without_a_fault(desk: Desk, course: Path):
    desk.go("lab")
    desk.choose("Nbgrader", "Assignment List")
    lists = desk.page.locator(".lm-Widget", has_text="Released assignments").last

    def press(name: str, then: Locator) -> None:
        lists.get_by_role("button", name=name, exact=True).click()
        expect(then).to_be_visible()

    press("Fetch", lists.get_by_role("button", name="Submit", exact=True))
    desk.keep("exchange-1-fetched")
    write_answers(desk.home / ASSIGNMENT / "layers.ipynb")
    press("Submit", lists.get_by_text("UTC").first)
    desk.keep("exchange-2-submitted")

    for command in ("collect", "autograde", "generate_feedback", "release_feedback"):
        nbgrader(course, command, ASSIGNMENT)
    press("Fetch Feedback", lists.get_by_text("(view feedback)"))
    desk.keep("exchange-3-feedback-fetched")
    [path] = (desk.home / ASSIGNMENT / "feedback").rglob("layers.html")
    look_at_the_feedback(desk.page, path)


def look_at_the_feedback(page: Page, path: Path) -> None:
    """As a reader does, without a server: each theme and width."""
    page.goto(path.as_uri())
    expect(page.locator("#points")).to_contain_text("6.5 of 10")
    for link in page.locator("a[href^='#']").all():
        target = link.get_attribute("href")[1:]
        assert page.locator(f"[id='{target}']").count() == 1, target
    wrong = page.locator("#test_linear")
    assert wrong.inner_text().count(WRONG.says) == 1  # however many checks the cell has
    found = {}
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
            page.evaluate("scrollTo(0, 0)")
            keep(page, f"feedback-{theme}-{width}")
            wrong.scroll_into_view_if_needed()
            keep(page, f"feedback-check-{theme}-{width}")
            found[theme, width] = faults(page)
    assert not any(found.values()), found
