"""What a feedback page shows, and what it keeps to itself.

The page is a file of its own: no network, no script, and nothing in it that could run as one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from nbconvert.exporters import Exporter
from nbconvert.exporters.exporter import ResourcesDict
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.utils import is_grade, is_solution
from pygments.formatters import HtmlFormatter

from byhand.grading.course.notebooks import grade_id
from byhand.grading.plugins.grades import Score, TaskScore, bonus_tests
from byhand.grading.plugins.late_policy import LatePolicy
from byhand.grading.submission import markup
from byhand.grading.submission.reconcile import MARK

MOST_SECONDS = 10.0  # for what a student wrote; the rest of it stands there as plain text
LIGHT, DARK = (HtmlFormatter(style=s).get_style_defs("pre") for s in ("default", "github-dark"))
ERROR = Markup('<pre class="error" tabindex="0">{}</pre>')
IMAGE = Markup('<img src="{}" alt="{}">')
TEMPLATE = Environment(
    loader=PackageLoader(__package__, "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
).get_template("feedback.html.j2")


@dataclass(frozen=True)
class Shown:
    """A cell on the page, as HTML.

    kind: "course", "note" (the judge's), "own", "answer" or "check"; name: its grade_id;
    anchor: where the links of JupyterLab to the cell lead to;
    text, code: of a Markdown and of a code cell; comment: what a person wrote below it.
    """

    kind: str
    name: str
    anchor: str
    text: Markup
    code: Markup
    outputs: list[Markup]
    comment: Markup


class FeedbackExporter(Exporter):
    """A submission and its points as one HTML file, made from feedback.html.j2."""

    file_extension = ".html"
    output_mimetype = "text/html"

    def from_notebook_node(
        self, nb: NotebookNode, resources: ResourcesDict | None = None, **kw: Any
    ) -> tuple[str, ResourcesDict]:
        """The page, and the resources that nbconvert writes with it."""
        nb, resources = super().from_notebook_node(nb, resources, **kw)
        course = resources["nbgrader"]
        with Gradebook(course["db_url"]) as gradebook:
            submission = gradebook.find_submission(course["assignment"], course["student"])
            found = [notebook.comments for notebook in submission.notebooks]
            comments = {one.name: one.comment for some in found for one in some if one.comment}
            grades = {grade.name: grade for one in submission.notebooks for grade in one.grades}
            page = TEMPLATE.render(
                course=course,
                score=Score.of(submission, bonus_tests(nb), LatePolicy(parent=self)),
                tasks=TaskScore.all_of(submission, nb),
                grades=grades,
                handed_in=submission.timestamp,
                due=submission.duedate,
                late=lateness(submission.total_seconds_late),
                cells=Cells(comments).shown(nb),
                light=LIGHT,
                dark=DARK,
            )
        return page, resources


def lateness(seconds: float) -> str:
    """How late a submission is, in words; empty if it is in time."""
    if seconds <= 0:
        return ""
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"


class Cells:
    """The cells of one page. comments: by the grade_id of the cell that they are about."""

    def __init__(self, comments: dict[str, str]):
        self.comments = comments
        self.seconds = 0.0  # that what the student wrote has taken

    def shown(self, nb: NotebookNode) -> list[Shown]:
        """All cells, in their order."""
        return [self._cell(cell) for cell in nb.cells]

    def _cell(self, cell: NotebookNode) -> Shown:
        kind = cell.metadata.get(MARK) or (
            "answer" if is_solution(cell) else "check" if is_grade(cell) else "course"
        )
        ours, name = kind in ("course", "note"), grade_id(cell)
        text, code, outputs = Markup(), Markup(), []
        if cell.cell_type != "code":
            text = markup.markdown(cell.source, ours=True) if ours else self._theirs(cell.source)
        else:
            code = markup.code(cell.source) if ours else self._theirs(cell.source, markup.code)
            outputs = self._outputs(cell.outputs, ours=kind == "check")
        comment = markup.markdown(self.comments.get(name, ""))
        anchor = f"cell-id={cell.get('id', '')}"
        return Shown(kind, name, anchor, text, code, outputs, comment)

    def _theirs(self, text: str, render: Callable[[str], Markup] = markup.markdown) -> Markup:
        """What a student wrote, as HTML; as plain text, when the page has taken long enough."""
        if self.seconds > MOST_SECONDS:
            return markup.plain(text)
        began = time.perf_counter()
        try:
            return render(text)
        finally:
            self.seconds += time.perf_counter() - began

    def _outputs(self, outputs: list[NotebookNode], ours: bool) -> list[Markup]:
        """ours: the outputs of a check. What cards say, no error says once more."""
        cards = [output.get("data", {}).get("text/plain", "") for output in outputs]

        def said(text: str) -> bool:
            for card in filter(None, cards):
                text = text.replace(card, "")
            return not text.strip()

        return [
            self._error(output)
            if output.output_type == "error"
            else markup.plain(strip_ansi(output.text))
            if output.output_type == "stream"
            else self._data(output.data, ours)
            for output in outputs
            if output.output_type != "error" or not output.evalue or not said(output.evalue)
        ]

    def _error(self, output: NotebookNode) -> Markup:
        lines = output.traceback or [f"{output.ename}: {output.evalue}"]
        return ERROR.format(strip_ansi("\n".join(lines)))

    def _data(self, data: dict[str, str], ours: bool) -> Markup:
        """The best form of an output that a page can show without running it."""
        text = data.get("text/plain", f"(not shown here: {', '.join(data)})")
        if html := data.get("text/html"):
            cleaned = markup.clean(html, ours=True) if ours else self._theirs(html, markup.clean)
            if cleaned.striptags().strip() or "<img" in cleaned:
                return cleaned
        for kind in markup.PICTURES:
            if kind in data:
                return IMAGE.format(markup.picture(kind, data[kind]), text[:200])
        for kind in ("text/markdown", "text/latex"):
            if kind in data:
                return self._theirs(data[kind])
        return markup.plain(strip_ansi(text))
