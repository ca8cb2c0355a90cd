"""Puts a submission back into the form of the course's notebook, whatever was done to it.

Locked cells come from the course, solution cells and cells of the student's own from the
submission. Cells are matched by grade_id, else by cell id, else by what they define.
"""

import re
from collections import defaultdict
from copy import deepcopy
from dataclasses import dataclass, field

from nbformat import NotebookNode, from_dict
from nbformat.corpus.words import generate_corpus_id
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions
from nbgrader.utils import is_grade, is_solution

from byhand.grading.course.notebooks import grade_id

DEFINITION = re.compile(r"^(?:class|def) +(\w+)", re.MULTILINE)
MARK = "byhand"  # metadata: a cell that is "own", the student's, or a "note" of the judge
START = ""  # anchor of the cells that stand before all known ones


@dataclass
class Submitted:
    """What counts of a submitted cell."""

    kind: str
    source: str
    grade_id: str = ""
    cell_id: str = ""


@dataclass
class _Matched:
    """Cells of a submission, sorted: by grade_id, the rest by the known cell before them."""

    known: dict[str, Submitted] = field(default_factory=dict)
    own: dict[str, list[Submitted]] = field(default_factory=lambda: defaultdict(list))
    repairs: list[str] = field(default_factory=list)


def released(source: NotebookNode, clear: ClearSolutions) -> dict[str, NotebookNode]:
    """The cells that students get, by their grade_id.

    source: the course's notebook, with solutions; clear: takes solutions out of it.
    """
    nb = ClearHiddenTests().preprocess(clear.preprocess(deepcopy(source), {})[0], {})[0]
    return {name: cell for cell in nb.cells if (name := grade_id(cell))}


def repair(
    cells: list[Submitted], source: NotebookNode, stubs: dict[str, NotebookNode]
) -> tuple[NotebookNode, list[str]]:
    """The notebook to be graded, and what had to be fixed, in words.

    source: the course's notebook, with solutions; stubs: its released() cells.
    """
    matched = _match(cells, stubs)
    given = {cell.id: cell for cell in source.cells if not grade_id(cell)}
    nb, taken = from_dict(source | {"cells": []}), {c.id for c in source.cells if grade_id(c)}
    nb.cells = [_own(cell, given, taken) for cell in matched.own[START]]
    for cell in source.cells:
        if name := grade_id(cell):
            nb.cells.append(_known(cell, stubs[name], matched))
            nb.cells += [_own(own, given, taken) for own in matched.own[name]]
    return nb, list(dict.fromkeys(matched.repairs))


def _match(cells: list[Submitted], stubs: dict[str, NotebookNode]) -> _Matched:
    matched, anchor, order = _Matched(), START, []
    defined = {name: _defined(cell.source) for name, cell in stubs.items() if is_solution(cell)}
    for cell in cells:
        name = _match_one(cell, stubs, defined, matched.known)
        if name is None:
            matched.own[anchor].append(cell)
            continue
        anchor = name
        if name not in matched.known:
            matched.known[name] = cell
            order.append(name)
        elif is_solution(stubs[name]):
            matched.own[anchor].append(cell)
            matched.repairs.append(f"{name} stands twice: both were run, in their order")
        else:
            matched.repairs.append(f"{name} stands twice: the copy was left out")
    if order != [name for name in stubs if name in matched.known]:
        matched.repairs.append("cells stand in another order: they were put back into theirs")
    return matched


def _match_one(
    cell: Submitted,
    stubs: dict[str, NotebookNode],
    defined: dict[str, set[str]],
    known: dict[str, Submitted],
) -> str | None:
    """The grade_id of the course's cell that this one is, or None."""
    for name in (cell.grade_id, cell.cell_id):
        if name in stubs:
            return name
    if cell.grade_id or cell.kind != "code":
        return None
    names = _defined(cell.source)
    fitting = [n for n, wanted in defined.items() if wanted and wanted <= names and n not in known]
    return fitting[0] if fitting else None


def _known(cell: NotebookNode, stub: NotebookNode, matched: _Matched) -> NotebookNode:
    """A cell of the course, with the student's text if it is a solution cell."""
    name, found = grade_id(cell), matched.known.get(grade_id(cell))
    if not is_solution(cell):
        if found is None:
            matched.repairs.append(f"{name} was missing: it was put back")
        elif found.kind != cell.cell_type or found.source.strip() not in (
            stub.source.strip(),
            cell.source.strip(),
        ):
            matched.repairs.append(f"{name} was changed: the original was used")
        return deepcopy(cell)
    fixed = deepcopy(stub)
    if found is None:
        what = "is not there: it counts as not answered" if is_grade(cell) else "is not there"
        matched.repairs.append(f"the solution cell {name} {what}")
    else:
        fixed.source = found.source
        if found.kind != cell.cell_type:
            matched.repairs.append(f"{name} was a {found.kind} cell: it was read as code")
    return fixed


def _own(cell: Submitted, given: dict[str, NotebookNode], taken: set[str]) -> NotebookNode:
    """A cell that is not graded: the student's own, or a given one, which keeps its tags and, as
    links lead to it, its id. taken: the ids of other cells."""
    made = _new(cell)
    same = [c for c in given.values() if c.source.strip() == cell.source.strip()]
    if original := given.get(cell.cell_id) or next(iter(same), None):
        made.metadata = deepcopy(original.metadata)
        if original.id not in taken:
            made.id = original.id
            taken.add(made.id)
    if not same:
        made.metadata[MARK] = "own"
    return made


def _new(cell: Submitted) -> NotebookNode:
    """nbformat's functions for this would validate each cell; that is done with all at the end."""
    made = {"id": generate_corpus_id(), "cell_type": "markdown", "metadata": {}}
    made["source"] = cell.source
    if cell.kind == "code":
        made |= {"cell_type": "code", "execution_count": None, "outputs": []}
    return from_dict(made)


def _defined(source: str) -> set[str]:
    """The classes and functions that a cell defines at its top level, as far as its lines tell."""
    return set(DEFINITION.findall(source))
