"""What is handed in beside a notebook or in its place, names of files, and much text."""

import os
from collections.abc import Callable
from pathlib import Path

import nbformat
from matplotlib import font_manager

from .base import NOTEBOOK, NOTHING, UNREADABLE, Recipe, Sheet


def _extra_notebook(sheet: Sheet) -> None:
    sheet.files["scratch.ipynb"] = b"{not even JSON"
    sheet.files["Untitled.ipynb"] = nbformat.writes(nbformat.v4.new_notebook()).encode()


def _renamed(sheet: Sheet) -> None:
    sheet.files["small (1).ipynb"] = nbformat.writes(sheet.nb).encode()
    sheet.nb = None


def _odd_files(sheet: Sheet) -> None:
    sheet.files |= {
        "Übung 1 [final] {0} %s $(touch owned).txt": b"\xff",
        "data/deep/er/numbers.csv": b"1,2\n",
        "large.bin": bytes(20_000_000),
        ".ipynb_checkpoints/small-checkpoint.ipynb": b"{}",
    }


def _timestamp(sheet: Sheet) -> None:
    sheet.files["timestamp.txt"] = b"yesterday, I think"


def _stands_in(name: str, *inside: str) -> Callable[[Sheet], None]:
    """A folder where a file of this name is expected."""

    def make(sheet: Sheet) -> None:
        sheet.files |= {f"{name}/{path}": b"{}" for path in inside}

    return make


def _notebook_folder(sheet: Sheet) -> None:
    """As some programs unpack an archive."""
    sheet.files[f"{NOTEBOOK}/{NOTEBOOK}"] = nbformat.writes(sheet.nb).encode()
    sheet.files[f"{NOTEBOOK}/outcome.json/x"] = b""
    sheet.nb = None


def _empty_folder(sheet: Sheet) -> None:
    sheet.files[f"{NOTEBOOK}/notes.txt"] = b"the notebook was here"
    sheet.nb = None


def _below(sheet: Sheet) -> None:
    sheet.files[f"2-small/{NOTEBOOK}"] = nbformat.writes(sheet.nb).encode()
    sheet.nb = None


def _no_notebook(sheet: Sheet) -> None:
    sheet.files["solution.py"] = sheet.right["linear"].encode()
    sheet.nb = None


def _link_to_own(sheet: Sheet) -> None:
    sheet.files["mine.ipynb"] = nbformat.writes(sheet.nb).encode()
    sheet.files[NOTEBOOK] = Path("mine.ipynb")


def _links(sheet: Sheet) -> None:
    targets = {"loop": Path("loop"), "up": Path(".."), "root": Path("/"), "nowhere": Path("\n\x1b")}
    sheet.files |= targets | {
        "outcome.json": Path("/etc/passwd"),
        "timestamp.txt": Path("/dev/zero"),
    }


def _font_cache(sheet: Sheet) -> None:
    version = font_manager.FontManager.__version__
    sheet.files[f".cache/matplotlib/fontlist-v{version}.json"] = b"{}"
    sheet.add("import matplotlib.pyplot as plt\nplt.plot([1, 2])")


def _cache_file(sheet: Sheet) -> None:
    sheet.files[".cache"] = b"not a folder"


def _many_files(sheet: Sheet) -> None:
    sheet.files |= {f"{number}.txt": b"x" for number in range(5000)}
    sheet.files |= {f"0/{number}/x": b"x" for number in range(2000)}


def _deep(sheet: Sheet) -> None:
    sheet.files["/".join(["deep"] * 300) + "/bottom.txt"] = b"x"
    sheet.files["/".join(["long" * 50] * 15) + "/bottom.txt"] = b"x"


def _full(sheet: Sheet) -> None:
    sheet.files |= {f"{number}.bin": b"x" for number in range(990)}
    sheet.files |= {f"large-{number}.bin": bytes(2**20) for number in range(9)}


def _names(sheet: Sheet) -> None:
    names = ["\n", "\x1b[2J", "a\rb", "[ab]*?.txt", "-rf", "~", "%s", os.fsdecode(b"caf\xe9.txt")]
    names += ["[x]/scratch.ipynb", "x\ny/scratch.ipynb", os.fsdecode(b"\xff.ipynb")]
    sheet.files |= dict.fromkeys(names, b"x")


def _shell_lines(sheet: Sheet) -> None:
    sheet.add("\n".join(["!true"] * 600))


def _redefined(sheet: Sheet) -> None:
    again = "class Linear(Linear):\n    pass\n"
    sheet.add(again * 1500, before="test_linear")
    twice = "try:\n    class Both(Both, Both):\n        pass\nexcept TypeError:\n    pass\n"
    sheet.add("class Both:\n    pass\n" + twice * 60)


def _circular(sheet: Sheet) -> None:
    sheet.add(
        """
class First:
    pass
class Second(First):
    pass
class First(Second):
    forward = backward = __call__ = lambda self: First.forward(Second.backward(self))
Linear.helper = Second.helper = First.helper = First
Linear = Linear
""",
        before="test_linear",
    )


FILES = [
    *(
        Recipe(f"{name}-folder", "notebook", f"a folder named {name}", _stands_in(name, "x", "a/b"))
        for name in ("timestamp.txt", "outcome.json", "small.html", "gradebook.db", "given.py")
    ),
    Recipe(
        "notebook-folder",
        "notebook",
        "the notebook is in a folder of its name",
        _notebook_folder,
        repairs=("small.ipynb/small.ipynb",),
    ),
    Recipe("below", "notebook", "the notebook is in a folder", _below, repairs=("2-small/",)),
    Recipe(
        "empty-folder",
        "notebook",
        "a folder in place of a notebook",
        _empty_folder,
        NOTHING,
        UNREADABLE,
    ),
    Recipe("no-notebook", "notebook", "no notebook at all", _no_notebook, NOTHING, UNREADABLE),
    Recipe(
        "link-to-own",
        "notebook",
        "the notebook is a link to another one beside it",
        _link_to_own,
        repairs=("mine.ipynb",),
    ),
    Recipe("links", "notebook", "links to themselves and to folders above", _links),
    Recipe("font-cache", "notebook", "matplotlib's list of fonts", _font_cache),
    Recipe("cache-file", "notebook", "a file where caches are kept", _cache_file),
    Recipe("many-files", "notebook", "7,000 files", _many_files, repairs=("left out",)),
    Recipe("deep", "notebook", "folders deep in each other", _deep, repairs=("left out",)),
    Recipe("full", "notebook", "as many and as large files as there is no room for", _full),
    Recipe("odd-names", "notebook", "names that are patterns or no text", _names),
    Recipe(
        "shell-lines", "notebook", "600 shell lines in a cell", _shell_lines, causes=None
    ),  # IPython itself takes longer than the cell has
    Recipe("redefined", "notebook", "classes that inherit from themselves", _redefined),
    Recipe("circular", "notebook", "classes that inherit from each other", _circular),
    Recipe(
        "extra-notebook",
        "notebook",
        "two more notebooks, one of them damaged",
        _extra_notebook,
        repairs=None,
    ),
    Recipe(
        "renamed", "notebook", "the notebook has another name", _renamed, repairs=(NOTEBOOK, "(1)")
    ),
    Recipe("odd-files", "notebook", "odd names, folders, a large file", _odd_files, repairs=None),
    Recipe("odd-timestamp", "notebook", "a time that is none", _timestamp, repairs=None),
]
