"""The pages of the site that are not in docs/: a hook of MkDocs, named in mkdocs.yml.

They are the documents at the root, and a page for each assignment, made from its notebook in
release/. Nothing that is made is kept, and source/ is never read.
"""

import os
import posixpath
import re
from collections.abc import Callable
from pathlib import Path

from markdown.extensions.toc import nest_toc_tokens, slugify, unique
from markupsafe import Markup
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.structure.toc import get_toc
from nbformat import NotebookNode

from byhand.grading.course.notebooks import BONUS, grade_id, is_test, read, tags, task_of
from byhand.grading.submission import markup

ROOT = Path(__file__).resolve().parents[1]
AT_THE_ROOT = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "CITATION.cff": "CITATION.cff",
    "LICENSE": "LICENSE.txt",
    "LICENSE-notebooks": "LICENSE-notebooks.txt",
}
NOTEBOOKS = {f"assignments/{p.parent.name}.md": p for p in sorted(ROOT.glob("release/*/*.ipynb"))}
PLACES = AT_THE_ROOT | {p.relative_to(ROOT).as_posix(): uri for uri, p in NOTEBOOKS.items()}
LINK = re.compile(r"(?<=\]\()(?!\w+:)[^)#\s]+")
HEADING = re.compile(r"<h([2-6])>(.*?)</h\1>", re.DOTALL)
INLINE = re.compile(r"(<math>.*?</math>)([.,;:!?)]*)", re.DOTALL)
WIDE = 30  # characters; a longer formula may scroll on a phone
LONG = 16  # lines; longer code that is not the student's to write is folded

HEAD = """\
# {title}

!!! abstract "{points}"
    This page is the notebook as students get it, without figures: they appear when it runs. To
    work on it, open `{path}` in JupyterLab, which `make lab` starts, or what your instructor has
    handed out ([how to begin](../students.md#install)). Checks and long code are folded.
"""
CODE = Markup('<div class="highlight">{}<pre><code>{}</code></pre></div>')
YOURS = Markup('<span class="filename">{}: yours to write</span>')
FOLDED = Markup("<details data-search-exclude><summary>{}</summary>{}</details>")
ANCHOR = '<a class="headerlink" href="#{0}" title="Permanent link">&para;</a>'


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages that are not in docs/."""
    for name, uri in AT_THE_ROOT.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / name)))
    for uri, path in NOTEBOOKS.items():
        cells = read(path).cells
        title = cells[0].source.partition("\n")[0].removeprefix("# ")
        head = HEAD.format(title=title, points=_points(cells), path=path.relative_to(ROOT))
        files.append(File.generated(config, uri, content=head))


def on_page_markdown(text: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links between documents, as they stand in the repository, lead to pages of the site."""
    source = page.file.abs_src_path
    if source is None:  # a notebook's head, which is written for the site
        return text
    here = posixpath.dirname(page.file.src_uri)
    return _linked(text, Path(source), lambda uri: posixpath.relpath(uri, here or "."))


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Under the head of an assignment's page, the notebook."""
    path = NOTEBOOKS.get(page.file.src_uri)
    if path is None:
        return html
    first, *cells = read(path).cells
    first.source = first.source.partition("\n")[2]

    def url(uri: str) -> str:
        return files.src_uris[uri].url_relative_to(page.file)

    shown = "\n".join(
        markup.markdown(_linked(cell.source, path, url), ours=True)
        if cell.cell_type == "markdown"
        else _code(cell)
        for cell in [first, *cells]
        if not cell.metadata.get("jupyter", {}).get("source_hidden")
    )
    [top] = page.toc.items
    headings, taken = [dict(level=1, id=top.id, name=top.title)], {top.id}

    def with_anchor(match: re.Match) -> str:
        name = Markup(match[2]).striptags()
        anchor = unique(slugify(name, "-"), taken)
        headings.append(dict(level=int(match[1]), id=anchor, name=str(Markup.escape(name))))
        return f'<h{match[1]} id="{anchor}">{match[2]}{ANCHOR.format(anchor)}</h{match[1]}>'

    html += HEADING.sub(with_anchor, INLINE.sub(_kept_together, shown))
    page.toc = get_toc(nest_toc_tokens(headings))
    return html


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """What Material leaves out, for those who use a keyboard or a screen reader: the name of the
    search, and a way to tables that scroll."""
    output = output.replace('role="dialog"', 'role="dialog" aria-label="Search"')
    return output.replace("<table>", '<table tabindex="0">')


def _linked(text: str, source: Path, target: Callable[[str], str]) -> str:
    """Markdown whose links to files of the course are links to their places on the site.

    source: where the text stands; target: the address for a page of the site.
    """

    def place(match: re.Match) -> str:
        there = Path(os.path.relpath(source.parent / match[0], ROOT)).as_posix()
        if there.startswith("docs/") or there in PLACES:
            return target(PLACES.get(there, there.removeprefix("docs/")))
        return match[0]

    return LINK.sub(place, text)


def _kept_together(formula: re.Match) -> str:
    """A formula in a line of text: no line begins with the comma after it."""
    if len(Markup(formula[1]).striptags()) > WIDE:
        return f'<span class="wide" tabindex="0">{formula[0]}</span>'
    return f'<span class="whole">{formula[0]}</span>' if formula[2] else formula[0]


def _points(cells: list[NotebookNode]) -> str:
    """As in "10 points and 1 bonus point, 8 tasks"."""
    solutions = [name for cell in cells if (name := grade_id(cell, "solution"))]
    graded = [cell for cell in cells if grade_id(cell, "grade")]
    tasks = {task_of(grade_id(cell), solutions) for cell in graded}
    bonus = sum(cell.metadata.nbgrader.points for cell in graded if BONUS in tags(cell))
    points = sum(cell.metadata.nbgrader.points for cell in graded) - bonus
    on_top = f" and {bonus:g} bonus point{'s' * (bonus != 1)}" * bool(bonus)
    return f"{points:g} points{on_top}, {len(tasks)} tasks"


def _code(cell: NotebookNode) -> Markup:
    """A code cell as HTML; of those that are not the student's, the long ones are folded."""
    name, lines, code = grade_id(cell), cell.source.count("\n") + 1, markup.code(cell.source)
    if grade_id(cell, "solution"):
        return CODE.format(YOURS.format(name), code)
    shown = CODE.format("", code)
    if is_test(cell):
        return FOLDED.format(f"Check {name}", shown)
    return shown if lines <= LONG else FOLDED.format(f"Code, {lines} lines", shown)
