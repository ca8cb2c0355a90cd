"""How good are the hidden tests? Automatic mutants of every reference solution, each graded.

    python bench/mutation.py [ASSIGNMENT[/TASK] ...] [--sample N] [--json FILE]

A mutant is a solution cell with one small change (bench/mutants.py) or a bad habit
(bench/habits.py). It is killed when a test cell of its task fails. One that survives is graded
twice more, as every check draws fresh numbers: those that are killed only sometimes are killed by
luck. mistakes/equivalent.toml lists, with a reason, the mutants that are no mistakes. Prints the
figures of each task (visible: killed by the visible cases alone; seconds: of all processes) and the
mutants that somebody has to look at. --sample N takes N of each kind at random; --json writes the
figures to a file. The exit code is 1 if a mutant survives that is not listed, or if a listed one is
killed or does not occur.

train_mlp, train_mnist and train_sorter are left out: their tests train networks.
"""

import argparse
import json
import random
import resource
import sys
import time
import tomllib
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from habits import Habit, habits
from mutants import Mutant, mutants
from threadpoolctl import threadpool_limits

from byhand.check import compare, subject
from byhand.grading.course.notebooks import (
    MARKERS,
    CourseError,
    assignments,
    given_beside,
    module_from,
    read,
    source_notebook,
    task_of,
)
from byhand.protocol.runner import LocalRunner
from byhand.protocol.time_limit import TimeLimit, time_limit

COURSE = Path(__file__).parents[1]
EQUIVALENT = COURSE / "mistakes" / "equivalent.toml"
LEFT_OUT = ("train_mlp", "train_mnist", "train_sorter")
EXPERIMENT, AROUND = 1.5, 10.0  # seconds: for an experiment, and for what runs before the first
MEMORY = 6 * 2**30  # bytes of address space of a process
AGAIN = 2  # further runs of a mutant that does not do what is expected of it
KINDS = ("mutants", "killed", "visible", "survived", "equivalent", "luck")
FAULTS = {"survived": "survives", "wrong": "listed, but killed", "stale": "listed, not there"}
SHOWN = FAULTS | {"luck": "killed by luck"}


@dataclass(frozen=True)
class Task:
    """A solution cell and what surrounds it.

    name: ASSIGNMENT/TASK; before, after: the setup cell and the other solution cells; visible,
    whole: the test cells of the task, as students see them and with their hidden cases;
    equivalent: the lines, (old, new), of the mutants that are listed as no mistakes.
    """

    name: str
    cell: str
    before: str
    after: str
    visible: tuple[str, ...]
    whole: tuple[str, ...]
    equivalent: frozenset[tuple[str, str]]

    def mutants(self) -> list[Mutant]:
        """Those of its lines, then its habits."""
        solution, tests = MARKERS.sub("", self.cell), "\n".join(self.whole)
        return [*mutants(self.cell), *habits(solution, tests)]

    def passes(self, mutant: Mutant, tests: tuple[str, ...]) -> bool:
        """Whether all these test cells accept a mutant."""
        try:
            with time_limit(AROUND):
                program = "\n".join((self.before, mutant.source, self.after))
                namespace = vars(module_from(program, "byhand_mutant"))
                if isinstance(mutant, Habit):
                    mutant.put_on(namespace)
                for test in tests:
                    exec(compile(test, "<test cell>", "exec"), namespace)
        except (Exception, TimeLimit):  # noqa: BLE001 - whatever a mutant raises kills it
            return False
        return True


@dataclass(frozen=True)
class Verdict:
    """What came of a mutant.

    kind: a word of KINDS or FAULTS; visible: whether the visible cases alone kill it.
    """

    mutant: Mutant
    kind: str
    visible: bool = False
    seconds: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", metavar="ASSIGNMENT[/TASK]", help="all if not given")
    parser.add_argument("--sample", type=int, metavar="N", help="N of each kind at random")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file")
    options = parser.parse_args()
    began, total, faults, figures = time.perf_counter(), Counter(), 0, {}
    plan = planned(options.only, options.sample)
    print(_row("", [*KINDS, "seconds"]))
    for task, verdicts in graded(plan):
        counts = Counter(word for verdict in verdicts for word in _words(verdict))
        seconds = round(sum(verdict.seconds for verdict in verdicts), 1)
        print(_row(task.name, [*(counts[kind] for kind in KINDS), seconds]), flush=True)
        for verdict in verdicts:
            if verdict.kind in SHOWN:
                print(f"    {SHOWN[verdict.kind]:20}{verdict.mutant.old}")
                print(f"    {'':20}{verdict.mutant.new}", flush=True)
        faults += sum(verdict.kind in FAULTS for verdict in verdicts)
        figures[task.name] = {kind: counts[kind] for kind in KINDS} | {"seconds": seconds}
        total += counts
    took = round(time.perf_counter() - began)
    print(_row("all, seconds by the clock", [*(total[kind] for kind in KINDS), took]))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    sys.exit(bool(faults))


def planned(only: list[str], sample: int | None) -> dict[Task, list[Mutant]]:
    """The mutants to grade, task by task.

    only: as ASSIGNMENT or ASSIGNMENT/TASK, all if empty; sample: how many changes of lines and how
    many habits, at random, of all of these. Raises CourseError.
    """
    tasks, wanted = list(_tasks()), set(only)
    if unknown := wanted - {name for task in tasks for name in _names(task)}:
        raise CourseError(f"no such assignment or task: {', '.join(sorted(unknown))}.")
    chosen = [task for task in tasks if not wanted or wanted & set(_names(task))]
    pairs = [(task, mutant) for task in chosen for mutant in task.mutants()]
    if sample is not None:
        kinds = (
            [i for i, (_, m) in enumerate(pairs) if isinstance(m, Habit) is k]
            for k in (False, True)
        )
        chosen = [i for kind in kinds for i in random.sample(kind, min(sample, len(kind)))]
        pairs = [pairs[i] for i in sorted(chosen)]
    plan: dict[Task, list[Mutant]] = {}
    for task, mutant in pairs:
        plan.setdefault(task, []).append(mutant)
    return plan


