"""Every notebook runs from top to bottom, solved or untouched, without MNIST and a network."""

import shutil
from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from byhand import plots
from byhand.grading.course.notebooks import assignments, read

COURSE = Path(__file__).parents[1]
SECONDS = 300  # for one cell, on a busy machine


@pytest.fixture(autouse=True)
def nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("BYHAND_DATA", raising=False)
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")  # nothing is downloaded


def run(folder: Path, here: Path) -> NotebookNode:
    """The notebook in a folder, executed in a copy of it."""
    shutil.copytree(folder, here)
    [path] = here.glob("*.ipynb")
    nb = read(path)
    resources = {"metadata": {"path": here}}
    client = NotebookClient(nb, timeout=SECONDS, allow_errors=True, resources=resources)
    client.widget_registry = {}  # else a cell with an Output may end after SECONDS: nbclient's 312
    return client.execute()


def errors(nb: NotebookNode) -> dict[str, str]:
    """Cell -> its error, for the cells that raised one."""
    return {
        cell.id: output.evalue
        for cell in nb.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    }


def stopped(nb: NotebookNode) -> dict[str, str]:
    """Cell -> what it says, for the cells that say that they could not go on."""
    return {
        cell.id: output.text
        for cell in nb.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
        and output.text.startswith((plots.STOPPED, plots.UNWRITTEN))
    }


@pytest.mark.parametrize("assignment", assignments(COURSE))
def test_a_solved_notebook_runs_without_an_error(assignment: str, tmp_path: Path):
    nb = run(COURSE / "source" / assignment, tmp_path / "work")
    assert errors(nb) == {}
    assert stopped(nb) == {}


@pytest.mark.parametrize("assignment", assignments(COURSE))
def test_in_an_untouched_one_only_the_checks_fail(assignment: str, tmp_path: Path):
    nb = run(COURSE / "release" / assignment, tmp_path / "work")
    checks = {cell.id for cell in nb.cells if cell.id.startswith("test_")}
    assert set(errors(nb)) == checks
