"""A feedback page shows what a student did, and nothing that a student wrote runs in it."""

import re
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup, Tag
from markupsafe import escape
from nbconvert.exporters import HTMLExporter
from nbgrader.server_extensions.formgrader.formgrader import FormgradeExtension

from byhand.check.report import Line, Report
from byhand.grading.course.commands import nbgrader
from byhand.grading.course.notebooks import assignments, read, source_notebook
from byhand.grading.plugins import feedback
from byhand.grading.submission import markup

from .tiny import ASSIGNMENT, COURSE, cell, generate, hand_in, write_course
from .vectors import OWN, VECTORS

MIMETYPES = (
    "text/html text/markdown text/latex text/plain image/svg+xml image/png image/jpeg "
    "application/javascript application/json application/pdf "
    "application/vnd.jupyter.widget-view+json"
).split()
NAME = f"<img src=x onerror={OWN}>"  # of a student
# Runs every vector through everything that a cell can put out.
SHOW = f"""\
from IPython.display import display

vectors = {VECTORS!r}
for vector in vectors:
    for kind in {MIMETYPES!r}:
        display({{kind: vector, vector: vector}}, raw=True, metadata={{kind: {{"isolated": True}}}})
    print(vector)"""
RAISE = """\
import sys

for vector in vectors:
    print(vector, file=sys.stderr)
raise type(vectors[0], (Exception,), {"_render_traceback_": lambda self: vectors})(vectors[1])"""
CARDS = {
    "passed": Report("Linear(4, 3)", "seed=1", [Line("output", True, "largest error 1e-16")]),
    "failed": Report(
        "Linear(4, 3) <x>",
        "check.layer(..., seed=1)",
        [
            Line("output", True, "largest error 1e-16"),
            Line("gradient", False, "yours 1", hint="twice", yours=np.eye(3), expected=np.ones(3)),
            Line("speed", None, "a note"),
        ],
    ),
}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of a hostile student and a wrong one, graded, with their feedback pages."""
    course = tmp_path_factory.mktemp("course")
    write_course(course)
    released = generate(course)
    wrong = nbformat.reads(released, as_version=4)
    solution = next(c for c in wrong.cells if c.id == "double")
    solution.source = f'def double(x):\n    """{VECTORS[0]}"""\n    return abs(2 * x)'
    hand_in(course, "student-01", nbformat.writes(wrong))
    mine = [nbformat.v4.new_markdown_cell(vector) for vector in VECTORS]
    mine += [nbformat.v4.new_raw_cell(vector) for vector in VECTORS]
    mine += [nbformat.v4.new_code_cell(source) for source in (SHOW, RAISE)]
    for one in mine:
        one.metadata = {"tags": VECTORS, "name": VECTORS[0], "format": VECTORS[0]}
    wrong.cells += mine
    wrong.cells.insert(0, nbformat.v4.new_markdown_cell(VECTORS[0]))
    wrong.metadata.title = VECTORS[0]
    hand_in(course, NAME, nbformat.writes(wrong))
    own = course / "submitted" / NAME / ASSIGNMENT
    (own / "tiny.ipynb").rename(own / f"{NAME}.ipynb")
    nbgrader(course, "autograde", ASSIGNMENT)
    nbgrader(course, "generate_feedback", ASSIGNMENT)
    return course


def page_of(course: Path, student: str) -> BeautifulSoup:
    page = course / "feedback" / student / ASSIGNMENT / "tiny.html"
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def dangers(tags: list[Tag]) -> list[str]:
    """What in these tags could run, load or cover something."""
    known = markup.TEXT | markup.MATH | markup.PICTURE | {"header", "main", "section"}
    harmless = {
        "href": r"#.*|https?:.*|mailto:.*|(?![\w\s]*:|//).*",
        "src": r"data:image/.*",
        "style": r"(?!.*(url|position|z-index|inset)).*",
    }
    bad = []
    for tag in tags:
        if tag.name not in known or any(
            map(re.compile("on|src.|.*action|xlink|data").match, tag.attrs)
        ):
            bad.append(str(tag)[:200])
        for name, pattern in harmless.items():
            value = re.sub(
                r"[\x00-\x20]", "", tag.get(name, "#" if name == "href" else "data:image/")
            )
            if not re.fullmatch(pattern, value, re.IGNORECASE):
                bad.append(str(tag)[:200])
    return bad


def test_nothing_that_a_student_wrote_can_run_or_load(course: Path):
    page = page_of(course, NAME)
    assert len(page.select(".own")) > 2 * len(VECTORS)
    assert len(page.select(".theirs > *")) > len(VECTORS) * len(MIMETYPES)
    assert dangers(page.body.find_all(True)) == []


@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize("ours", [False, True])
def test_no_vector_gets_through(vector: str, ours: bool):
    for render in (markup.markdown, markup.clean):
        html = render(vector, ours)
        assert markup.clean(html, ours) == html  # a second look changes nothing
        assert dangers(BeautifulSoup(html, "html.parser").find_all(True)) == []


def test_the_page_forbids_scripts_and_the_network_itself(course: Path):
    head = page_of(course, NAME).head
    policy = head.find("meta", {"http-equiv": True})
    assert head.find_all(True)[:2] == [head.find("meta", charset=True), policy]
    rules = dict(rule.split(maxsplit=1) for rule in policy["content"].split("; "))
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": "'unsafe-inline'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert {tag.name for tag in head.find_all(True)} == {"meta", "title", "style"}
    assert not re.search(r"url\(|@import", head.style.string)


def test_what_a_student_made_up_does_not_look_like_the_course(course: Path):
    page = page_of(course, NAME)
    assert [tag.get("id") for tag in page.find_all(id=True)].count("points") == 1
    for tag in page.select(".own *, .theirs *"):
        assert not {"id", "name"} & tag.attrs.keys()
        assert tag.find_parent(class_=["own", "answer", "theirs", "course"]) is not None
    given = page.select_one("main > .text")
    assert given.get_text(strip=True) == "Tiny"
    assert page.select_one("main").find("section")["class"] == ["own"]  # ahead of the title


def test_a_forged_card_has_the_looks_of_none():
    card = markup.clean(CARDS["failed"]._repr_html_())
    assert "style" not in card
    assert "svg" not in card


@pytest.mark.parametrize("name", CARDS)
def test_a_card_of_the_judge_stays_as_it_is(name: str):
    def parts(html: str) -> list:
        tags = BeautifulSoup(html, "html.parser").find_all(True)
        styles = [tag.attrs.pop("style", "") for tag in tags]
        styles = [re.sub(r"\b0(?=\.)| |;$", "", style) for style in styles]
        found = [(t.name, t.attrs, t.text, style) for t, style in zip(tags, styles, strict=True)]
        return [part for part in found if part[0] != "tbody"]

    card = CARDS[name]._repr_html_()
    assert parts(markup.clean(card, ours=True)) == parts(card)


@pytest.mark.parametrize("assignment", assignments(COURSE))
def test_every_formula_of_the_course_is_mathml(assignment: str):
    cells = read(source_notebook(COURSE, assignment)).cells
    for text in (one.source for one in cells if one.cell_type == "markdown"):
        prose = re.sub(r"`[^`]*`", "", text)
        formulas = re.findall(r"\$\$.+?\$\$|\$.+?\$", prose, re.DOTALL)
        page = BeautifulSoup(markup.markdown(text, ours=True), "html.parser")
        assert len(page.find_all("math")) == len(formulas), text
        assert all(tag.get_text(strip=True) for tag in page.find_all("math"))
        assert "$" not in "".join(
            t for t in page.find_all(string=True) if not t.find_parent("code")
        )


def test_a_formula_that_cannot_be_read_is_shown_as_it_stands():
    assert markup.formula(r"\nonsense{x} < 1") == r"<code>\nonsense{x} &lt; 1</code>"
    deep = "{" * 100_000  # would take all of the stack
    assert markup.formula(deep) == f"<code>{deep}</code>"


@pytest.mark.parametrize("text", ["- a\n" * 200_000, "<div>" * 200_000, "\\begin{a}" * 20_000])
def test_markup_that_takes_a_parser_long_is_plain_text(text: str):
    began = time.perf_counter()
    for render in (markup.markdown, markup.clean):
        assert render(text) == f'<pre tabindex="0">{escape(text)}</pre>'
    assert time.perf_counter() - began < 5


def test_a_page_of_slow_cells_ends(monkeypatch):
    monkeypatch.setattr(feedback, "MOST_SECONDS", 0.0)
    cells = [nbformat.v4.new_markdown_cell("*x*", metadata={"byhand": "own"}) for _ in range(2)]
    shown = feedback.Cells({}).shown(nbformat.v4.new_notebook(cells=cells))
    assert [cell.text.strip() for cell in shown] == [
        "<p><em>x</em></p>",
        '<pre tabindex="0">*x*</pre>',
    ]


def test_a_picture_is_shown_and_what_only_runs_is_told(course: Path):
    def shown(data: dict[str, str]) -> str:
        output = nbformat.v4.new_output("display_data", data=data)
        cell = nbformat.v4.new_code_cell("1", outputs=[output], metadata={"byhand": "own"})
        [found] = feedback.Cells({}).shown(nbformat.v4.new_notebook(cells=[cell]))
        return found.outputs[0]

    assert shown({"image/png": "AA\n==", "text/plain": "<Figure>"}) == (
        '<img src="data:image/png;base64,AA==" alt="&lt;Figure&gt;">'
    )
    assert shown({"text/html": "<script>1</script>", "text/plain": "a widget"}) == (
        '<pre tabindex="0">a widget</pre>'
    )
    assert shown({"application/javascript": "1"}) == (
        '<pre tabindex="0">(not shown here: application/javascript)</pre>'
    )
    assert "<math>" in shown({"text/latex": "$x^2$"})


def test_each_failure_is_told_once(course: Path):
    page = page_of(course, "student-01")
    assert [text.h1.text for text in page.select(".text[id='cell-id=tiny']")] == ["Tiny"]
    [check] = page.select("#test_double")
    assert check.text.count("a negative number") == 1
    card = CARDS["failed"]
    data = {"text/plain": repr(card), "text/html": card._repr_html_()}
    outputs = [
        nbformat.v4.new_output("display_data", data=data),
        nbformat.v4.new_output("error", ename="CheckFailed", evalue=str(card), traceback=["x"]),
    ]
    one = cell("check()", "test_x", grade=True, locked=True, points=1.0)
    one.outputs = outputs
    [shown] = feedback.Cells({}).shown(nbformat.v4.new_notebook(cells=[one]))
    assert len(shown.outputs) == 1
    assert "twice" in shown.outputs[0]
    both = f"{CARDS['failed']}\n\n{CARDS['passed']}"  # of a cell in which two checks have failed
    data = {"text/plain": str(CARDS["passed"])}
    one.outputs.insert(1, nbformat.v4.new_output("display_data", data=data))
    for evalue, count in ((both, 2), (f"{both}\n\nmore", 3), ("", 3)):
        one.outputs[-1].evalue = evalue
        [shown] = feedback.Cells({}).shown(nbformat.v4.new_notebook(cells=[one]))
        assert len(shown.outputs) == count


@pytest.mark.filterwarnings("ignore:Your element with mimetype")
def test_formgrader_runs_nothing_of_a_student_either(course: Path, monkeypatch):
    monkeypatch.chdir(course)
    extension = FormgradeExtension()
    config = extension.load_config()
    config.merge(extension.build_extra_config())
    place = dict.fromkeys("assignment_id notebook_id submission_id base_url student".split(), "")
    place |= dict.fromkeys("last_name first_name notebook_path".split(), "") | {
        "index": 0,
        "total": 1,
    }
    notebook = course / "autograded" / NAME / ASSIGNMENT / "tiny.ipynb"
    page, _ = HTMLExporter(config=config).from_filename(str(notebook), resources=place)
    shown = BeautifulSoup(page, "html.parser").select(".rendered_html *, .output *")
    assert len(shown) > len(VECTORS) * len(MIMETYPES)
    assert dangers(shown) == []
