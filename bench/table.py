"""How good are the hidden tests, task by task: writes the table of docs/tests.md.

    python bench/mutation.py --json build/mutation.json     (make mutation)
    python bench/table.py build/mutation.json ...

Grades every mistake of mistakes/ once with the test cells of its own task and once with what of
them students see, every right variant once, and takes the figures of the mutants from the files,
the later ones first.
"""

import json
import os
import sys
import tempfile
from collections import ChainMap, Counter
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path

from checks import COURSE, TRAINED, _grade_once
from threadpoolctl import threadpool_limits

from byhand.grading.course.mistakes import mistakes, variants
from byhand.grading.course.notebooks import assignments, grade, solution_cells, source_notebook

PAGE = COURSE / "docs" / "tests.md"
BEGIN, END = "<!-- made by bench/table.py -->\n", "<!-- end -->\n"
HEAD = (
    "| task | mistakes | named rightly | wrongly | hidden cases alone | mutants | killed "
    "| by visible cases alone | equivalent | right variants | false alarms | seconds |\n"
    "|---|" + "--:|" * 11 + "\n"
)


def main(mutation: list[Path]) -> None:
    figures = ChainMap(*(json.loads(path.read_text(encoding="utf-8")) for path in mutation[::-1]))
    with tempfile.TemporaryDirectory() as folder, chdir(folder), threadpool_limits(1):
        os.environ.pop("BYHAND_DATA", None)
        rows = [row for assignment in assignments(COURSE) for row in _rows(assignment, figures)]
    columns = list(zip(*(row[1:] for row in rows), strict=True))
    total = ["**all**", *(round(sum(column), 1) for column in columns)]
    share = total[2] / total[1], total[3] / total[1], total[6] / (total[5] - total[8])
    lines = "".join(f"| {' | '.join(map(str, row))} |\n" for row in [*rows, total])
    shares = (
        f"\nNamed rightly: {share[0]:.1%} of all mistakes, wrongly: {share[1]:.1%}. "
        f"Killed: {share[2]:.2%} of the mutants that are not equivalent.\n\n"
        f"Mistakes that hidden cases alone catch: {_by_notebook(rows)}.\n"
    )
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + BEGIN + HEAD + lines + shares + END + after, encoding="utf-8")
    print(lines + shares)


def _by_notebook(rows: list[list]) -> str:
    """The mistakes of each notebook that only hidden cases catch, and their share."""
    alone, known = Counter(), Counter()
    for name, count, _, _, hidden, *_ in rows:
        notebook = name.split()[0]
        known[notebook] += count
        alone[notebook] += hidden
    return ", ".join(f"{name} {alone[name]} ({alone[name] / known[name]:.1%})" for name in known)


def _rows(assignment: str, figures: Mapping[str, dict[str, float]]) -> list[list]:
    """A row for each task but those that train a network."""
    source, folder = source_notebook(COURSE, assignment), COURSE / "mistakes" / assignment
    released = COURSE / "release" / source.relative_to(COURSE / "source")
    solutions = solution_cells(source)
    known, right = mistakes(folder), variants(folder)
    rows = []
    for task in solutions:
        if task in TRAINED.get(assignment, ()) or not any(m.task == task for m in known):
            continue
        kinds = [_grade_once(assignment, m)[0] for m in known if m.task == task]
        seen = [
            grade(released, solutions | {task: m.source}, only=[task])
            for m in known
            if m.task == task
        ]
        hidden = sum(all(r.points == r.max_points for r in tests.values()) for tests in seen)
        tried = [grade(source, {task: v.source}, only=[task]) for v in right if v.task == task]
        alarms = sum(any(r.points < r.max_points for r in t.values()) for t in tried)
        seconds = sum(r.seconds for r in grade(source, only=[task]).values())
        own = figures[f"{assignment}/{task}"]
        rows.append(
            [
                f"`{assignment}` {task}",
                len(kinds),
                *(sum(kind in k for k in kinds) for kind in ("rightly", "wrongly")),
                hidden,
                *(own[kind] for kind in ("mutants", "killed", "visible", "equivalent")),
                len(tried),
                alarms,
                round(seconds, 2),
            ]
        )
    return rows


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("table.py: name the files that `python bench/mutation.py --json FILE` wrote.")
    main([Path(name).resolve() for name in sys.argv[1:]])
