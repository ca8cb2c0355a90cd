"""Wrong solutions, and right ones written differently: what the hidden tests are tested with.

`mistakes/<assignment>/mistakes.toml` holds a list of tables for each task:

    [[linear]]
    name = "bias gradient averaged"
    instead_of = "grad_output.sum(axis=0)"      # stands once in the reference solution
    write = "grad_output.mean(axis=0)"          # takes its place; may be empty
    says = "divided by 5, the batch size"       # optional: the failure's text contains it
    costs = ["test_linear"]                     # the test cells that fail, and no others

`mistakes/<assignment>/correct/<task>-<style>.py` holds a whole solution cell that loses nothing.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from byhand.grading.course.notebooks import CourseError, solution_cells, source_notebook

REQUIRED = {"name", "instead_of", "write", "costs"}
OPTIONAL = {"says"}


@dataclass(frozen=True)
class Variant:
    """A correct solution of a task, written in another style than the reference."""

    task: str
    name: str
    source: str


@dataclass(frozen=True)
class Mistake(Variant):
    """A wrong solution. costs: the test cells that it fails; says: what the message contains."""

    costs: tuple[str, ...]
    says: str = ""


def mistakes(assignment: Path) -> list[Mistake]:
    """The mistakes in a folder `mistakes/<assignment>` of a course. Raises CourseError."""
    path = assignment / "mistakes.toml"
    try:
        tasks = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CourseError(f"{path}: cannot be opened: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{path}: {error}.") from error
    solutions = solution_cells(_source(assignment))
    return [
        _mistake(task, table, solutions, f"{path}, {task}")
        for task, tables in tasks.items()
        for table in tables
    ]


def variants(assignment: Path) -> list[Variant]:
    """The correct solutions in a folder `mistakes/<assignment>` of a course. Raises CourseError."""
    solutions = solution_cells(_source(assignment))
    found = []
    for path in sorted((assignment / "correct").glob("*.py")):
        task, _, style = path.stem.partition("-")
        if task not in solutions or not style:
            raise CourseError(f"{path}: the name is not <task>-<style>.py of a task with a cell.")
        found.append(Variant(task, style, path.read_text(encoding="utf-8")))
    return found


def _source(assignment: Path) -> Path:
    return source_notebook(assignment.resolve().parents[1], assignment.name)


def _mistake(task: str, table: dict[str, Any], solutions: dict[str, str], where: str) -> Mistake:
    if not table.keys() >= REQUIRED or table.keys() - REQUIRED - OPTIONAL:
        keys, wanted = (", ".join(sorted(names)) for names in (table, REQUIRED | OPTIONAL))
        raise CourseError(f"{where}: the keys are {keys}; they should be {wanted}.")
    where = f"{where}, {table['name']!r}"
    if task not in solutions:
        raise CourseError(f"{where}: the notebook has no solution cell {task}.")
    times = solutions[task].count(table["instead_of"])
    if times != 1:
        raise CourseError(f"{where}: instead_of stands {times} times in the solution, not once.")
    source = solutions[task].replace(table["instead_of"], table["write"])
    return Mistake(task, table["name"], source, tuple(table["costs"]), table.get("says", ""))
