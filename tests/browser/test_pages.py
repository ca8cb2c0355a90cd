"""The instructor's pages: readable by everybody, at every width, without a network."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from byhand.grading.course.notebooks import grade_id, read
from byhand.grading.desk.report import write_report
from byhand.grading.desk.similarity import write_similarity

from ..grading.synthetic import make_class, set_up
from .conftest import faults, keep


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of a class of 30, in which the first three have the same solutions."""
    course = tmp_path_factory.mktemp("course")
    set_up(course, ["5-convnet"])
    make_class(course, "5-convnet", [f"student-{n:02}" for n in range(30)], ["absent"])
    for path in sorted((course / "autograded").glob("*/5-convnet/*.ipynb"))[3:]:
        nb = read(path)
        for cell in nb.cells:
            cell.source = "" if grade_id(cell, "solution") else cell.source
        path.write_text(json.dumps(nb))
    similarity, pairs = write_similarity(course, "5-convnet", course)
    assert len(pairs) == 3
    return {"report": write_report(course, "", course)[0], "similarity": similarity}


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["report", "similarity"])
def test_a_page_is_readable_in_both_themes_and_at_every_width(
    chromium: Browser, pages: dict[str, Path], name: str, theme: str, width: int
):
    how = dict(color_scheme=theme, viewport={"width": width, "height": 900})
    context = chromium.new_context(bypass_csp=True, **how)  # for axe, which is a script
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages[name].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    keep(page, f"{name}-{theme}-{width}", whole=True)
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    context.close()
