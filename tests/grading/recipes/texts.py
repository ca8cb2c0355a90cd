"""What the judge itself would pay for: text that takes long to read, cells without end."""

from collections.abc import Callable

from .base import Cause, Recipe, Sheet
from .breaking import own_cell

TEXTS = [
    own_cell("text-long", "a cell of 300 kB", f"# {'x' * 300_000}", "text too long to read"),
    own_cell("text-deep", "150,000 brackets", "(" * 150_000),
    own_cell("text-signs", "150,000 minus signs", "x = " + "-" * 150_000 + "1"),
    own_cell("text-shell", "2,000 lines for the shell", "if False:\n" + "    !true\n" * 2000),
    own_cell("text-odd", "two definitions that inherit from themselves", """
class Odd: pass
class Odd(Odd): pass
class Odd(Odd): forward = lambda self: Odd
""", unseen=("Stopped",)),
    Recipe(
        "text-padded",
        "breaking",
        "a right solution below 250 kB of comments is graded, and not read for rules",
        lambda sheet: sheet.write("linear", f"{sheet.right['linear']}\n# {'x' * 250_000}"),
        causes=(Cause("text too long to read", ("linear",)),),
    ),
    own_cell("errors-flood", "errors of 100 kB each, without end", """
error = {"output_type": "error", "ename": "x" * 10**5, "evalue": "", "traceback": []}
while True:
    get_ipython().tell(error)
""", "too much output"),
]  # fmt: skip


def _slow_cells(code: str, count: int) -> Callable[[Sheet], None]:
    def make(sheet: Sheet) -> None:
        for _ in range(count):
            sheet.add(code)

    return make


OWN_TIME = "time limit of own cells"
OWN = [
    Recipe("own-cells-slow", "breaking", "cells of its own that take a minute together",
           _slow_cells("import time\ntime.sleep(2.5)", 24),
           causes=(Cause("time limit"), Cause(OWN_TIME))),
    Recipe("own-cells-endless", "breaking", "30 cells of its own without end",
           _slow_cells("while True: pass", 30), causes=(Cause("time limit"), Cause(OWN_TIME))),
]  # fmt: skip

TEXTS += OWN
