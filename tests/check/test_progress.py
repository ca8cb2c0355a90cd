"""The scoreboard: what the runs of test cells leave in it, its sum, its links, its colours."""

import re
import sys
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib.colors import to_rgb

from byhand.check import progress
from byhand.check.report import Line, Report

from .test_report import failing

TABLE = """
double #double-text #double-hints Double
    test_double_whole 1
    test_double_half 0.5
root #root-text #root-text Root
    test_root 2
extra #extra-text #extra-hints Extra
    test_extra 0.25 bonus
essay #essay-text #essay-text What do you think?
    essay 1 person
"""
PREAMBLE = """
from byhand.check.report import CheckFailed, Line, Report
def fails(*lines):
    raise CheckFailed(Report("double()", "again()", list(lines)))
"""
NAMED = (
    'fails(Line("first", False, "is 1, expected 2"), Line("x", False, "...", hint="It <is> 2."))'
)


@pytest.fixture
def run(monkeypatch):
    """Runs a cell as a notebook does, in a kernel in which nothing has run."""
    shell = InteractiveShell()
    monkeypatch.setattr(progress, "get_ipython", lambda: shell)
    monkeypatch.setattr(progress, "_LATEST", {})
    progress.watch()
    shell.run_cell(PREAMBLE)
    return shell.run_cell


def states() -> dict[str, str]:
    tasks = progress.scoreboard(TABLE).tasks
    return {part.name: part.state for task in tasks for part in task.parts}


@pytest.mark.usefixtures("run")
def test_before_anything_has_run_nothing_is_begun():
    assert repr(progress.scoreboard(TABLE)).splitlines() == [
        "0 of 3 visible checks, 0 of 4.5 points so far (a person gives 1 of them), "
        "bonus 0 of 0.25; hidden cases decide the rest",
        "  ○ Double              0 of 1.5      not begun",
        "  ○ Root                0 of 2        not begun",
        "  ○ Extra               0 of 0.25 bonus not begun",
        "  • What do you think?  0 of 1        graded by a person",
    ]


def test_each_task_stands_as_its_last_run_left_it(run):
    run("# test_double_whole: 1 point\n1 + 1")
    run(f"# test_double_half: 0.5 points\n{NAMED}")
    run("# test_root: 2 points\n1 / 0")
    run("# test_root: 2 points\n1 + 1")
    run("# test_extra: 0.25 bonus points\n1 + 1")
    assert repr(progress.scoreboard(TABLE)).splitlines() == [
        "2 of 3 visible checks, 3 of 4.5 points so far (a person gives 1 of them), "
        "bonus 0.25 of 0.25; hidden cases decide the rest",
        "  ✗ Double              1 of 1.5",
        "      ✓ whole, 1",
        "      ✗ half, 0.5: It <is> 2.",
        "  ✓ Root                2 of 2",
        "  ✓ Extra               0.25 of 0.25 bonus",
        "  • What do you think?  0 of 1        graded by a person",
    ]
    run("# test_root: 2 points\nfails(Line('output', False, 'is 1, expected 2'))")
    assert "      output is 1, expected 2" in repr(progress.scoreboard(TABLE)).splitlines()


@pytest.mark.parametrize(
    ("cell", "state", "why"),
    [
        ("pass", "✓", ""),
        ("raise NotImplementedError", "○", ""),
        ("fails(Line('output', False, 'forward is not implemented yet'))", "○", ""),
        (
            "fails(Line('a', False, 'is 2'), Line('b', False, 'g is not implemented yet'))",
            "✗",
            "a is 2",
        ),
        ("fails(Line('a', True, 'fine'), Line('b', False, 'is 3'))", "✗", "b is 3"),
        ("fails(Line('a', False, 'raised E: no (in f, line 1: x)'))", "✗", "a raised E: no"),
        ("raise ValueError(' '.join(['word'] * 99))", "✗", f"ValueError:{' word' * 21} ..."),
        ("Root", "✗", "NameError: name 'Root' is not defined"),
        ("1 +", "✗", "SyntaxError: invalid syntax (<string>, line 2)"),
        ("raise KeyboardInterrupt", "✗", "KeyboardInterrupt"),
        ("raise ValueError('a\\nb' * 500)", "✗", "ValueError: a"),
    ],
)
def test_what_came_of_a_cell(run, cell, state, why):
    run(f"# test_root: 2 points\n{cell}")
    found, said = progress._LATEST["test_root"]
    assert found == state
    assert re.sub(r"\(.*, line", "(<string>, line", said) == why


