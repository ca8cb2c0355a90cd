"""The form in which source notebooks are committed.

What follows from nbgrader's marks is written here: the first line of a test cell, the table of
tasks in the scoreboard cell. And every cell but the setup lets Jupyter's Run All go on after an
error, to the scoreboard: a wrong answer may break a figure as well as its check.
"""

import itertools
import re

import nbformat
from nbformat import NotebookNode
from nbstripout import strip_output

from byhand.grading.course.notebooks import BONUS, CourseError, grade_id, is_test, tags, task_of

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CELL_ID = re.compile(r"[a-zA-Z0-9-_]{1,64}")  # what nbformat 4.5 allows
GOES_ON = "raises-exception"  # the tag for that
SCOREBOARD = "scoreboard"  # the id of the cell, and what it calls
WORTH = re.compile(r"\A# test_\w+: .*\n")
HEADING = re.compile(r"^#+ (.+) \([\d.]+ (?:bonus )?points?\)$", re.MULTILINE)
HINTS = "<summary>Stuck?"


def normalise(nb: NotebookNode) -> str:
    """The text of a notebook in the form in which it is committed.

    No outputs, no execution counts, one kernelspec, no metadata but nbgrader's and tags, stable
    cell ids, sorted keys: a diff shows only what somebody changed. Raises CourseError when two
    cells have the same grade_id.
    """
    nb = strip_output(nbformat.from_dict(nb), keep_output=False, keep_count=False, keep_id=True)
    nb.metadata = {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    nb.nbformat, nb.nbformat_minor = 4, 5
    for cell, cell_id in zip(nb.cells, _stable_ids(nb.cells), strict=True):
        cell.id = cell_id
        cell.metadata = {k: cell.metadata[k] for k in ("nbgrader", "tags") if k in cell.metadata}
        cell.metadata.get("nbgrader", {}).pop("checksum", None)
        if cell.cell_type == "code" and grade_id(cell) != "setup":
            cell.metadata.tags = sorted({*tags(cell), GOES_ON})
        if is_test(cell):
            cell.source = with_worth(cell)
    for cell in nb.cells:
        if cell.id == SCOREBOARD:
            cell.source, cell.metadata["jupyter"] = scoreboard(nb), {"source_hidden": True}
    return nbformat.writes(nb).rstrip("\n") + "\n"


def with_worth(cell: NotebookNode) -> str:
    """The source of a test cell under a line that names it and says what it is worth.

    By this line the scoreboard knows the cell when it is run.
    """
    points, name = float(cell.metadata.nbgrader.points), grade_id(cell)
    extra = "bonus " if BONUS in tags(cell) else ""
    line = f"# {name}: {points:g} {extra}point{'s' * (points != 1)}\n"
    return line + WORTH.sub("", cell.source, count=1)


def scoreboard(nb: NotebookNode) -> str:
    """The call that shows how each task of a notebook stands; empty if nothing gives points.

    Its table has a line for each task, with the ids of the cells of its heading and its hints and
    its title, and below it one for each cell that gives points.
    """
    places = {name: at for at, c in enumerate(nb.cells) if (name := grade_id(c, "solution"))}
    table: dict[str, list[str]] = {task: [] for task in places}
    for at, cell in enumerate(nb.cells):
        task = task_of(grade_id(cell, "grade"), list(places))
        if task is None:
            continue
        if not table[task]:
            head, title = _heading(nb.cells[: places[task] + 1])
            table[task] = [f"{task} #{head} #{_hints(nb.cells[at:]) or head} {title}"]
        kind = BONUS if BONUS in tags(cell) else "" if is_test(cell) else "person"
        table[task].append(
            f"    {grade_id(cell)} {cell.metadata.nbgrader.points:g} {kind}".rstrip()
        )
    lines = [line for task in table.values() for line in task]
    return "\n".join(['check.scoreboard("""', *lines, '""")']) if lines else ""


def _heading(cells: list[NotebookNode]) -> tuple[str, str]:
    """Id and title of the last heading with points; without one, those of the last cell."""
    for cell in reversed(cells):
        if cell.cell_type == "markdown" and (titles := HEADING.findall(cell.source)):
            return cell.id, titles[-1]
    return cells[-1].id, grade_id(cells[-1])


def _hints(cells: list[NotebookNode]) -> str:
    """The id of the first cell with hints before the next task; empty if there is none."""
    before = itertools.takewhile(lambda cell: not grade_id(cell, "solution"), cells)
    return next((cell.id for cell in before if HINTS in cell.source), "")


def _stable_ids(cells: list[NotebookNode]) -> list[str]:
    """One id a cell: its grade_id, else the id it has, else one made from its first words."""
    graded = [name for cell in cells if (name := grade_id(cell))]
    if twice := {name for name in graded if graded.count(name) > 1}:
        raise CourseError(f"Two cells have the grade_id {twice.pop()}. Rename one of them.")
    ids, taken = [], set(graded)
    for cell in cells:
        name = grade_id(cell) or cell.get("id", "")
        if not grade_id(cell) and (name in taken or not CELL_ID.fullmatch(name)):
            name = _free_slug(cell.source, taken)
        taken.add(name)
        ids.append(name)
    return ids


def _free_slug(source: str, taken: set[str]) -> str:
    """The first words of a cell as an id that is not taken: words, words-2, words-3, ..."""
    words = re.findall(r"[a-z0-9]+", source.lower())[:5]
    slug = "-".join(words)[:50] or "cell"
    numbered = (f"{slug}-{n}" for n in itertools.count(2))
    return next(name for name in itertools.chain([slug], numbered) if name not in taken)
