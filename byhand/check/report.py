"""What a check has to say: one line for each thing looked at, as plain text and as an HTML card."""

import html
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import numpy as np

OK, BAD, NOTE = "#0072B2", "#D55E00", "#8a6d00"  # told apart by the colour-blind, and by a sign
BOX = (
    "border-left:4px solid {};padding:4px 10px;margin:3px 0;"
    "background:rgba(128,128,128,.08);font-size:13px;line-height:1.5"
)
CELL = "text-align:left;vertical-align:top;padding:1px 14px 1px 0;background:none"
MARKS = {True: ("ok", "✓", OK), False: ("FAIL", "✗", BAD), None: ("note", "•", NOTE)}
LINK = '<a href="#cell-id={}" style="color:inherit;text-decoration:underline">{}</a>'
PICTURE_CELLS = 24
UNWRITTEN, STOPPED = "is not implemented yet", "stopped"  # how a line ends, and how one begins
_SHOW: ContextVar[Callable[["Report"], None] | None] = ContextVar("show", default=None)
_CELL: ContextVar["Failures | None"] = ContextVar("cell", default=None)


@dataclass
class Line:
    """One thing looked at.

    ok: None for a note, which fails nothing; error: the largest one, if numbers were compared;
    hint: the likely mistake in words; yours, expected: arrays to draw where they differ.
    """

    name: str
    ok: bool | None
    text: str = ""
    error: float | None = None
    hint: str = ""
    yours: np.ndarray | None = None
    expected: np.ndarray | None = None

    @property
    def unwritten(self) -> bool:
        return self.ok is False and self.text.endswith(UNWRITTEN)


@dataclass
class Report:
    """title: what was tried; repeat: the call that repeats this draw; hints: the id of the
    notebook's cell that explains the mistakes of the task."""

    title: str
    repeat: str
    lines: list[Line] = field(default_factory=list)
    hints: str = ""

    @property
    def passed(self) -> bool:
        return not self.failed

    @property
    def failed(self) -> list[Line]:
        return [line for line in self.lines if line.ok is False]

    def __str__(self) -> str:
        width = max([24, *(len(line.name) for line in self.lines)]) + 1
        rows = [self.title]
        for line in self.lines:
            rows.append(f"  {MARKS[line.ok][0]:5} {line.name:{width}} {line.text}".rstrip())
            if line.hint:
                rows.append(f"        {line.hint}")
        if not self.passed:
            rows.append(f"({self.repeat} repeats this draw)")
        return "\n".join(rows)

    def summary(self) -> str:
        """The outcome in one line."""
        if not self.passed:
            return f"{self.title}: {', '.join(line.name for line in self.failed)}"
        count = sum(line.ok is True for line in self.lines)
        errors = [line.error for line in self.lines if line.error is not None]
        also = f", largest error {max(errors):.0e}" if errors else ""
        return f"{self.title}: {count} check{'s' * (count != 1)} passed{also}"

    def __repr__(self) -> str:
        return self.summary() if self.passed else str(self)

    def _repr_html_(self) -> str:
        sheet = table(_row(line, self.hints) for line in self.lines)
        _, sign, colour = MARKS[self.passed]
        mark = f'<span style="color:{ink(colour)};font-weight:600">{sign}</span>'
        title, repeat = html.escape(self.title), html.escape(self.repeat)
        if self.passed:
            tag, head = "details", html.escape(self.summary())
            content = f'<summary style="cursor:pointer">{mark} {head}</summary>{sheet}'
        else:
            tag, foot = "div", f"<code>{repeat}</code> repeats this draw"
            content = f'{mark} <b>{title}</b>{sheet}<span style="opacity:.75">{foot}</span>'
        return f'<{tag} style="{BOX.format(colour)}">{content}</{tag}>'


class CheckFailed(AssertionError):
    """Checks found something wrong; the text is that of their reports.

    In a notebook, where the card has just been shown, the traceback is a line for each; under
    nbgrader, which keeps only the traceback, it is the whole text.
    """

    def __init__(self, *reports: Report):
        super().__init__("\n\n".join(map(str, reports)))
        self.reports = reports

    def _render_traceback_(self) -> list[str]:
        if "NBGRADER_EXECUTION" in os.environ:
            return str(self).splitlines()
        found = [report.summary() for report in self.reports]
        above = "card" if len(found) == 1 else "cards"
        return [
            *(f"CheckFailed: {one}" for one in found[:-1]),
            f"CheckFailed: {found[-1]} (see the {above} above)",
        ]


