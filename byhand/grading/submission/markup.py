"""Markdown, formulas, HTML and code of a notebook as markup that runs nothing and loads nothing.

Whatever a student wrote goes through an allow-list (nh3); formulas become MathML, which browsers
draw without a script or a network.
"""

import base64
import re
from functools import partial

import nh3
from markupsafe import Markup, escape
from math_core import LatexError, LatexToMathML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

# What is longer stands there as plain text: parsers take quadratic time, or recurse, where
# somebody wants them to. The course's longest text has 2,500 characters, its longest formula 300.
MOST_MARKDOWN, MOST_FORMULA, MOST_HTML, MOST_CODE = 10_000, 1_000, 100_000, 100_000
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")

TEXT = set(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em h1 h2 h3 h4 h5 "
    "h6 hr i img ins kbd li ol p pre q s samp small span strong sub summary sup table tbody td "
    "tfoot th thead tr tt u ul var wbr".split()
)
MATH = set(
    "math mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace "
    "msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none".split()
)
PICTURE = set("svg g line path rect circle polyline text title".split())
SIZES = {"width", "height"}
ATTRIBUTES = {tag: {"style"} for tag in MATH} | {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", *SIZES},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
    "col": {"span"},
    "ol": {"start"},
    "details": {"open"},
    "math": {"display"},  # no accent below: without a font for formulas, hats fall on the letter
    "mo": {"stretchy", "lspace", "rspace", "form", "minsize", "maxsize", "style"},
    "mi": {"mathvariant"},
    "mspace": {*SIZES, "style"},
    "mfrac": {"displaystyle", "linethickness"},
    "mtable": {"displaystyle", "scriptlevel"},
    "mtd": {"style"},
}
DRAWN = set("x y x1 y1 x2 y2 cx cy r d points fill stroke viewBox font-size text-anchor".split())
DRAWN |= SIZES | {"fill-opacity", "stroke-width", "stroke-opacity", "transform"}
FOCUSABLE = {"math": {"tabindex": {"0"}}, "pre": {"tabindex": {"0"}}}  # as they may scroll
OURS = {"*": {"style", "role", "aria-label", "aria-hidden"}}
STYLES = {"text-align", "justify-items", "padding-left", "padding-right"}  # of tables in formulas
OUR_STYLES = STYLES | set(
    "background background-color border border-bottom border-collapse border-left border-radius "
    "border-right border-top color cursor display flex flex-wrap font font-family font-size "
    "font-style font-weight gap line-height margin margin-bottom margin-left margin-right "
    "margin-top max-width min-width opacity overflow overflow-x padding padding-bottom padding-top "
    "text-decoration vertical-align white-space width".split()
)

LOADS = re.compile(r"url|image|src|@|\\", re.IGNORECASE)  # in a style


def _attribute(tag: str, name: str, value: str) -> str | None:
    """The value; None if it loads something. Pictures stand in the page itself, as data:."""
    if name == "src":
        return value if value.startswith(tuple(f"data:{kind};" for kind in PICTURES)) else None
    if name == "style":
        return None if LOADS.search(value) else value
    return None if name == "href" and value.strip().lower().startswith("data:") else value


_cleaner = partial(
    nh3.Cleaner,
    attribute_filter=_attribute,
    url_schemes={"http", "https", "mailto", "data"},
    clean_content_tags={"script", "style", "template", "noscript", "iframe", "object"},
)
THEIR_CLEANER = _cleaner(
    tags=TEXT | MATH,
    attributes=ATTRIBUTES,
    tag_attribute_values=FOCUSABLE,
    filter_style_properties=STYLES,
    url_relative="deny",
)
OUR_CLEANER = _cleaner(
    tags=TEXT | MATH | PICTURE,
    attributes=ATTRIBUTES | dict.fromkeys(PICTURE, DRAWN) | OURS,
    tag_attribute_values=FOCUSABLE,
    filter_style_properties=OUR_STYLES,
)
TO_MATHML = LatexToMathML(fancy_error=False)
FORMATTER = HtmlFormatter(nowrap=True)


def clean(html: str, ours: bool = False) -> Markup:
    """HTML as far as it only shows something.

    ours: of the course's text, or of a check's card, which may have colours and drawings. What a
    student wrote may not, so that it does not look like a card.
    """
    if not ours and len(html) > MOST_HTML:
        return plain(html)
    return Markup((OUR_CLEANER if ours else THEIR_CLEANER).clean(html))


def markdown(source: str, ours: bool = False) -> Markup:
    """Markdown as HTML, its formulas as MathML."""
    if not ours and len(source) > MOST_MARKDOWN:
        return plain(source)
    try:
        html = MarkdownWithMath(renderer=_Renderer(escape=False)).render(source)
    except Exception:  # noqa: BLE001 - a parser that gives up costs the looks of one cell
        return plain(source)
    return clean(html, ours)


def formula(tex: str, block: bool = False) -> Markup:
    """A formula as MathML; as code, if it cannot be read."""
    if len(tex) <= MOST_FORMULA:
        try:
            found = TO_MATHML.convert_with_local_state(tex, displaystyle=block)
            return Markup(found.replace("<math display", '<math tabindex="0" display', 1))
        except LatexError:
            pass
    return Markup("<code>{}</code>").format(tex)


def code(source: str) -> Markup:
    """Python with spans for colours; CSS for them: FORMATTER.get_style_defs()."""
    if len(source) > MOST_CODE:
        return escape(source)
    return Markup(highlight(source, PythonLexer(stripnl=False), FORMATTER))


def picture(kind: str, data: str) -> str:
    """The address of a picture in an output; an SVG that is an image runs no script."""
    if kind == "image/svg+xml":
        data = base64.b64encode(data.encode()).decode()
    return f"data:{kind};base64,{data.replace(chr(10), '')}"


def plain(text: str) -> Markup:
    """Text as it stands; it may scroll, so the keyboard gets to it."""
    return Markup('<pre tabindex="0">{}</pre>').format(text)


class _Renderer(IPythonRenderer):
    """Formulas as MathML. Pictures that are not in the text itself are left out."""

    def __init__(self, **options: bool):
        super().__init__(exclude_anchor_links=True, **options)

    def block_math(self, body: str) -> str:
        return formula(body, block=True)

    def inline_math(self, body: str) -> str:
        return formula(body)

    def latex_environment(self, name: str, body: str) -> str:
        return formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return super().image(text, "" if url.startswith("attachment:") else url, title)
