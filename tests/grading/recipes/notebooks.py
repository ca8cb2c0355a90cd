"""Files that are no notebooks, and notebooks in odd forms."""

import base64
import json
from collections.abc import Callable

import nbformat

from .base import FULL, NOTHING, UNREADABLE, Recipe, Sheet, without


def _unreadable(name: str, about: str, content: bytes | str | dict) -> Recipe:
    return Recipe(
        name, "notebook", about, lambda sheet: sheet.hand_in(content), NOTHING, UNREADABLE
    )


def _truncated(sheet: Sheet) -> None:
    text = nbformat.writes(sheet.nb)
    sheet.hand_in(text[: len(text) // 2])


def _old_format(sheet: Sheet) -> None:
    sheet.hand_in(nbformat.writes(sheet.nb, version=3))


def _future_format(sheet: Sheet) -> None:
    sheet.hand_in(sheet.json() | {"nbformat": 99, "nbformat_minor": 7})


def _no_metadata(sheet: Sheet) -> None:
    content = sheet.json()
    content["metadata"] = {}
    for cell in content["cells"]:
        cell["metadata"] = {}
    sheet.hand_in(content)


def _no_metadata_keys(sheet: Sheet) -> None:
    content = sheet.json()
    del content["metadata"]
    for cell in content["cells"]:
        if not cell["metadata"].get("nbgrader"):
            del cell["metadata"]
    sheet.hand_in(content)


def _same_ids(sheet: Sheet) -> None:
    content = sheet.json()
    for cell in content["cells"]:
        cell["id"] = "same"
    sheet.hand_in(content)


def _byte_order_mark(sheet: Sheet) -> None:
    sheet.hand_in(b"\xef\xbb\xbf" + nbformat.writes(sheet.nb).encode())


def _odd_outputs(sheet: Sheet) -> None:
    content = sheet.json()
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "stream"}, {"output_type": "hologram", "text": 5}]
            cell["execution_count"] = "three"
    sheet.hand_in(content)


def _encoded(version: int, encoding: str) -> Recipe:
    def make(sheet: Sheet) -> None:
        sheet.cell("linear").source += "\n# Fläche \U0001f600"
        sheet.hand_in(nbformat.writes(sheet.nb, version=version).encode(encoding))

    name = f"format-{version}-{encoding}"
    return Recipe(name, "notebook", f"nbformat {version} in {encoding}", make, repairs=None)


def _latin_1(sheet: Sheet) -> None:
    sheet.cell("linear").source += "\n# Fläche"
    sheet.hand_in(nbformat.writes(sheet.nb).encode("latin-1", "replace"))


def _format_3(sheet: Sheet) -> dict:
    return json.loads(nbformat.writes(sheet.nb, version=3))


def _odd_worksheets(sheet: Sheet) -> None:
    content = _format_3(sheet)
    content["worksheets"] = [5, {"cells": "none"}, {}, *content["worksheets"], None]
    content["worksheets"][3]["cells"] += [7, {"cell_type": "heading", "level": "x", "source": 1}]
    sheet.hand_in(content)


def _no_worksheets(sheet: Sheet) -> None:
    sheet.hand_in(_format_3(sheet) | {"worksheets": {"cells": []}})


def _metadata_list(sheet: Sheet) -> None:
    content = sheet.json() | {"metadata": ["python"], "nbformat": "four", "nbformat_minor": []}
    for cell in content["cells"]:
        if not cell["metadata"].get("nbgrader"):
            cell["metadata"] = "none"
    sheet.hand_in(content)


def _odd_marks(sheet: Sheet) -> None:
    content = sheet.json()
    for number, cell in enumerate(content["cells"]):
        cell["metadata"]["nbgrader"] = [None, "solution", 5, {"grade_id": ["relu"]}][number % 4]
        cell["metadata"]["tags"] = {"not": "a list"}
    sheet.hand_in(content)


def _odd_cells(sheet: Sheet) -> None:
    content = sheet.json()
    odd = [None, 5, "cell", [], {}, {"cell_type": ["code"]}, {"cell_type": {"code": 1}}]
    odd += [{"cell_type": "code"}, {"cell_type": "code", "source": None, "id": {}}]
    content["cells"] = odd + content["cells"] + odd
    sheet.hand_in(content)


def _odd_source(source: object) -> Callable[[Sheet], None]:
    def make(sheet: Sheet) -> None:
        content = sheet.json()
        content["cells"][sheet.index("relu")]["source"] = source
        sheet.hand_in(content)

    return make


def _keys_twice(sheet: Sheet) -> None:
    text = nbformat.writes(sheet.nb).rstrip()
    decoy = '"cells": [], "nbformat": 3, "worksheets": 5, "metadata": 1, '
    sheet.hand_in("{" + decoy + text[1:])


def _odd_numbers(sheet: Sheet) -> None:
    content = sheet.json()
    content["metadata"]["numbers"] = {"a": float("nan"), "b": float("-inf"), "c": float("inf")}
    text = json.dumps(content)
    sheet.hand_in(text[:-1] + f', "digits": {"9" * 10_000}, "large": 1e999999}}')


