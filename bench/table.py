"""How good are the hidden tests, task by task: writes the table of docs/tests.md.

    python bench/mutation.py --json build/mutation.json     (make mutation)
    python bench/table.py build/mutation.json

Grades every mistake and every right variant of mistakes/ once, with the test cells of its own task,
and takes the figures of the mutants from the file.
"""

import json
import os
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

from checks import COURSE, TRAINED, _grade_once
from threadpoolctl import threadpool_limits

from byhand.grading.course.mistakes import mistakes, variants
from byhand.grading.course.notebooks import assignments, grade, solution_cells, source_notebook

PAGE = COURSE / "docs" / "tests.md"
BEGIN, END = "<!-- made by bench/table.py -->\n", "<!-- end -->\n"
HEAD = (
    "| task | mistakes | named rightly | wrongly | mutants | killed | by visible cases alone "
    "| equivalent | right variants | false alarms | seconds |\n|---|" + "--:|" * 10 + "\n"
)


def main(mutation: Path) -> None:
    figures = json.loads(mutation.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder, chdir(folder), threadpool_limits(1):
        os.environ.pop("BYHAND_DATA", None)
        rows = [row for assignment in assignments(COURSE) for row in _rows(assignment, figures)]
    columns = list(zip(*(row[1:] for row in rows), strict=True))
    total = ["**all**", *(round(sum(column), 1) for column in columns)]
    share = total[2] / total[1], total[3] / total[1], total[5] / (total[4] - total[7])
    lines = "".join(f"| {' | '.join(map(str, row))} |\n" for row in [*rows, total])
    shares = (
        f"\nNamed rightly: {share[0]:.1%} of all mistakes, wrongly: {share[1]:.1%}. "
        f"Killed: {share[2]:.2%} of the mutants that are not equivalent.\n"
    )
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + BEGIN + HEAD + lines + shares + END + after, encoding="utf-8")
    print(lines + shares)


def _rows(assignment: str, figures: dict[str, dict[str, float]]) -> list[list]:
    """A row for each task but those that train a network."""
    source, folder = source_notebook(COURSE, assignment), COURSE / "mistakes" / assignment
    known, right = mistakes(folder), variants(folder)
    rows = []
    for task in solution_cells(source):
        if task in TRAINED.get(assignment, ()) or not any(m.task == task for m in known):
            continue
        kinds = [_grade_once(assignment, m)[0] for m in known if m.task == task]
        tried = [grade(source, {task: v.source}, only=[task]) for v in right if v.task == task]
        alarms = sum(any(r.points < r.max_points for r in t.values()) for t in tried)
        seconds = sum(r.seconds for r in grade(source, only=[task]).values())
        own = figures[f"{assignment}/{task}"]
        rows.append(
            [
                f"`{assignment}` {task}",
                len(kinds),
                *(sum(kind in k for k in kinds) for kind in ("rightly", "wrongly")),
                *(own[kind] for kind in ("mutants", "killed", "visible", "equivalent")),
                len(tried),
                alarms,
                round(seconds, 2),
            ]
        )
    return rows


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("table.py: name the file that `python bench/mutation.py --json FILE` wrote.")
    main(Path(sys.argv[1]).resolve())