def graded(plan: dict[Task, list[Mutant]]) -> Iterator[tuple[Task, list[Verdict]]]:
    """The verdicts of each task. Raises CourseError if a reference solution fails."""
    by_assignment: dict[str, list[Task]] = {}
    for task in plan:
        by_assignment.setdefault(_names(task)[1], []).append(task)
    for assignment, tasks in by_assignment.items():
        jobs = [(t, m) for t in tasks for m in (_unchanged(t), *plan[t])]
        with (
            given_beside(source_notebook(COURSE, assignment)),
            ProcessPoolExecutor(mp_context=get_context("fork"), initializer=_limit) as pool,
        ):
            verdicts = pool.map(judge, jobs)
            for task in tasks:
                if next(verdicts).kind == "wrong":
                    raise CourseError(f"{task.name}: the reference solution fails its tests.")
                yield task, [next(verdicts) for _ in plan[task]] + _stale(task)


def judge(job: tuple[Task, Mutant]) -> Verdict:
    """Grade a mutant, more than once if it does not do what is expected of it."""
    began, (task, mutant) = time.perf_counter(), job
    listed = mutant.old == mutant.new or (mutant.old, mutant.new) in task.equivalent
    visible = not task.passes(mutant, task.visible)
    killed = [visible or not task.passes(mutant, task.whole)]
    if killed[0] == listed:
        killed += [not task.passes(mutant, task.whole) for _ in range(AGAIN)]
    if listed:
        kind = "wrong" if all(killed) else "equivalent"
    else:
        kind = "killed" if killed[0] else "luck" if any(killed) else "survived"
    return Verdict(mutant, kind, visible, time.perf_counter() - began)


def _tasks() -> Iterator[Task]:
    """The tasks of all assignments but those left out. Raises CourseError."""
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))
    for assignment in assignments(COURSE):
        path = source_notebook(COURSE, assignment)
        released = COURSE / "release" / path.relative_to(COURSE / "source")
        setup, solutions = _cells(path, "locked")["setup"], _cells(path, "solution")
        tests, visible = _cells(path, "grade"), _cells(released, "grade")
        tables = listed.pop(assignment, {})
        texts = [MARKERS.sub("", text) for text in solutions.values()]
        for i, (name, cell) in enumerate(solutions.items()):
            own = [test for test in tests if task_of(test, list(solutions)) == name]
            task = Task(
                name=f"{assignment}/{name}",
                cell=cell,
                before="\n".join([setup, *texts[:i]]),
                after="\n".join(texts[i + 1 :]),
                visible=tuple(visible[test] for test in own),
                whole=tuple(tests[test] for test in own),
                equivalent=_lines(tables.pop(name, []), f"{assignment}/{name}"),
            )
            if own and name not in LEFT_OUT:  # a cell without a test is not graded
                yield task
        listed |= {f"{assignment}/{name}": [] for name in tables}
    if listed:
        raise CourseError(f"{EQUIVALENT}: there is no {', '.join(sorted(listed))} to mutate.")


def _cells(path: Path, kind: str) -> dict[str, str]:
    """grade_id -> source of the cells that nbgrader marks as `kind`."""
    code = (c for c in read(path).cells if c.cell_type == "code")
    marked = (c for c in code if c.metadata.get("nbgrader", {}).get(kind))
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in marked}


def _lines(tables: list[dict[str, str]], name: str) -> frozenset[tuple[str, str]]:
    """The lines of the mutants that are listed for a task. Raises CourseError."""
    for table in tables:
        if table.keys() != {"old", "new", "why"}:
            raise CourseError(f"{EQUIVALENT}, {name}: {table} should have old, new and why.")
    return frozenset((table["old"], table["new"]) for table in tables)


def _names(task: Task) -> tuple[str, str]:
    """What the command line calls it: ASSIGNMENT/TASK, or its ASSIGNMENT."""
    return task.name, task.name.split("/")[0]


def _unchanged(task: Task) -> Mutant:
    """The reference solution, which has to pass."""
    return Mutant("", "", MARKERS.sub("", task.cell))


def _stale(task: Task) -> list[Verdict]:
    """Those that are listed as equivalent and do not occur."""
    there = {(mutant.old, mutant.new) for mutant in task.mutants()}
    return [Verdict(Mutant(*lines, ""), "stale") for lines in sorted(task.equivalent - there)]


def _limit() -> None:
    """Limits for a process that runs mutants."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    subject.LocalRunner = partial(LocalRunner, seconds=EXPERIMENT)
    compare.named = lambda *_: ""  # to name a known mistake takes longest, and decides nothing
    torch.set_num_threads(1)
    threadpool_limits(1)
    warnings.simplefilter("ignore")


def _words(verdict: Verdict) -> list[str]:
    """The columns in which a mutant counts."""
    if verdict.kind == "stale":
        return []
    return ["mutants", verdict.kind, *["visible"] * verdict.visible]


def _row(name: str, figures: list) -> str:
    return f"{name:34}" + "".join(f"{figure:>11}" for figure in figures)


if __name__ == "__main__":
    try:
        main()
    except (CourseError, OSError, tomllib.TOMLDecodeError) as error:
        sys.exit(f"mutation.py: {error}")
