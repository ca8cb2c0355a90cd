"""The README and the pages beside it: what they point to is there; pictures can be made."""

import re
import runpy
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbgrader.apps import NbGraderApp
from nbgrader.server_extensions.formgrader.formgrader import FormgradeExtension

from byhand import data
from byhand.__main__ import app
from byhand.grading.plugins.judge import Judge

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def pictures():
    return runpy.run_path(str(ROOT / "docs" / "pictures.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    anchors = {re.sub(r"\W+", "-", line.lower()) for line in re.findall(r"^#+ (.+)$", text, re.M)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in anchors
        elif "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_and_file_that_is_named_exists(page):
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    named = re.findall(r"(?:^|`)make (\w+)", text, re.M)
    assert set(named) <= set(targets)
    for path in re.findall(r"`((?:byhand|tests|docs|mistakes|source|release)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(page):
    text = page.read_text(encoding="utf-8")
    known = {
        "byhand": {
            command.name or command.callback.__name__ for command in app.registered_commands
        },
        "nbgrader": set(NbGraderApp.subcommands),
    }
    for program, command in re.findall(r"(?:^ *|`)(byhand|nbgrader) ([a-z][\w-]+)", text, re.M):
        assert command in known[program], (program, command)


def test_formgrader_on_a_hub_gets_the_sandbox(tmp_path, monkeypatch):
    text = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```python\n([^`]*load_subconfig[^`]*)```", text)
    config = block.replace("/home/instructor/byhand", str(ROOT))
    (tmp_path / "nbgrader_config.py").write_text(config, encoding="utf-8")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    assert Judge in FormgradeExtension().load_config().Autograde.autograde_preprocessors


def test_the_picture_of_a_check_shows_the_mistake(pictures):
    card = pictures["failing_card"]()
    assert "✗" in card
    assert "divided by 5, the batch size" in card


def test_the_picture_of_the_scoreboard_names_one_mistake(pictures):
    card = BeautifulSoup(pictures["scoreboard"](), "html.parser")
    signs = [sign["aria-label"] for sign in card.select("tr > td:first-child > span")]
    assert (signs.count("failed"), signs.count("passed")) == (1, len(pictures["WRITTEN"]))
    assert "the running one is unbiased" in card.text


def test_the_pictures_of_the_convnet_are_those_of_a_run(pictures, monkeypatch):
    monkeypatch.setattr(data, "mnist", data.small_digits)
    monkeypatch.setitem(pictures["convnet_figures"].__globals__, "EPOCHS", 2)
    live, wrong = pictures["convnet_figures"]()
    assert "2 of 2 epochs" in live.alt
    assert "mistake" in wrong.alt


def test_the_pictures_are_small():
    for path in (ROOT / "docs" / "pictures").glob("*.png"):
        assert path.stat().st_size < 150_000, path.name


def test_the_picture_of_the_training_is_made_from_cells_that_exist(pictures):
    notebook = nbformat.read(pictures["NOTEBOOK"], as_version=4)
    assert set(pictures["TRAINING_CELLS"]) <= {cell.id for cell in notebook.cells}


def test_pictures_need_a_browser_and_say_so(pictures, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"^pictures: none of chromium.*is installed"):
        pictures["main"]()
