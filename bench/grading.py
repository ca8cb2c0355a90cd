"""Grading a class: `python bench/grading.py [n]`, `... --sizes 100 300 1000`, `... --profile`.

The first grades n mixed submissions (40 unless said) of 3-layers, right ones, wrong ones and ones
that do not run, by nbgrader's own Execute with the same checks in the student's kernel, and by the
course's configuration, sandbox on, with 1 worker and with as many as there are cores. All leave out
the cells tagged `ungraded`. Prints submissions a minute, the start of nbgrader included, and how
many times as many as plain nbgrader. The second grades classes of these sizes, with all cores, and
prints the seconds a submission takes and the most memory that nbgrader's own process used. The
third says what a further submission takes with 1 worker, by the clock and in CPU by process.
`... --simulated 10000` grades nobody: on a gradebook and graded notebooks made up for so many it
prints the seconds and the memory of what comes after grading, and of grading one more.
"""

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
from joblib import cpu_count

from byhand.grading.course.commands import nbgrader
from byhand.grading.course.mistakes import mistakes
from byhand.grading.course.notebooks import grade_id, read, source_notebook

COURSE = Path(__file__).parents[1]
ASSIGNMENT, NOTEBOOK = "3-layers", "layers.ipynb"
LOOK = 0.02  # seconds between two looks at the processes
ALONE = 3  # seconds of a class of one that are measured, the best counts
PLAIN = """
from nbconvert.exporters import NotebookExporter
from nbgrader.converters import Autograde

c.Autograde.autograde_preprocessors = [*Autograde.autograde_preprocessors.default(), TellScore]
c.Autograde.exporter_class = NotebookExporter
c.Execute.timeout = 60
c.Execute.skip_cells_with_tag = "ungraded"
"""

LIST = """
from nbgrader.apps import NbGrader
from nbgrader.apps.api import NbGraderAPI

app = NbGrader()
app.initialize([])
print(len(NbGraderAPI(parent=app).get_{}))
"""


def kinds() -> list[str]:
    """Texts of submissions: two right ones, one with three mistakes, one with a cell that is no
    Python."""
    nb = read(source_notebook(COURSE, ASSIGNMENT))
    right = json.dumps(nb)
    wrong = {m.task: m.source for m in mistakes(COURSE / "mistakes" / ASSIGNMENT)}
    tasks = ["batch_norm", "softmax", "adam"]
    for cell in nb.cells:
        if grade_id(cell) in tasks:
            cell.source = wrong[grade_id(cell)]
    mistaken = json.dumps(nb)
    for cell in nb.cells:
        if grade_id(cell) == "linear":
            cell.source = "class Linear(Module:"
    return [right, mistaken, right, json.dumps(nb)]


def set_up(course: Path, extra: str = "") -> None:
    """A course with this assignment. extra: for its configuration."""
    shutil.copytree(COURSE / "source" / ASSIGNMENT, course / "source" / ASSIGNMENT)
    config = (COURSE / "nbgrader_config.py").read_text(encoding="utf-8")
    (course / "nbgrader_config.py").write_text(config + extra, encoding="utf-8")
    nbgrader(course, "generate_assignment", ASSIGNMENT)


def hand_in(course: Path, student: str, text: str) -> None:
    """Put a notebook into submitted/."""
    handed_in = course / "submitted" / student / ASSIGNMENT
    handed_in.mkdir(parents=True)
    (handed_in / NOTEBOOK).write_text(text, encoding="utf-8")


def grade(count: int, extra: str) -> tuple[float, float]:
    """Seconds by the clock for a class of `count`, and the most MiB of nbgrader's process."""
    with tempfile.TemporaryDirectory(prefix="byhand-bench-") as folder:
        course, texts = Path(folder), kinds()
        set_up(course, extra)
        for number in range(count):
            hand_in(course, f"student-{number + 1:04}", texts[number % 4])
        begin = time.perf_counter()
        log = nbgrader(course, "autograde", ASSIGNMENT)
        taken = time.perf_counter() - begin
        right = sum(number % 2 == 0 for number in range(count))
        if log.count(": 10 of 10") != right or log.count(" of 10") != count:
            sys.exit(f"not everyone has the right points:\n{log}")
    return taken, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def compare(count: int) -> None:
    """Print plain nbgrader beside ours."""
    cores = cpu_count()
    ways = {"plain nbgrader": PLAIN, "1 worker": "\nc.Judge.jobs = 1\n", f"{cores} workers": ""}
    print(f"{count} submissions of {ASSIGNMENT}: right, wrong and broken ones, on {cores} cores")
    base = 0.0
    for name, extra in ways.items():
        taken, _ = grade(count, extra)
        base = base or taken
        rate, each = 60 * count / taken, taken / count
        times = base / taken
        print(f"  {name:15} {each:5.2f} s each, {rate:5.1f} a minute, {times:4.1f} times as many")
    alone = min(grade(1, "")[0] for _ in range(ALONE))
    print(f"  a class of one takes {alone:.1f} s")


