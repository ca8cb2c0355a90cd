"""Right solutions with side effects that must not cost anything."""

from .base import Recipe, Sheet


def _inside(name: str, about: str, code: str, cell: str = "") -> Recipe:
    """code: at the beginning of a method of every task; cell: ahead of the solutions."""

    def make(sheet: Sheet) -> None:
        for task in sheet.right:
            sheet.inside(task, code)
        if cell:
            sheet.add(cell)

    return Recipe(name, "right", about, make)


def _own_module(sheet: Sheet) -> None:
    sheet.files["helpers.py"] = b"def doubled(number):\n    return 2 * number\n"
    sheet.files["data/number.txt"] = b"21\n"
    sheet.add(
        "import helpers\n\nnumber = int(open('data/number.txt').read())\n"
        "assert helpers.doubled(number) == 42\nprint('it is', helpers.doubled(number))",
        before="relu",
    )
    right = sheet.right["relu"]
    sheet.write("relu", f"assert number == 21\n\n\n{right}")


def _magics(sheet: Sheet) -> None:
    sheet.write("linear", "%%time\n" + sheet.right["linear"])
    sheet.add(
        "import asyncio\n\nawait asyncio.sleep(0.01)\n%time sum(range(10))\n!echo hello\n%pwd"
    )


RIGHT = [
    _inside("warns", "warnings", "import warnings\nwarnings.warn('careful')\nnp.log(0.0)"),
    _inside("prints", "prints in every pass", "print('here I am', self)"),
    _inside(
        "logs",
        "writes to stderr: by logging, by hand and past Python",
        "import logging, os, sys\nlogging.warning('here I am')\nsys.stderr.write('and here\\n')\n"
        "os.write(2, b'and here\\n')",
        "import logging\nlogging.basicConfig()\nlogging.error('it begins')",
    ),
    _inside(
        "plots",
        "draws and shows figures; methods show something in every pass",
        "display('a pass')",
        "import matplotlib.pyplot as plt\n\nplt.plot([1, 2])\nplt.show()\nplt.hist([1, 2, 2])",
    ),
    _inside(
        "progress",
        "a progress bar, displays and a result at the end of a cell",
        "print('.', end='')",
        "from tqdm.auto import trange\nfrom IPython.display import HTML\n\n"
        "for _ in trange(3):\n    display(HTML('<b>bold</b>'))\n4.0",
    ),
    Recipe("own-module", "right", "a module and a data file of the student's own", _own_module),
    Recipe("magics", "right", "magics, a shell command and await", _magics),
]
