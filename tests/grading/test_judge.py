"""Hostile and broken submissions, all in one class, through the real `nbgrader autograde`.

A class for each rung of the sandbox: on the second one without those that are only notebooks in a
bad state, which are put in order before there is a sandbox. No recipe runs before a harmless one
has shown that the sandbox and its limits are there.
"""

import html
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import psutil
import pytest

from .recipes import RECIPES, Cause, Recipe
from .recipes.course import (
    ASSIGNMENT,
    NEIGHBOUR,
    TITLE,
    Result,
    Traps,
    hand_in,
    hide_among_students,
    nbgrader,
    result,
    traps,
    write_course,
)

RUNGS = ("bubblewrap", "landlock")
# What a rung does not promise, and why: the recipe is graded all the same, and has to score as
# ever; what it is said to have caused or must not show is left open.
NOT_PROMISED = {
    ("landlock", "disk"): "what is written is looked at ten times a second, not held up: the "
    "kernel is stopped too late for this recipe's bound",
}
CASES = [
    (rung, recipe)
    for rung, recipe in product(RUNGS, RECIPES)
    if rung == RUNGS[0] or recipe.kind != "notebook"
]
each_recipe = pytest.mark.parametrize(
    ("graded", "recipe"), CASES, ids=lambda case: getattr(case, "name", case), indirect=["graded"]
)

PROBE = """
import os, subprocess, sys, threading

found, gone, threads = [], threading.Event(), []
try:
    os.listdir({course!r})
    found.append("the course can be seen")
except OSError:
    pass
try:
    with open("large", "wb", buffering=0) as file:
        if file.write(bytes(9 * 2**20)) == 9 * 2**20:
            found.append("9 MiB can be written")
except OSError:
    os.remove("large")
try:
    for _ in range(30):
        threads.append(threading.Thread(target=gone.wait, daemon=True))
        threads[-1].start()
    found.append("30 threads can be started")
except RuntimeError:
    threads.pop()
gone.set()
for thread in threads:
    thread.join()
code = "bytearray(b'x') * (600 * 2**20); print('600 MiB can be used')"
said = subprocess.run([sys.executable, "-SEc", code], capture_output=True, text=True).stdout
print("not confined:" if found or said else "confined", found, said)
"""


@dataclass
class GradedClass:
    """How the class went. rung: of the sandbox; codes and logs: of autograde and
    generate_feedback, by command."""

    rung: str
    traps: Traps
    codes: dict[str, int]
    logs: dict[str, str]
    visitors: list[str]
    processes: list[str]

    @property
    def course(self) -> Path:
        return self.traps.world.course


@contextmanager
def grading(rung: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GradedClass]:
    """A class that was graded on a rung."""
    with traps(tmp_path_factory.mktemp("judge")) as set_up:
        course = set_up.world.course
        write_course(set_up.secrets, course, f"c.Judge.rungs = [{rung!r}]\n")
        codes, logs = {}, {}
        _run(set_up, codes, logs, "generate_assignment")
        _refuse_unless_confined(set_up)
        hide_among_students(set_up)
        for recipe in (recipe for on, recipe in CASES if on == rung):
            hand_in(set_up, recipe)
        for command in ("autograde", "generate_feedback"):
            _run(set_up, codes, logs, command)
        yield GradedClass(rung, set_up, codes, logs, set_up.visitors(), _left_behind())


@pytest.fixture(scope="module")
def on_bubblewrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GradedClass]:
    with grading("bubblewrap", tmp_path_factory) as found:
        yield found


@pytest.fixture(scope="module")
def on_landlock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GradedClass]:
    with grading("landlock", tmp_path_factory) as found:
        yield found


@pytest.fixture(params=RUNGS)
def graded(request: pytest.FixtureRequest) -> GradedClass:
    """The class on each rung; graded once, for all tests."""
    return request.getfixturevalue(f"on_{request.param}")


def _run(set_up: Traps, codes: dict[str, int], logs: dict[str, str], command: str) -> None:
    codes[command], logs[command] = nbgrader(
        set_up.world.course, set_up.secrets, command, ASSIGNMENT
    )


def _refuse_unless_confined(set_up: Traps) -> None:
    """Grade a harmless submission that looks whether it is confined; stop everything if not."""
    course = set_up.world.course
    probe = PROBE.format(course=str(course))
    hand_in(set_up, Recipe("probe", "right", "probe", lambda sheet: sheet.add(probe)))
    unhurried = ["--student=probe", "--Judge.cell_seconds=60"]
    _, log = nbgrader(course, set_up.secrets, "autograde", ASSIGNMENT, *unhurried)
    outputs = result(course, "probe").outputs
    if '"confined ' not in outputs:
        pytest.fail(f"no recipe was run: student code is not confined here:\n{outputs}\n{log}")


