"""What students named is shown as it is, and does nothing."""

import logging
import os

import pytest
from nbconvert.filters import markdown2html

from byhand.grading.plugins.exports import plain
from byhand.grading.plugins.log import Printable
from byhand.grading.submission.names import literal, printable, why_not

HOSTILE = [
    "\n",
    "a\r\nb",
    "\x1b[2J",
    "\x07",
    "\x9b2J",
    "\u202etxt",
    "\u2028",
    "\ud800",
    os.fsdecode(b"caf\xe9"),
]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_printable_text_moves_no_cursor_and_can_be_written(text):
    shown = printable(f"before{text}after")
    assert shown.isprintable()
    assert shown.encode("utf-8").startswith(b"before")
    assert shown.endswith("after")


def test_ordinary_names_stay_as_they_are():
    for name in ("student-01", "Ünal, Ö. (2)", "李 明", "o'neill", "a\\b"):
        assert printable(name) == name
        assert why_not(name) == ""


@pytest.mark.parametrize("text", ["<b>x</b>", "[x](y)", "![x](y)", "**x**", "`x`", "# x", "a_b_c"])
def test_a_literal_text_is_no_markup(text):
    page = markdown2html(f"- {literal(text)}")
    for tag in ("<b>", "<a", "<img", "<strong>", "<code>", "<h1", "<em>"):
        assert tag not in page
    assert literal("plain words 12") == "plain words 12"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".hidden", "dot"),
        ("a[1]", "pattern"),
        ("a*", "pattern"),
        ("a?", "pattern"),
        ("x" * 129, "128"),
        *((f"a{text}", "cannot be printed") for text in HOSTILE),
    ],
    ids=ascii,
)
def test_a_name_that_nbgrader_stumbles_over_is_told_why(name, reason):
    assert reason in why_not(name)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"])
def test_no_cell_of_an_export_is_a_formula(text):
    assert plain(text).startswith("'")
    assert printable(plain(text)) == plain(text)


def test_other_cells_of_an_export_stay_as_they_are():
    assert [plain(value) for value in ("a=1", -1.5, None)] == ["a=1", -1.5, None]


def test_a_log_line_stays_one_line_and_a_traceback_several():
    def logged(message: str, *args: object, error: Exception | None = None) -> str:
        info = (type(error), error, None) if error else None
        record = logging.LogRecord("x", logging.ERROR, "", 1, message, args, info)
        assert Printable().filter(record)
        return logging.Formatter().format(record)

    assert logged("%s: %d of %s", "a\nb\x1b", 3, "c") == "a\\nb\\x1b: 3 of c"
    assert logged("two\nlines\x1b[2J") == "two\nlines\\x1b[2J"
    assert "\x1b" not in logged("x", error=ValueError("\x1b[2J\nnext"))