def _surrogates(sheet: Sheet) -> None:
    content = sheet.json()
    lone = "# \ud800 \udfff"
    content["cells"][sheet.index("linear")]["source"] += f"\n{lone}"
    content["cells"][sheet.index("relu")]["metadata"] |= {lone: lone, "name": lone}
    content["cells"].append({"cell_type": "markdown", "source": lone, "id": lone, "metadata": {}})
    content["metadata"]["title"] = lone
    sheet.hand_in(content)


def _nul(sheet: Sheet) -> None:
    sheet.add("# a NUL byte: \0")
    sheet.nb.cells.append(nbformat.v4.new_markdown_cell("\0\x1b[2J\x07"))


def _schema(version: int) -> Recipe:
    def make(sheet: Sheet) -> None:
        for cell in sheet.nb.cells:
            if "nbgrader" in cell.metadata:
                cell.metadata.nbgrader.schema_version = version

    about = f"the cells say that nbgrader's metadata has version {version}"
    return Recipe(f"schema-{version}", "notebook", about, make, repairs=None)


def _attachments(sheet: Sheet) -> None:
    picture = base64.b64encode(bytes(50_000_000)).decode()
    sheet.nb.cells[0].attachments = {"picture.png": {"image/png": picture}}


def _kernelspec(sheet: Sheet) -> None:
    sheet.nb.metadata.kernelspec = {
        "name": "no-such-kernel; touch owned",
        "display_name": "None",
        "language": "python",
    }


def _other_language(sheet: Sheet) -> None:
    sheet.nb.metadata.kernelspec = {"name": "ir", "display_name": "R", "language": "R"}
    sheet.nb.metadata.language_info = {"name": "R", "file_extension": ".r"}
    for task in FULL:
        sheet.write(task, f"{task} <- function(x) {{\n  x %*% t(weight)\n}}")


UNREADABLES = [
    _unreadable("not-json", "a text", "I did the exercises on paper.\n"),
    _unreadable("empty-file", "nothing", b""),
    _unreadable("not-text", "a picture", b"\x89PNG\r\n\x1a\n\xff\xfe\x80"),
    _unreadable("json-deep", "JSON, 100,000 levels deep", "[" * 100_000),
    _unreadable("many-values", "three million empty lists", f"[{'[],' * 3_000_000}[]]"),
    _unreadable("cells-object", "an object for cells", {"nbformat": 4, "cells": {"0": {}}}),
    _unreadable("json-string", "a text in quotes", '"nbformat"'),
    Recipe("latin-1", "notebook", "a notebook in Latin-1", _latin_1, NOTHING, UNREADABLE),
    Recipe(
        "no-worksheets", "notebook", "nbformat 3 without cells", _no_worksheets, NOTHING, UNREADABLE
    ),
    Recipe("truncated", "notebook", "half a file", _truncated, NOTHING, UNREADABLE),
]

FORMS = [
    Recipe("old-format", "notebook", "nbformat 3", _old_format, repairs=None),
    Recipe("future-format", "notebook", "nbformat 99", _future_format, repairs=None),
    Recipe(
        "no-metadata",
        "notebook",
        "all metadata emptied: nothing says which cell is which",
        _no_metadata,
        repairs=None,
    ),
    Recipe(
        "no-metadata-keys",
        "notebook",
        "no metadata of the notebook and of some cells",
        _no_metadata_keys,
        repairs=None,
    ),
    Recipe("same-ids", "notebook", "all cells have the same id", _same_ids, repairs=None),
    Recipe("byte-order-mark", "notebook", "saved by an editor", _byte_order_mark, repairs=None),
    Recipe("odd-outputs", "notebook", "outputs of no known kind", _odd_outputs, repairs=None),
    *(_encoded(4, encoding) for encoding in ("utf-8-sig", "utf-16", "utf-32-be")),
    *(_encoded(3, encoding) for encoding in ("utf-8", "utf-8-sig", "utf-16")),
    Recipe("odd-worksheets", "notebook", "nbformat 3, odd types", _odd_worksheets, repairs=None),
    Recipe("metadata-list", "notebook", "metadata of odd types", _metadata_list, repairs=None),
    Recipe("odd-marks", "notebook", "nbgrader's marks of odd types", _odd_marks, repairs=None),
    Recipe("odd-cells", "notebook", "cells that are none, among others", _odd_cells, repairs=None),
    *(
        Recipe(
            name,
            "notebook",
            f"a solution is {source}",
            _odd_source(source),
            without("relu"),
            repairs=("relu",),
        )
        for name, source in (
            ("source-number", 12.5),
            ("source-numbers", [1, 2]),
            ("source-object", {"a": "pass"}),
        )
    ),
    Recipe("keys-twice", "notebook", "keys that stand twice", _keys_twice, repairs=None),
    Recipe("odd-numbers", "notebook", "NaN, Infinity, 10,000 digits", _odd_numbers, repairs=None),
    Recipe("lone-surrogates", "notebook", "text that is no Unicode", _surrogates, repairs=None),
    Recipe("control-characters", "notebook", "NUL, escape, bell", _nul, repairs=None),
    _schema(1),
    _schema(99),
    Recipe("attachments", "notebook", "50 MB of attachments", _attachments, repairs=None),
    Recipe("kernelspec", "notebook", "a kernel that there is not", _kernelspec, repairs=None),
    Recipe(
        "other-language",
        "notebook",
        "solutions in R, for an R kernel",
        _other_language,
        NOTHING,
        repairs=None,
    ),
]

NOTEBOOKS = UNREADABLES + FORMS
