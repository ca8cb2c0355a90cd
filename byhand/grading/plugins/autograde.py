"""`byhand autograde`: the class through `nbgrader autograde`, or what that would change."""

from contextlib import chdir
from fnmatch import filter as matching
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import AutogradeApp
from nbgrader.converters import Autograde
from nbgrader.utils import determine_grade
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from byhand.grading.course.notebooks import CourseError, grade_id, is_test, nearest
from byhand.grading.plugins.exporter import SubmissionExporter


def arguments(
    course: Path, assignment: str, student: str, jobs: int | None, scheduler: str
) -> list[str]:
    """The arguments of `nbgrader autograde`.

    Raises CourseError, with the nearest name, for an assignment or a student that is not there.
    """
    _known(assignment, course / "source", "assignment")
    _known(student, course / "submitted", "student")
    found = [assignment, f"--student={student}", f"--Judge.jobs={jobs or 0}"]
    return [*found, f"--Judge.scheduler={scheduler}"] if scheduler else found


def grade(course: Path, arguments: list[str]) -> None:
    """Run `nbgrader autograde` in a course. Raises SystemExit as it does."""
    with chdir(course):
        AutogradeApp.launch_instance([*arguments, f"--CourseDirectory.root={course}"])


def show_differences(course: Path, arguments: list[str], console: Console) -> None:
    """Run all submissions again and print which points would change, and why; write no grades."""
    with chdir(course):
        app = AutogradeApp()
        app.initialize([*arguments, "--force", f"--CourseDirectory.root={course}"])
        app.coursedir.assignment_id = arguments[0]
        converter = Autograde(coursedir=app.coursedir, parent=app)
        converter.force = True
        converter.init_notebooks()
        exporter = converter.exporter_class(parent=converter, config=converter.config)
        table = Table("student", "test", "now", "would be", "why", title="Points that would change")
        with Gradebook(app.coursedir.db_url, app.coursedir.course_id) as gradebook:
            for path in exporter.roll.todo:
                for row in _changes(exporter, gradebook, path):
                    table.add_row(*map(escape, row))
    console.print(table if table.row_count else "No points would change.")


def _changes(exporter: SubmissionExporter, gradebook: Gradebook, path: Path) -> list[list[str]]:
    """The rows of a submitted notebook."""
    student, assignment = path.parent.parent.name, path.parent.name
    try:
        submitted = gradebook.find_submission_notebook(path.stem, assignment, student)
    except MissingEntry:
        return [[student, "", "not graded", "", ""]]
    before = {grade.name: grade.auto_score for grade in submitted.grades}
    nb, _ = exporter.read[path]
    ran = exporter.judge.run(nb, path, lambda: exporter.job(path))
    if ran.why_not:
        return [[student, "", "", "not graded", ran.why_not]]
    rows = []
    for cell in nb.cells:
        if is_test(cell):
            old, (new, _) = before.get(grade_id(cell)), determine_grade(cell)
            if old != new:
                errors = [o.evalue or o.ename for o in cell.outputs if o.output_type == "error"]
                why = next(iter(errors), "passed")
                old = "none" if old is None else f"{old:g}"
                rows.append([student, grade_id(cell), old, f"{new:g}", why])
    return rows


def _known(name: str, folder: Path, kind: str) -> None:
    names = sorted(path.name for path in folder.glob("*/"))
    if not names:
        raise CourseError(f"nothing to grade: no {kind} has a folder in {folder}.")
    if not matching(names, name):
        raise CourseError(nearest(kind, name, names))
