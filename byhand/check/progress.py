"""The scoreboard: how each task of a notebook stands, by the last run of each of its test cells.

A test cell begins with a line that names it, "# test_relu: 0.25 points". Whenever IPython has run
such a cell, what came of it is kept.
"""

import html
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any

from IPython import get_ipython

from byhand.check.cell import FAILURES, AllChecks
from byhand.check.report import (
    BAD,
    BOX,
    LINK,
    NOTE,
    OK,
    CheckFailed,
    Failures,
    Line,
    Report,
    ink,
    table,
)

NAMED = re.compile(r"# (test_\w+): ")
HINTS = re.compile(r'"id": "([\w-]+-hints)"')
PASSED, FAILED, NOT_BEGUN, BY_PERSON = "✓", "✗", "○", "•"
STATES = {  # the first that one of several has stands for all
    FAILED: ("failed", BAD),
    NOT_BEGUN: ("not begun", NOTE),
    BY_PERSON: ("graded by a person", NOTE),
    PASSED: ("passed", OK),
}
LONGEST = 120  # characters of what went wrong
_LATEST: dict[str, tuple[str, str]] = {}  # test cell -> its state, and what went wrong


@dataclass(frozen=True)
class Part:
    """A cell that gives points. kind: "", "bonus" or "person"; why: what went wrong."""

    name: str
    points: float
    kind: str
    state: str
    why: str


@dataclass
class Task:
    """head, hints: the ids of the cells with its heading and with what helps."""

    name: str
    head: str
    hints: str
    title: str
    parts: list[Part] = field(default_factory=list)

    @property
    def state(self) -> str:
        return _worst(self.parts)

    @property
    def points(self) -> str:
        return _points(self.parts) + " bonus" * (self.parts[0].kind == "bonus")

    def details(self) -> list[tuple[str, str, str]]:
        """For what is not all right: signs, what it is about, and what went wrong."""
        if {part.state for part in self.parts} in ({PASSED}, {NOT_BEGUN}, {BY_PERSON}):
            return []
        if len(self.parts) == 1:
            return [("", "", self.parts[0].why)]
        return [(part.state, self._about(part), part.why) for part in self.parts]

    def _about(self, part: Part) -> str:
        rest = part.name.removeprefix(f"test_{self.name}").strip("_") or self.name
        return f"{rest.replace('_', ' ')}, {part.points:g}" + ":" * bool(part.why)


class Scoreboard:
    """A line for each task and the sum, as plain text and as an HTML card."""

    def __init__(self, tasks: list[Task]):
        self.tasks = tasks

    def summary(self) -> str:
        """The sum, in words; bonus points and those that a person gives stand apart."""
        parts = [part for task in self.tasks for part in task.parts]
        own = [part for part in parts if part.kind != "bonus"]
        tests = [part for part in own if part.kind != "person"]
        passed = sum(part.state == PASSED for part in tests)
        person = sum(part.points for part in own if part.kind == "person")
        bonus = [part for part in parts if part.kind == "bonus"]
        return (
            f"{passed} of {len(tests)} visible checks, {_points(own)} points so far"
            + (f" (a person gives {person:g} of them)" if person else "")
            + (f", bonus {_points(bonus)}" if bonus else "")
            + "; hidden cases decide the rest"
        )

    def __repr__(self) -> str:
        width = max(len(task.title) for task in self.tasks)
        rows = [self.summary()]
        for task in self.tasks:
            word = "" if task.state in (PASSED, FAILED) else STATES[task.state][0]
            rows.append(f"  {task.state} {task.title:{width}}  {task.points:13} {word}".rstrip())
            rows += [f"      {' '.join(filter(None, detail))}" for detail in task.details()]
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        rows = table(map(_row, self.tasks))
        colour = STATES[_worst(self.tasks)][1]
        return f'<div style="{BOX.format(colour)}"><b>{self.summary()}</b>{rows}</div>'


def watch() -> None:
    """From now on, run all checks of a cell, and keep how the test cells of this notebook go; where
    there is no notebook, do nothing."""
    if (shell := get_ipython()) is not None:
        shell.ast_transformers.append(AllChecks())
        shell.events.register("pre_run_cell", begin)
        shell.events.register("post_run_cell", note)