def conclude(report: Report) -> Report | None:
    """Show the report and raise CheckFailed if anything in it failed.

    In a notebook the card is displayed; elsewhere the report is returned, to be printed. What the
    cell has already said is not said again: a named mistake, or that something is not written.
    """
    from IPython import get_ipython
    from IPython.display import display

    cell = _so_far()
    earlier = [line for one in cell.reports for line in one.failed]
    if report.failed and all(
        line.unwritten and line.text in {e.text for e in earlier} for line in report.failed
    ):
        raise CheckFailed
    for line in report.lines:
        if line.hint in {e.hint for e in earlier}:
            line.hint = ""
    if any(line.hint for line in report.lines):
        report.hints = cell.hints()
    show = _SHOW.get() or (display if get_ipython() else None)
    if show is not None:
        show(report)
    if not report.passed:
        raise CheckFailed(report)
    return None if show else report


class Failures:
    """What failed in a cell: in a `with`, a check that fails is kept, and the cell goes on.

    A check that ran out of time ends the cell: each of the others would take as long.
    hints: finds what Report has by this name; called when there is a mistake to explain.
    """

    def __init__(self, hints: Callable[[], str] = str):
        self.hints = hints
        self.reports: list[Report] = []

    def __enter__(self) -> None:
        self._token = _CELL.set(self)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        _CELL.reset(self._token)
        if not isinstance(error, CheckFailed):
            return False
        self.reports += error.reports
        if any(line.text.startswith(STOPPED) for one in error.reports for line in one.failed):
            self.settle()
        return True

    def settle(self) -> None:
        """At the end of the cell: raises CheckFailed if a check has failed."""
        if self.reports:
            raise CheckFailed(*self.reports) from None


def passed_so_far() -> bool:
    """Whether no check of the cell has failed yet."""
    return not _so_far().reports


def _so_far() -> Failures:
    return _CELL.get() or Failures()


@contextmanager
def showing(show: Callable[[Report], None]) -> Iterator[None]:
    """Reports go to `show` instead of the notebook."""
    token = _SHOW.set(show)
    try:
        yield
    finally:
        _SHOW.reset(token)


def ink(colour: str) -> str:
    """A colour for text: darker on a light page, lighter on a dark one, readable on both."""
    return f"color-mix(in srgb, {colour} 60%, currentColor)"


def table(rows: Iterable[Iterable[str]]) -> str:
    """An HTML table of cells that are HTML, as plain in a notebook as elsewhere."""
    made = (
        f'<td style="{CELL}">' + f'</td><td style="{CELL}">'.join(row) + "</td>" for row in rows
    )
    lines = "".join(f'<tr style="background:none">{row}</tr>' for row in made)
    return f'<table style="border-collapse:collapse;margin:2px 0 2px 8px">{lines}</table>'


def _row(line: Line, hints: str) -> tuple[str, str, str]:
    _, sign, colour = MARKS[line.ok]
    text = html.escape(line.text)
    if line.hint:
        said = html.escape(line.hint) + (hints and f" ({LINK.format(hints, 'hints')})")
        text += f'<div style="color:{ink(colour)};font-weight:600">{said}</div>'
    mark = f'<span style="color:{ink(colour)}">{sign}</span>'
    return mark, html.escape(line.name), text + _picture(line)


def _picture(line: Line) -> str:
    """Where the two differ, as a grid of squares: the fuller, the larger the error."""
    if line.yours is None or line.expected is None or line.yours.ndim not in (1, 2):
        return ""
    error = np.abs(np.atleast_2d(line.yours - line.expected))
    if error.size < 2 or max(error.shape) > PICTURE_CELLS:
        return ""
    finite = np.isfinite(error)
    share = np.where(finite, error / (error[finite].max(initial=0) or 1), 1.0)
    squares = "".join(
        f'<rect x="{14 * j}" y="{14 * i}" width="12" height="12" fill="{BAD}" '
        f'fill-opacity="{share[i, j]:.2f}" stroke="gray" stroke-width="0.5"/>'
        for i, j in np.ndindex(share.shape)
    )
    width, height = 14 * error.shape[1], 14 * error.shape[0]
    return (
        f'<div style="margin:3px 0"><svg width="{width}" height="{height}" role="img" '
        f'aria-label="where yours differs">{squares}</svg><br>'
        '<span style="opacity:.75">where it differs: the fuller, the larger the error</span></div>'
    )
