"""The course that the recipes are handed in to, and the traps around it."""

import ctypes
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from matplotlib import get_cachedir
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from byhand.grading.course.notebooks import read, solution_cells, source_notebook
from byhand.grading.sandbox import seccomp

from ..tiny import COURSE, cell
from .base import FULL, NOTEBOOK, Recipe, Sheet, World

ASSIGNMENT = "2-small"
TITLE = "Four pieces of a network"
NEIGHBOUR = "neighbour"
SETUP = """\
import numpy as np
import torch

from byhand import check
from byhand.nn import Criterion, Module, Optimizer"""
CONFIG = f"""\
c = get_config()
load_subconfig("nbgrader_config.py", path={str(COURSE)!r})
c.Judge.memory = 512 * 2**20
c.Judge.processes = 24
c.Judge.written = 8 * 2**20
c.Judge.cell_seconds = 3
c.Judge.experiment_seconds = 3
c.Judge.submission_seconds = 40
c.Judge.own_seconds = 9
c.Judge.output_bytes = 2**20
"""
PLACES = "source hidden release neighbour gradebook environment private home process shared keyring"


def secret(place: str) -> str:
    """A string that nobody can guess and every test can recognise."""
    return f"secret-{place}-{secrets.token_hex(8)}"


@dataclass
class Traps:
    """Where the secrets are, and who came to the listeners.

    secrets: place -> secret; world: what the recipes are told; visitors: who called, so far.
    """

    world: World
    secrets: dict[str, str]
    listeners: list[socket.socket] = field(default_factory=list)

    def visitors(self) -> list[str]:
        """Who has connected to a listener, or sent something to it."""
        came = []
        for listener in self.listeners:
            try:
                if listener.type == socket.SOCK_DGRAM:
                    came.append(str(listener.recvfrom(1000)))
                else:
                    connection, address = listener.accept()
                    connection.close()
                    came.append(f"{listener.family.name} {address}")
            except BlockingIOError:
                continue
        return came


def add_key(name: str, content: str) -> int:
    """A key in the keyring of this session; negative where there are no keyrings."""
    held = content.encode()
    number, session = seccomp.number("add_key"), ctypes.c_long(-3)
    return ctypes.CDLL(None).syscall(number, b"user", name.encode(), held, len(held), session)


def forget_key(key: int) -> None:
    """Invalidate a key."""
    ctypes.CDLL(None).syscall(seccomp.number("keyctl"), 21, ctypes.c_long(key))


@contextmanager
def traps(folder: Path) -> Iterator[Traps]:
    """Secrets in a shared file, in a process and behind listeners, for as long as it lasts."""
    hidden = {place: secret(place) for place in PLACES.split()}
    home = folder / "home"
    home.mkdir()
    (home / ".netrc").write_text(hidden["home"])
    with ExitStack() as stack:
        shared = Path("/dev/shm") / f"byhand-test-{secrets.token_hex(8)}"
        if shared.parent.is_dir():
            shared.write_text(hidden["shared"])
            stack.callback(shared.unlink)
        wait = "import sys; sys.stdin.read()"
        sleeper = [sys.executable, "-c", wait, hidden["process"]]
        process = subprocess.Popen(sleeper, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        stack.callback(process.communicate)
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(tcp.getsockname())
        local = stack.enter_context(socket.socket(socket.AF_UNIX))
        name = f"byhand-test-{secrets.token_hex(8)}"
        local.bind(f"\0{name}")
        local.listen()
        for listener in (tcp, udp, local):
            listener.setblocking(False)
        world = World(folder / "course", home, tcp.getsockname()[1], name)
        stack.callback(forget_key, add_key(f"{name}-key", hidden["keyring"]))
        yield Traps(world, hidden, [tcp, udp, local])


def small_notebook(hidden: dict[str, str]) -> NotebookNode:
    """Four tasks of 3-layers with their solutions and tests, and the secrets among them."""
    layers = source_notebook(COURSE, "3-layers")
    sources = {c.id: c.source for c in read(layers).cells}
    cells = [nbformat.v4.new_markdown_cell(f"# {TITLE}", id="title")]
    cells.append(cell(SETUP, "setup", locked=True))
    for task, points in FULL.items():
        solution, test = sources[task], sources[f"test_{task}"]
        solution = solution.replace(
            "### BEGIN SOLUTION", f"### BEGIN SOLUTION\n        # {hidden['source']}", 1
        )
        test = test.replace(
            "### BEGIN HIDDEN TESTS", f"### BEGIN HIDDEN TESTS\n# {hidden['hidden']}"
        )
        cells.append(cell(solution, task, solution=True))
        cells.append(cell(test, f"test_{task}", grade=True, locked=True, points=points))
    nb = nbformat.v4.new_notebook(cells=cells)
    nb.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nb


def write_course(hidden: dict[str, str], course: Path, extra_config: str = "") -> None:
    """Write the course, with secrets in its folders."""
    path = course / "source" / ASSIGNMENT / NOTEBOOK
    path.parent.mkdir(parents=True)
    nbformat.write(small_notebook(hidden), path)
    (course / "nbgrader_config.py").write_text(CONFIG + extra_config)
    (course / "private.txt").write_text(hidden["private"])
    other = course / "release" / "4-later" / "later.ipynb"
    other.parent.mkdir(parents=True)
    later = nbformat.v4.new_markdown_cell(hidden["release"], id="later")
    nbformat.write(nbformat.v4.new_notebook(cells=[later]), other)


def nbgrader(course: Path, hidden: dict[str, str], *arguments: str, seconds: float = 900) -> tuple:
    """Run nbgrader as an instructor whose environment holds secrets: (exit code, what it said)."""
    home = course.parent / "home"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    env = os.environ | {"PATH": path, "HOME": str(home), "MPLCONFIGDIR": get_cachedir()}
    env |= {"PYTHONPATH": str(COURSE), "BYHAND_SECRET": hidden["environment"]}
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=seconds,
    )
    return done.returncode, done.stdout