def begin(info: Any) -> None:
    """Nothing has failed yet in this cell; IPython calls this with an ExecutionInfo."""
    named = NAMED.match(info.raw_cell or "")
    get_ipython().user_ns[FAILURES] = Failures(partial(_hints, named[1])) if named else Failures()


def _hints(test: str) -> str:
    """The id of the cell with the hints for the task of this test cell; "" where none is known.

    Jupyter tells a kernel which notebook it is for.
    """
    try:
        text = Path(os.environ["JPY_SESSION_NAME"]).read_text(encoding="utf-8")
    except (KeyError, OSError, ValueError):
        return ""
    cell = test.removeprefix("test_").replace("_", "-") + "-"
    found = (id for id in HINTS.findall(text) if cell.startswith(id.removesuffix("hints")))
    return max(found, key=len, default="")


def note(result: Any) -> None:
    """Keep how a cell went, if it is a test cell; IPython calls this with an ExecutionResult."""
    if named := NAMED.match(result.info.raw_cell or ""):
        failures = get_ipython().user_ns.get(FAILURES, Failures())  # none: deleted by the cell
        error = result.error_before_exec or result.error_in_exec
        _LATEST[named[1]] = _outcome(error, failures.reports)


def scoreboard(tasks: str) -> Scoreboard:
    """How each task stands, for a notebook to show.

    tasks: a table, written by `byhand normalise` (byhand.grading.course.normal_form.scoreboard).
    """
    made: list[Task] = []
    for line in filter(str.strip, tasks.splitlines()):
        if not line.startswith(" "):
            name, head, hints, title = line.split(maxsplit=3)
            made.append(Task(name, head.strip("#"), hints.strip("#"), title))
            continue
        name, points, kind = [*line.split(), ""][:3]
        latest = (BY_PERSON, "") if kind == "person" else _LATEST.get(name, (NOT_BEGUN, ""))
        made[-1].parts.append(Part(name, float(points), kind, *latest))
    return Scoreboard(made)


def _outcome(error: BaseException | None, reports: Sequence[Report]) -> tuple[str, str]:
    """The state of a test cell that ended with this error, or none, and what went wrong.

    reports: of the checks in it that failed, should it have ended before it said so itself.
    """
    if error is None:
        return PASSED, ""
    reports = error.reports if isinstance(error, CheckFailed) and not reports else reports
    failed = [line for report in reports for line in report.failed]
    if isinstance(error, NotImplementedError | CheckFailed) and all(x.unwritten for x in failed):
        return NOT_BEGUN, ""
    if failed:
        return FAILED, _why(failed)
    said = f"{type(error).__name__}: {error}".split("\n")[0].rstrip(": ")
    return FAILED, shorten(said, LONGEST, placeholder=" ...")


def _why(failed: list[Line]) -> str:
    """The named mistake, else the first line that failed."""
    line = next((line for line in failed if line.hint), failed[0])
    said = f"{line.name} {line.text}".partition(" (in ")[0]  # the card says where
    return line.hint or shorten(said, LONGEST, placeholder=" ...")


def _worst(some: Iterable[Part | Task]) -> str:
    """The one state that stands for all."""
    found = {one.state for one in some}
    return next(state for state in STATES if state in found)


def _points(parts: Iterable[Part]) -> str:
    parts = list(parts)
    earned = sum(part.points for part in parts if part.state == PASSED)
    return f"{earned:g} of {sum(part.points for part in parts):g}"


def _row(task: Task) -> list[str]:
    """The cells of a task's row, as HTML."""
    lines = [LINK.format(task.head, html.escape(task.title))]
    if task.state not in (PASSED, FAILED):
        lines[0] += f", {STATES[task.state][0]}"
    for sign, about, why in task.details():
        hints = LINK.format(task.hints, "hints") if why and task.hints != task.head else ""
        line = [sign and _sign(sign), about, html.escape(why), hints]
        lines.append(" ".join(filter(None, line)))
    points = f'<span style="white-space:nowrap">{task.points}</span>'
    return [_sign(task.state), points, "<br>".join(lines)]


def _sign(state: str) -> str:
    word, colour = STATES[state]
    look = f"color:{ink(colour)};font-weight:600"
    return f'<span role="img" aria-label="{word}" style="{look}">{state}</span>'