def _left_behind() -> list[str]:
    """Processes that a submission has started and that are still there."""
    return [
        " ".join(process.info["cmdline"])
        for process in psutil.process_iter(["cmdline"])
        if "byhand-child-outlives" in (process.info["cmdline"] or [])
    ]


@each_recipe
def test_a_submission_scores_what_it_should(graded: GradedClass, recipe: Recipe):
    found = result(graded.course, recipe.name)
    assert found.autograded is not None
    assert found.page
    assert found.scores == recipe.scores, found.outcome
    assert not found.manual
    assert found.outcome["confinement"].startswith(graded.rung)
    if (graded.rung, recipe.name) in NOT_PROMISED:
        recipe = replace(recipe, causes=None, repairs=None, unseen=())
    _assert_outcome(recipe, found)
    _assert_told(found)
    for text in (found.outputs, found.page):
        assert [word for word in recipe.unseen if word in text] == []


def _assert_outcome(recipe: Recipe, found: Result) -> None:
    outcome = found.outcome
    status = "failed" if outcome["causes"] else "repaired" if outcome["repairs"] else "graded"
    assert outcome["status"] == status
    assert outcome["seconds"] >= 0
    if recipe.causes is not None:
        causes = [Cause(cause["cause"], tuple(cause["tasks"])) for cause in outcome["causes"]]
        assert len(causes) == len(recipe.causes), causes
        for cause, expected in zip(causes, recipe.causes, strict=True):
            assert re.fullmatch(expected.words, cause.words)
            assert set(cause.tasks) == set(expected.tasks)
    if recipe.repairs is not None:
        repairs = " ".join(outcome["repairs"])
        assert bool(repairs) == bool(recipe.repairs), repairs
        assert [word for word in recipe.repairs if word not in repairs] == []


def _assert_told(found: Result) -> None:
    """The page says ahead of the assignment's title what is to be said, and else nothing."""
    body = found.page[found.page.index("<body") :]
    top = html.unescape(re.sub(r"<[^>]*>", " ", body.partition(TITLE)[0]))
    told = found.outcome["causes"] or found.outcome["repairs"]
    spoken = re.findall(
        r"stopped|too long|could not be read|ended|after repairs|cannot be read", top
    )
    assert bool(spoken) == bool(told), top[-500:]


@each_recipe
def test_no_secret_comes_out(graded: GradedClass, recipe: Recipe):
    found = result(graded.course, recipe.name)
    seen = f"{found.outputs} {found.page} {found.outcome}"
    for folder in ("autograded", "feedback"):
        for path in (graded.course / folder / recipe.name).rglob("*"):
            if path.is_file() and path.suffix not in (".ipynb", ".html"):
                seen += path.read_text(encoding="utf-8", errors="replace")
    assert [place for place, text in graded.traps.secrets.items() if text in seen] == []


def test_the_solutions_stay_out_of_autograded_notebooks(graded: GradedClass):
    for path in (graded.course / "autograded").rglob("*.ipynb"):
        assert graded.traps.secrets["source"] not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("command", ["generate_assignment", "autograde", "generate_feedback"])
def test_no_submission_stops_a_command(graded: GradedClass, command: str):
    assert graded.codes[command] == 0, graded.logs[command][-3000:]
    assert "Traceback" not in graded.logs[command]


def test_the_neighbour_has_full_marks(graded: GradedClass):
    assert sum(result(graded.course, NEIGHBOUR).scores.values()) == 12


def test_nobody_called_the_listeners(graded: GradedClass):
    assert graded.visitors == []


def test_nothing_was_written_or_left_running(graded: GradedClass):
    assert list(graded.course.rglob("owned")) == []
    assert graded.processes == []


def test_there_are_recipes_of_every_kind():
    kinds = Counter(recipe.kind for recipe in RECIPES)
    assert set(kinds) == {"forging", "reading", "breaking", "notebook", "right"}
    assert len(RECIPES) >= 60
    assert len({recipe.name for recipe in RECIPES}) == len(RECIPES)


def test_what_is_not_promised_is_about_recipes_that_are_graded():
    assert NOT_PROMISED.keys() <= {(rung, recipe.name) for rung, recipe in CASES}