def test_other_cells_count_for_nothing(run):
    run("1 / 0")
    run("x = 1\n# test_root: 2 points")
    assert states()["test_root"] == "○"


def test_without_a_notebook_there_is_nothing_to_watch(monkeypatch):
    monkeypatch.setattr(progress, "get_ipython", lambda: None)
    progress.watch()


def test_the_card_links_to_the_task_and_from_a_mistake_to_its_hints(run):
    run(f"# test_double_half: 0.5 points\n{NAMED}")
    card = progress.scoreboard(TABLE)._repr_html_()
    links = re.findall(r'<a href="#cell-id=([\w-]+)"[^>]*>([^<]+)</a>', card)
    assert ("double-text", "Double") in links
    assert [text for target, text in links if target == "double-hints"] == ["hints"]
    assert "It &lt;is&gt; 2." in card
    assert "<is>" not in card


# Colours as JupyterLab's own themes have them, read from the themes that are installed.
THEMES = Path(sys.prefix) / "share" / "jupyter" / "lab" / "themes" / "@jupyterlab"
LEAST = 4.5  # contrast of text, by the Web Content Accessibility Guidelines 2.2, 1.4.3


def rgba(text: str) -> tuple[float, float, float, float]:
    if numbers := re.fullmatch(r"rgba\((.+)\)", text):
        red, green, blue, alpha = map(float, numbers[1].split(","))
        return red / 255, green / 255, blue / 255, alpha
    return *to_rgb(text), 1.0


def over(top, share, bottom):
    return tuple(share * a + (1 - share) * b for a, b in zip(top[:3], bottom[:3], strict=True))


def contrast(one, other) -> float:
    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def contrasts(card: str, theme: str) -> list[float]:
    """Of each colour that text has in a card, and of that which it inherits, in a theme."""
    css = (THEMES / f"theme-{theme}-extension" / "index.css").read_text(encoding="utf-8")
    text, page = (
        rgba(re.search(rf"--jp-{name}:([^;]+);", css)[1])
        for name in ("content-font-color1", "layout-color0")
    )
    box = rgba(re.search(r"background:(rgba\([^)]+\))", card)[1])
    ground = over(box, box[3], page)
    found = [contrast(over(text, text[3], ground), ground)]
    for faint in re.findall(r"opacity:([\d.]+)", card.replace("fill-opacity", "")):
        found.append(contrast(over(text, text[3] * float(faint), ground), ground))
    for style in re.findall(r"(?<![-\w])color:([^;\"]+)", card):
        if style == "inherit":
            continue
        colour, share = re.fullmatch(
            r"color-mix\(in srgb, (#\w+) (\d+)%, currentColor\)", style
        ).groups()
        share = int(share) / 100
        alpha = share + (1 - share) * text[3]
        mixed = [
            (share * a + (1 - share) * text[3] * b) / alpha
            for a, b in zip(to_rgb(colour), text[:3], strict=True)
        ]
        found.append(contrast(over(mixed, alpha, ground), ground))
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_can_be_read_in_both_themes(run, theme):
    run(f"# test_double_half: 0.5 points\n{NAMED}")
    run("# test_root: 2 points\npass")
    passed = Report("x", "...", [Line("output", True, "largest error 0")])
    for card in (failing(), passed, progress.scoreboard(TABLE)):
        found = contrasts(card._repr_html_(), theme)
        assert len(found) > 1
        assert min(found) >= LEAST, found
