"""Grading a class with the judge, as a ratio to plain nbgrader: `python bench/grading.py [n]`.

The same n submissions (20 unless said) of 3-layers are graded one after the other, once by the
course's configuration, sandbox on, and once by nbgrader's own Execute with the same checks in the
student's kernel. Both leave out the cells tagged `ungraded`. Prints seconds a submission, the
start of nbgrader included, and their ratio.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from byhand.grading.course.commands import nbgrader

COURSE = Path(__file__).parents[1]
ASSIGNMENT = "3-layers"
PLAIN = """
from nbconvert.exporters import NotebookExporter
from nbgrader.converters import Autograde

c.Autograde.autograde_preprocessors = [*Autograde.autograde_preprocessors.default(), TellScore]
c.Autograde.exporter_class = NotebookExporter
c.Execute.timeout = 60
c.Execute.skip_cells_with_tag = "ungraded"
"""


def seconds(count: int, extra: str) -> float:
    """How long `nbgrader autograde` takes for a class of `count`, by the clock."""
    with tempfile.TemporaryDirectory(prefix="byhand-bench-") as folder:
        course = Path(folder)
        shutil.copytree(COURSE / "source" / ASSIGNMENT, course / "source" / ASSIGNMENT)
        config = (COURSE / "nbgrader_config.py").read_text(encoding="utf-8")
        (course / "nbgrader_config.py").write_text(config + extra, encoding="utf-8")
        nbgrader(course, "generate_assignment", ASSIGNMENT)
        for number in range(1, count + 1):
            handed_in = course / "submitted" / f"student-{number:02}" / ASSIGNMENT
            shutil.copytree(course / "source" / ASSIGNMENT, handed_in)
        begin = time.perf_counter()
        log = nbgrader(course, "autograde", ASSIGNMENT)
        taken = time.perf_counter() - begin
        if log.count(": 10 of 10") != count:
            sys.exit(f"Not everyone has 10 points:\n{log}")
    return taken


def main(count: int) -> None:
    plain, judge = seconds(count, PLAIN), seconds(count, "")
    print(f"{count} submissions of {ASSIGNMENT}, one after the other")
    print(f"  plain nbgrader  {plain / count:5.2f} s a submission")
    print(f"  the judge       {judge / count:5.2f} s a submission")
    print(f"  ratio           {judge / plain:5.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
