"""Files that are no notebooks, and notebooks in odd forms."""

import base64

import nbformat

from .base import FULL, NOTHING, Cause, Recipe, Sheet

UNREADABLE = (Cause("unreadable notebook", tuple(FULL)),)


def _unreadable(name: str, about: str, content: bytes | str | dict) -> Recipe:
    return Recipe(
        name, "notebook", about, lambda sheet: sheet.hand_in(content), NOTHING, UNREADABLE
    )


def _truncated(sheet: Sheet) -> None:
    text = nbformat.writes(sheet.nb)
    sheet.hand_in(text[: len(text) // 2])


UNREADABLES = [
    _unreadable("not-json", "a text", "I did the exercises on paper.\n"),
    _unreadable("empty-file", "nothing", b""),
    _unreadable("not-text", "a picture", b"\x89PNG\r\n\x1a\n\xff\xfe\x80"),
    _unreadable("json-deep", "JSON, 100,000 levels deep", "[" * 100_000),
    Recipe("truncated", "notebook", "half a file", _truncated, NOTHING, UNREADABLE),
]


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