def hand_in(traps: Traps, recipe: Recipe) -> None:
    """Follow a recipe, from the released notebook to the folder of submissions."""
    course = traps.world.course
    released = (course / "release" / ASSIGNMENT / NOTEBOOK).read_text(encoding="utf-8")
    right = solution_cells(source_notebook(COURSE, "3-layers"))
    sheet = Sheet(released, {task: right[task] for task in FULL}, traps.world)
    recipe.make(sheet)
    folder = course / "submitted" / recipe.name / ASSIGNMENT
    for name, content in sheet.content().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            path.symlink_to(content)
        else:
            path.write_bytes(content)


def hide_among_students(traps: Traps) -> None:
    """Another student's work and an entry in the gradebook, with a secret each."""

    def make(sheet: Sheet) -> None:
        sheet.add(f"# {traps.secrets['neighbour']}")
        sheet.files["notes.txt"] = traps.secrets["neighbour"].encode()

    hand_in(traps, Recipe(NEIGHBOUR, "right", "somebody else", make))
    with Gradebook(f"sqlite:///{traps.world.course / 'gradebook.db'}") as gradebook:
        gradebook.update_or_create_student(NEIGHBOUR, last_name=traps.secrets["gradebook"])


@dataclass(frozen=True)
class Result:
    """What became of a submission. autograded: the notebook, None if there is none; page: its
    feedback; outcome: the JSON beside it; scores: task -> points; manual: left for a person."""

    autograded: NotebookNode | None
    page: str
    outcome: dict
    scores: dict[str, float]
    manual: bool

    @property
    def outputs(self) -> str:
        """All outputs, as text."""
        cells = self.autograded.cells if self.autograded else []
        return json.dumps([c.outputs for c in cells if c.cell_type == "code"])


def result(course: Path, student: str) -> Result:
    """Collect what nbgrader has made of a student's submission."""
    folders = [course / name / student / ASSIGNMENT for name in ("autograded", "feedback")]
    paths = [folders[0] / NOTEBOOK, folders[1] / NOTEBOOK.replace("ipynb", "html")]
    graded = nbformat.read(paths[0], as_version=4) if paths[0].exists() else None
    page = paths[1].read_text(encoding="utf-8") if paths[1].exists() else ""
    kept = folders[0] / "outcome.json"
    outcome = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        [notebook] = gradebook.find_submission(ASSIGNMENT, student).notebooks
        scores = {grade.name.removeprefix("test_"): grade.score for grade in notebook.grades}
        manual = any(grade.needs_manual_grade for grade in notebook.grades)
    return Result(graded, page, outcome, scores, manual)
