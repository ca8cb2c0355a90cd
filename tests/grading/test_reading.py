"""Whatever is in a notebook's place is read as cells, or as a reason why not."""

import json
import random
from pathlib import Path

import nbformat
import pytest

from byhand.grading.submission.reading import UnreadableError, submitted_cells

from .tiny import tiny_notebook

TEXT = nbformat.writes(tiny_notebook())
TEXT_3 = nbformat.writes(tiny_notebook(), version=3)
SOURCES = [cell.source for cell in tiny_notebook().cells]


def cells(path: Path, content: bytes | str) -> list:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return submitted_cells(path)


@pytest.mark.parametrize("text", [TEXT, TEXT_3], ids=["4", "3"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_a_notebook_is_read_in_every_encoding_of_unicode(tmp_path, text, encoding):
    found = cells(tmp_path / "x.ipynb", text.encode(encoding))
    assert [cell.source.removeprefix("# ") for cell in found] == ["Tiny", *SOURCES[1:]]
    assert found[2].grade_id == "double"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\xff\xfe", "not JSON"),
        ("é".encode("latin-1") * 9, "not UTF-8"),
        ("[" * 100_000, "cannot be read"),
        ("5", "without nbformat"),
        ('{"nbformat": 4}', "no list of cells"),
        ('{"nbformat": 4, "cells": {}}', "no list of cells"),
        ('{"nbformat": 3, "worksheets": 5}', "no list of cells"),
        (f"[{'[],' * 2_000_001}0]", "more than 2,000,000 values"),
        ("byhand: the notebook is a link to \x1b.\n", r"is a link to \\x1b$"),
    ],
    ids=range(10),
)
def test_what_is_no_notebook_is_said_in_words(tmp_path, content, reason):
    with pytest.raises(UnreadableError, match=reason) as error:
        cells(tmp_path / "x.ipynb", content)
    assert str(error.value).isprintable()


def test_numbers_that_json_does_not_have_are_read(tmp_path):
    content = TEXT.rstrip()[:-1] + f', "x": [NaN, -Infinity, {"9" * 5000}, 1e99999]}}'
    assert [cell.source for cell in cells(tmp_path / "x.ipynb", content)] == SOURCES


def test_anything_at_all_in_place_of_anything_is_read_or_said_why_not(tmp_path):
    """Each value of a notebook, at all depths, replaced by values of all types."""
    odd = [None, True, 5, -1e300, "", "\ud800", [], {}, ["x"], {"x": {"y": []}}, [[["x"]]]]
    chance = random.Random(0)
    for text in (TEXT, TEXT_3):
        whole = json.loads(text)
        for path in paths(whole):
            changed = json.loads(text)
            place = changed
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = chance.choice(odd)
            try:
                found = cells(tmp_path / "x.ipynb", json.dumps(changed))
            except UnreadableError:
                continue
            for cell in found:
                assert cell.kind in ("code", "markdown", "raw")
                cell.source.encode("utf-8")


def paths(value: object) -> list[tuple]:
    """The places in JSON, as keys from the top."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, below in inner:
        found.append((key,))
        if isinstance(below, dict | list):
            found += [(key, *path) for path in paths(below)]
    return found
