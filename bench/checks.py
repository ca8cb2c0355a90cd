"""The checks: how long each takes, and whether luck plays a part: `python bench/checks.py [n]`.

Runs the visible check of every test cell on the reference solution and prints the slowest, then
grades the reference n times (200 unless said), hidden cases included, with fresh random numbers.
"""

import sys
import tempfile
from contextlib import chdir
from pathlib import Path

from byhand.grading.course.notebooks import assignments, grade, solution_cells, source_notebook
from byhand.grading.course.reference_weights import write_weights

COURSE = Path(__file__).parents[1]


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for assignment in assignments(COURSE):
            write_weights(COURSE, assignment, Path(folder))  # what students hand in beside it
            measure(assignment, count)


def measure(assignment: str, count: int) -> None:
    """Print how long the checks of an assignment take, and how often its reference loses."""
    source = source_notebook(COURSE, assignment)
    released = COURSE / "release" / source.relative_to(COURSE / "source")
    visible = grade(released, solution_cells(source))
    slowest = max(visible, key=lambda test: visible[test].seconds)
    print(f"{assignment}: {len(visible)} test cells")
    print(f"  slowest visible check  {visible[slowest].seconds:.2f} s ({slowest})")
    seconds, lost = [], 0
    for _ in range(count):
        results = grade(source).values()
        seconds.append(sum(result.seconds for result in results))
        lost += any(result.points < result.max_points for result in results)
    print(f"  all checks, hidden too {min(seconds):.2f} to {max(seconds):.2f} s")
    print(f"  {count} gradings of the reference, {lost} lost a point")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