def scale(sizes: list[int]) -> None:
    """Print time and memory by the size of the class."""
    for size in sizes:
        taken, memory = grade(size, "")
        print(f"  a class of {size:5}: {taken / size:.2f} s each, at most {memory:.0f} MiB")


def profile(count: int) -> None:
    """Print where the time of a submission goes, beyond that of a class of one."""
    parts = {size: _by_process(size) for size in (1, count)}
    print(f"a further submission of {ASSIGNMENT}, 1 worker, seconds:")
    for name in parts[count]:
        each = (parts[count][name] - parts[1][name]) / (count - 1)
        print(f"  {name:40} {each:.2f}")


def simulate(size: int) -> None:
    """Print what a gradebook with so many students costs after grading."""
    with tempfile.TemporaryDirectory(prefix="byhand-bench-") as folder:
        course = Path(folder)
        set_up(course)
        made = multiprocessing.Process(target=_make_up, args=(course, size))
        made.start()  # a process of its own: the memory of this one would count below
        made.join()
        hand_in(course, "one-more", kinds()[0])
        python, tool = [sys.executable], [sys.executable, "-m", "nbgrader"]
        print(f"{size} students with points in {ASSIGNMENT}:")
        for name, command in {
            "autograde one more": [*tool, "autograde", ASSIGNMENT],
            "byhand report": [*python, "-m", "byhand", "report", ASSIGNMENT],
            "nbgrader export": [*tool, "export"],
            "formgrader, submissions": [*python, "-c", LIST.format(f"submissions({ASSIGNMENT!r})")],
            "formgrader, students": [*python, "-c", LIST.format("students()")],
        }.items():
            begin = time.perf_counter()
            process = subprocess.Popen(command, cwd=course, stdout=subprocess.DEVNULL)
            _, code, used = os.wait4(process.pid, 0)
            if code:
                sys.exit(f"{name} has failed")
            taken = time.perf_counter() - begin
            print(f"  {name:24} {taken:6.1f} s, {used.ru_maxrss / 1024:5.0f} MiB")


def _make_up(course: Path, size: int) -> None:
    """A class in the gradebook and in autograded/."""
    sys.path.insert(0, str(COURSE))
    from tests.grading.synthetic import make_class

    make_class(course, ASSIGNMENT, [f"student-{number + 1:05}" for number in range(size)])


def _by_process(size: int) -> Counter[str]:
    """Seconds by the clock and of CPU for a class of this size."""
    seen: dict[int, tuple[str, float]] = {}
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(seen, over), daemon=True)
    watching.start()
    taken, _ = grade(size, "\nc.Judge.jobs = 1\n")
    over.set()
    watching.join()
    found = Counter({"by the clock": taken})
    for kind, seconds in seen.values():
        found[kind] += seconds
    return found


def _watch(seen: dict[int, tuple[str, float]], over: threading.Event) -> None:
    """Note the CPU seconds of each process below this one, and what it is, until it is over."""
    kinds = ["nbgrader", "workers and their server", "students' kernels"]
    while not over.wait(LOOK):
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                words = [" ".join(one.cmdline()) for one in (child, *child.parents())]
                inside = any("bwrap" in line or "sandbox.inside" in line for line in words)
                fork = any("forkserver" in line for line in words)
                kind = kinds[2 if inside else 1 if fork else 0]
                times = child.cpu_times()
                seen[child.pid] = f"CPU of {kind}", times.user + times.system


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=40, metavar="N")
    parser.add_argument("--sizes", nargs="+", type=int)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--simulated", type=int, metavar="N")
    arguments = parser.parse_args()
    if arguments.profile:
        profile(arguments.count)
    elif arguments.sizes:
        scale(arguments.sizes)
    elif arguments.simulated:
        simulate(arguments.simulated)
    else:
        compare(arguments.count)
