"""The real JupyterLab of a student in a temporary folder, and Chromium to look at it.

What a test has seen is kept as pictures in build/browser/.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from jupyter_server.serverapp import list_running_servers
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

COURSE = Path(__file__).parents[2]
PICTURES = COURSE / "build" / "browser"
TALLEST = 8_000  # pixels of a picture
WAIT = 120  # seconds for whatever a busy machine may take its time with
THEMES, WIDTHS, HEIGHT = ("light", "dark"), (700, 1400), 900
FAULTS = ("serious", "critical")  # of those that axe finds
CONFIG = """\
c = get_config()
c.Exchange.root = {exchange!r}
c.CourseDirectory.course_id = "byhand"
"""
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}
READY = """() => {
    const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
    return kernel?.connectionStatus === "connected" && kernel.status === "idle";
}"""


@dataclass
class Desk:
    """A student's JupyterLab. home: the student's files; own: its configuration, and nbgrader's."""

    home: Path
    own: Path
    url: str
    page: Page
    token: str = field(repr=False)

    def open(self, notebook: str) -> Locator:
        """Open a notebook in a new page, until its kernel is ready."""
        self.go(f"lab/tree/{notebook}")
        self.page.wait_for_function(READY)
        return self.page.locator(".jp-NotebookPanel:visible")

    def go(self, path: str) -> None:
        """Load a page of the server, without what was open before."""
        self.page.goto(f"{self.url}{path}?reset&token={self.token}")

    def choose(self, menu: str, item: str) -> None:
        """Choose from a menu."""
        self.page.locator(".lm-MenuBar-item").get_by_text(menu, exact=True).click()
        self.page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()

    def theme(self, name: str) -> None:
        """JupyterLab's "light" or "dark" theme."""
        self.page.evaluate(
            "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})",
            f"JupyterLab {name.title()}",
        )
        light = str(name == "light").lower()
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", light)

    def keep(self, name: str) -> None:
        """A picture of the page as it is."""
        keep(self.page, name)


def keep(page: Page, name: str, whole: bool = False) -> None:
    """A picture of a page, for a person to look at. whole: more than what is in view."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    how = {}
    if whole:  # but for the end of a very long one, which Chromium sometimes fails at
        width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
        clip = dict(x=0, y=0, width=width, height=min(height, TALLEST))
        how = dict(full_page=True, clip=clip)
    page.screenshot(path=PICTURES / f"{name}.png", **how)


def faults(page: Page, part: str = "html") -> list[str]:
    """What axe finds seriously wrong with a part of a page, in words. part: a CSS selector."""
    brief = {"resultTypes": ["violations"]}  # of all else, axe looks for one example only
    found = Axe().run(page, {"include": [[part]]}, brief).response
    assert found["passes"], f"{part}: nothing that axe could look at"
    return [
        f"{fault['id']}: {node['html'][:200]} {node['failureSummary']}"
        for fault in found["violations"]
        if fault["impact"] in FAULTS
        for node in fault["nodes"]
    ]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    assert path, "Chromium is not installed: apt install chromium"
    expect.set_options(timeout=1000 * WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox"] if os.getuid() == 0 else [],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    page = chromium.new_page(viewport={"width": WIDTHS[1], "height": HEIGHT})
    page.set_default_timeout(1000 * WAIT)
    yield page
    keep(page, f"end-of-{request.node.name}")
    page.close()


@pytest.fixture
def desk(server: dict, page: Page) -> Desk:
    return Desk(**server, page=page)


@pytest.fixture(scope="module")
def furnish() -> Callable[[Path], None]:
    """Puts into JupyterLab's folder what has to be there before it starts: nothing."""
    return lambda home: None


@pytest.fixture(scope="module")
def server(tmp_path_factory, furnish: Callable[[Path], None]) -> Iterator[dict]:
    """JupyterLab with nbgrader's extensions, whose exchange is empty."""
    root = tmp_path_factory.mktemp("desk")
    home, own, exchange = (root / name for name in ("home", "own", "exchange"))
    for folder in (home, own, exchange):
        folder.mkdir()
    exchange.chmod(0o777)  # nbgrader wants it so
    (own / "nbgrader_config.py").write_text(CONFIG.format(exchange=str(exchange)))
    news = own / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text(json.dumps(NO_NEWS))
    furnish(home)
    names = "JUPYTER_CONFIG_DIR JUPYTER_RUNTIME_DIR JUPYTER_DATA_DIR IPYTHONDIR HOME"
    names += " JUPYTERLAB_SETTINGS_DIR JUPYTERLAB_WORKSPACES_DIR"
    token, log = secrets.token_hex(), root / "server.log"
    environment = os.environ | dict.fromkeys(names.split(), str(own)) | {"JUPYTER_TOKEN": token}
    options = ["--ip=127.0.0.1", "--port=0", "--no-browser", f"--ServerApp.root_dir={home}"]
    options += ["--allow-root", "--LabApp.expose_app_in_browser=True"]
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            **dict(cwd=home, env=environment, stdout=out, stderr=out),
        )
    try:
        yield dict(home=home, own=own, token=token, url=_address(own, process, log))
    finally:
        process.terminate()  # and with it its kernels
        process.wait(WAIT)


def _address(runtime: Path, process: subprocess.Popen, log: Path) -> str:
    """Where the server is, as soon as it answers."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end and process.poll() is None:
        for found in list_running_servers(str(runtime)):
            return found["url"]
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")
