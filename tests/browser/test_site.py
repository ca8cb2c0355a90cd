"""The site as MkDocs builds it: complete, without solutions, without a network, readable."""

import functools
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, expect

from byhand.grading.course.notebooks import assignments, read, solution_cells, source_notebook

from ..grading.test_release import lines, secret_lines
from .conftest import COURSE, faults, keep

LOADED = "script[src], link[href], img[src], iframe[src], source[src], video[src], object[data]"
FROM_ELSEWHERE = re.compile(r"""(?:url\(|@import)\s*["']?(?:https?:)?//""")
OPEN_SOME = "[...document.querySelectorAll('details')].slice(0, 8).forEach(one => one.open = true)"
PAGES = ["index", "instructors", "assignments/2-backprop"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built where there are no solutions: neither source/ nor mistakes/."""
    course = tmp_path_factory.mktemp("course")
    for pattern in ("*.md", "*.yml", "*.cff", "LICENSE*", "docs", "release"):
        for path in COURSE.glob(pattern):
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, course / path.name)
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(course / "site")]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(COURSE)}
    done = subprocess.run(command, cwd=course, env=quiet, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return course / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, BeautifulSoup]:
    return {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(site.rglob("*.html"))
        if path.name != "404.html"  # its links begin at the root of whatever serves it
    }


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where a server of this machine has the site."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", assignments(COURSE))
def test_each_assignment_has_a_page_with_its_text_tasks_and_formulas(
    site: Path, pages: dict[Path, BeautifulSoup], name: str
):
    page = pages[site / "assignments" / f"{name}.html"]
    source = source_notebook(COURSE, name)
    cells = read(COURSE / "release" / name / source.name).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    shown = [found.get_text() for found in page.select("article :is(h1, h2, h3)")]
    assert [heading.rstrip("¶") for heading in shown] == re.findall("^#+ (.*)", text, re.M)
    yours = {found.text.partition(":")[0] for found in page.select(".filename")}
    assert yours == set(solution_cells(source))
    assert len(page.select("math")) > 50
    assert [code.text for code in page.select(":not(pre) > code") if "\\" in code.text] == []


@pytest.mark.parametrize(
    ("name", "worth"),
    [("3-layers", "10 points, 13 tasks"), ("5-convnet", "10 points and 1 bonus point, 8 tasks")],
)
def test_points_and_tasks_are_those_that_are_graded(
    site: Path, pages: dict[Path, BeautifulSoup], name: str, worth: str
):
    page = pages[site / "assignments" / f"{name}.html"]
    assert page.select_one(".admonition-title").text == worth


def test_no_line_of_a_solution_or_a_hidden_test_is_on_a_page(pages: dict[Path, BeautifulSoup]):
    secret = set().union(*(secret_lines(p) for p in sorted(COURSE.glob("source/*/*.ipynb"))))
    assert len(secret) > 500
    for path, page in pages.items():
        assert lines(page.get_text()) & secret == set(), path


def test_every_link_and_anchor_leads_somewhere_on_the_site(pages: dict[Path, BeautifulSoup]):
    anchors = {path: {found["id"] for found in page.select("[id]")} for path, page in pages.items()}
    followed = 0
    for path, page in pages.items():
        for link in page.select("a[href]"):
            target, anchor = urldefrag(link["href"])
            if ":" in target:
                continue
            there = (path.parent / unquote(target)).resolve() if target else path
            assert there.is_file(), (path, link["href"])
            assert not anchor or anchor in anchors[there], (path, link["href"])
            followed += 1
    assert followed > 500


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, BeautifulSoup]):
    for path, page in pages.items():
        for found in page.select(LOADED):
            url = found.get("src") or found.get("href") or found.get("data")
            assert not url.startswith(("http:", "https:", "//")), (path, found)
        assert [text for text in page.select("style") if FROM_ELSEWHERE.search(text.text)] == []
    for path in site.rglob("*.css"):
        assert not FROM_ELSEWHERE.search(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_readable_in_both_themes_and_at_every_width(
    chromium: Browser, address: str, name: str, theme: str, width: int
):
    page = chromium.new_page(color_scheme=theme, viewport={"width": width, "height": 900})
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}{name}.html")
    page.evaluate(OPEN_SOME)
    keep(page, f"site-{name.replace('/', '-')}-{theme}-{width}")
    scheme = {"light": "default", "dark": "slate"}[theme]
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", scheme)
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    page.close()


def test_the_search_finds_a_task_without_a_network(chromium: Browser, address: str):
    page = chromium.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}index.html")
    page.get_by_placeholder("Search").click()
    expect(page.locator(".md-search-result__meta")).to_have_text("Type to start searching")
    page.get_by_placeholder("Search").press_sequentially("BatchNormalization")
    found = page.locator(".md-search-result__link").first
    expect(found).to_have_attribute("href", re.compile("assignments/3-layers.html"))
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    page.close()
