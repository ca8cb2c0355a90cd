"""The checks: how long each takes, and whether luck plays a part.

    python bench/checks.py [N]             the reference, graded N times (200 unless said)
    python bench/checks.py --mistakes N    every mistake of mistakes/, graded N times

`--only 3-layers` and the like leaves the other assignments out.

The first runs the visible check of every test cell on the reference solution and prints the
slowest, then grades the reference N times, hidden cases included, with fresh random numbers. The
second grades each mistake with the test cells of its own task, fresh numbers each time, and prints
any that ever went without its words or cost other cells than it should (those for speed left out:
this machine may be busy). It counts how many mistakes are named: rightly, if a hint or a line in
words has the words of mistakes.toml; wrongly, if there are hints and none has them.
"""

import argparse
import multiprocessing
import os
import secrets
import tempfile
from collections import Counter
from contextlib import chdir
from pathlib import Path

from threadpoolctl import threadpool_limits

from byhand.check.random_inputs import Memory
from byhand.check.report import Report, showing
from byhand.grading.course.mistakes import Mistake, mistakes
from byhand.grading.course.notebooks import assignments, grade, solution_cells, source_notebook
from byhand.grading.course.reference_weights import FILES, write_weights

COURSE = Path(__file__).parents[1]
TRAINED = {assignment: ("train_mlp", "train_mnist", "train_sorter") for assignment in FILES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gradings", nargs="?", type=int, default=200, metavar="N")
    parser.add_argument("--mistakes", type=int, metavar="N")
    parser.add_argument("--only", choices=(names := assignments(COURSE)), nargs="+", default=names)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ["XDG_CACHE_HOME"] = folder  # the small digits, whatever this machine has
        os.environ.pop("BYHAND_DATA", None)
        if arguments.mistakes:
            return sweep(arguments.only, arguments.mistakes)
        for assignment in arguments.only:
            write_weights(COURSE, assignment, Path(folder))  # what students hand in beside it
            measure(assignment, arguments.gradings)


def measure(assignment: str, count: int) -> None:
    """Print how long the checks of an assignment take, and how often its reference loses."""
    source = source_notebook(COURSE, assignment)
    released = COURSE / "release" / source.relative_to(COURSE / "source")
    visible = grade(released, solution_cells(source))
    slowest = max(visible, key=lambda test: visible[test].seconds)
    print(f"{assignment}: {len(visible)} test cells")
    print(f"  slowest visible check  {visible[slowest].seconds:.2f} s ({slowest})")
    seconds, lost = [], Counter()
    for _ in range(count):
        results = grade(source)
        seconds.append(sum(result.seconds for result in results.values()))
        for test, result in results.items():
            if result.points < result.max_points:
                lost[test] += 1
                print(f"  {test} lost a point: {result.message}", flush=True)
    print(f"  all checks, hidden too {min(seconds):.2f} to {max(seconds):.2f} s")
    print(f"  {count} gradings of the reference, {lost.total()} points lost {dict(lost) or ''}")


def sweep(chosen: list[str], count: int) -> None:
    """Print which mistakes ever escaped or went unnamed in so many gradings, and the shares."""
    work = [
        (assignment, task, [one for one in several if one.task == task], count)
        for assignment in chosen
        for several in [mistakes(COURSE / "mistakes" / assignment)]
        for task in dict.fromkeys(one.task for one in several)
        if task not in TRAINED.get(assignment, ())  # their draws are whole images
    ]
    total = Counter()
    with multiprocessing.get_context("fork").Pool() as pool:
        for found, lines in pool.imap_unordered(_grade_often, work):
            total += found
            print(*lines, sep="\n", flush=True)
    number = sum(len(several) for *_, several, _ in work)
    print(f"{number} mistakes, {count} gradings each: {total['escaped']} times one escaped,")
    print(f"  {total['unsaid']} times one went without its words")
    share = {kind: total[kind] / (count * number) for kind in ("rightly", "wrongly")}
    print(f"  named rightly {share['rightly']:.1%}, wrongly {share['wrongly']:.1%}")


def _grade_often(work: tuple[str, str, list[Mistake], int]) -> tuple[Counter, list[str]]:
    """The mistakes of a task: what came of their gradings, and a line for the task and for each
    surprise. In each round they share their draws, and what PyTorch answers to them."""
    assignment, task, several, count = work
    total, surprises, told = Counter(), Counter(), {}
    with threadpool_limits(1):
        for _ in range(count):
            memory = Memory(secrets.randbits(64))
            for mistake in several:
                kinds, said = _grade_once(assignment, mistake, memory)
                total.update(kinds)
                for kind in set(kinds) - {"rightly"}:
                    surprises[kind, mistake.name] += 1
                    told[kind, mistake.name] = said
    lines = [f"{assignment}, {task}: {len(several)} mistakes, {count} gradings each"]
    for (kind, name), times in surprises.items():
        lines.append(f"  {kind} {times} times: {name}: {told[kind, name]}")
    return total, lines


def _grade_once(
    assignment: str, mistake: Mistake, memory: Memory | None = None
) -> tuple[list[str], str]:
    """The kinds of outcome of one grading, and the hints that were shown."""
    source, reports = source_notebook(COURSE, assignment), []
    with showing(reports.append):
        results = grade(source, {mistake.task: mistake.source}, [mistake.task], memory)
    lost = {test for test, result in results.items() if result.points < result.max_points}
    lost -= {test for test in lost if test.endswith("_speed")} - set(mistake.costs)
    said = "\n".join(results[test].message for test in lost)
    kinds = ["escaped"] if lost != set(mistake.costs) else []
    kinds += ["unsaid"] if mistake.says not in said else []
    hints, words = _words(reports)
    if mistake.says and any(mistake.says in word for word in words):
        kinds.append("rightly")
    elif hints:
        kinds.append("wrongly")
    return kinds, "; ".join(sorted(hints)) or f"cells {sorted(lost ^ set(mistake.costs))}"


def _words(reports: list[Report]) -> tuple[set[str], set[str]]:
    """The hints on failing lines; these and all that lines say without comparing numbers."""
    failed = [line for report in reports for line in report.lines if line.ok is False]
    hints = {line.hint for line in failed if line.hint}
    return hints, hints | {line.text for line in failed if line.error is None}


if __name__ == "__main__":
    main()
