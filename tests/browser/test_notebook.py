"""A student at a released notebook in JupyterLab: Run All, answers, cards, Validate."""

import shutil
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, expect

from byhand.grading.course.mistakes import mistakes
from byhand.grading.course.normal_form import SCOREBOARD
from byhand.grading.course.notebooks import grade_id, read, solution_cells, source_notebook

from .conftest import COURSE, HEIGHT, THEMES, WIDTHS, Desk, faults

ASSIGNMENT = "3-layers"
RELEASED = COURSE / "release" / ASSIGNMENT / "layers.ipynb"
RIGHT = solution_cells(source_notebook(COURSE, ASSIGNMENT))
WRONG = next(m for m in mistakes(COURSE / "mistakes" / ASSIGNMENT) if m.task == "linear" and m.says)
CARD = ".jp-OutputArea-output [style*=border-left]"


def cell(notebook: Locator, text: str) -> Locator:
    """The code cell that has a text in it."""
    return notebook.locator(".jp-CodeCell").filter(has_text=text)


def answer(desk: Desk, notebook: Locator, source: str) -> Locator:
    """Write Linear, run it and the check below it; returns the cell of the check."""
    cell(notebook, "class Linear(").locator(".cm-content").click()
    for press in ("Control+A", "Delete"):
        desk.page.keyboard.press(press)
    desk.page.keyboard.insert_text(source)
    desk.page.keyboard.press("Shift+Enter")
    check = cell(notebook, "# test_linear: 1 point")
    check.locator(".cm-content").click()
    desk.page.keyboard.press("Shift+Enter")
    return check


def test_run_all_a_wrong_answer_and_a_right_one(desk):
    shutil.copy(RELEASED, desk.home)
    notebook = desk.open("layers.ipynb")
    desk.keep("notebook-1-opened")
    desk.choose("Run", "Run All Cells")
    board = notebook.locator(CARD, has_text="visible checks")
    expect(board).to_contain_text("0 of 21 visible checks, 0 of 10 points so far")
    board.scroll_into_view_if_needed()
    desk.keep("notebook-2-scoreboard-of-an-untouched-notebook")

    board.get_by_role("link", name="Linear").click()
    expect(notebook.get_by_role("heading", name="Linear").first).to_be_in_viewport()
    desk.keep("notebook-3-link-to-the-task")

    check = answer(desk, notebook, WRONG.source)
    expect(check.locator(CARD).first).to_contain_text(WRONG.says)
    # The error is a cell's last output: once it is there, so are all of its cards.
    expect(check.locator(".jp-OutputArea-output").last).to_contain_text("see the card")
    cards = check.locator(CARD).count()
    assert cards > 1  # one for each check in the cell
    desk.keep("notebook-4-wrong-answer")
    check.get_by_role("link", name="hints").first.click()
    expect(notebook.locator("summary", has_text="The gradient for b")).to_be_in_viewport()

    check = answer(desk, notebook, RIGHT["linear"])
    expect(check.locator("summary")).to_have_count(cards)
    expect(check.locator("summary").first).to_contain_text("✓")
    check.locator("summary").first.click()
    expect(check.get_by_text("gradient for bias", exact=True).first).to_be_visible()
    desk.keep("notebook-5-right-answer")

    desk.choose("Run", "Run All Cells")
    expect(board).to_contain_text("1 of 21 visible checks, 1 of 10 points so far")
    board.scroll_into_view_if_needed()
    desk.keep("notebook-6-scoreboard-after-the-first-task")


def test_validate_lists_what_fails(desk):
    part(desk.home / "validated.ipynb", {"relu": RIGHT["relu"], "linear": WRONG.source})
    notebook = desk.open("validated.ipynb")
    notebook.get_by_role("button", name="Validate").click()
    dialog = desk.page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("failed")
    desk.keep("notebook-7-validate")
    assert "test_linear: 1 point" in dialog.inner_text()
    assert WRONG.says in dialog.inner_text()
    assert "test_relu" not in dialog.inner_text()


def test_cards_and_scoreboard_have_no_fault_that_axe_knows(desk):
    part(desk.home / "cards.ipynb", {"relu": RIGHT["relu"], "linear": WRONG.source})
    notebook = desk.open("cards.ipynb")
    desk.choose("Run", "Run All Cells")
    expect(notebook.locator(CARD, has_text="visible checks")).to_be_visible()
    found = {}
    for theme in THEMES:
        desk.theme(theme)
        for width in WIDTHS:
            desk.page.set_viewport_size({"width": width, "height": 3 * HEIGHT})
            expect(notebook.locator(CARD)).not_to_have_count(0)
            desk.keep(f"notebook-8-cards-{theme}-{width}")
            found[theme, width] = faults(desk.page, CARD)
    assert not any(found.values()), found


def part(path: Path, answers: dict[str, str]) -> None:
    """The setup cell, the tasks with these answers and the scoreboard of the released notebook."""
    nb = read(RELEASED)
    kept = ("setup", *answers, *(f"test_{name}" for name in answers))
    nb.cells = [c for c in nb.cells if grade_id(c) in kept or c.get("id") == SCOREBOARD]
    for one in nb.cells:
        one.source = answers.get(grade_id(one), one.source)
    nbformat.write(nb, path)
