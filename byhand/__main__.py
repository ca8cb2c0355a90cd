"""The `byhand` command."""

import os
import sys
from pathlib import Path

from byhand import environment

if __name__ == "__main__":  # perhaps in a Python that is too old, or without the packages below
    environment.enter(sys.argv[1:])

from typing import Annotated

import typer.core
from rich.console import Console

from byhand import handin
from byhand.grading.course import handout, normal_form, notebooks, release


class Commands(typer.core.TyperGroup):
    """Commands that say in one line, not in a traceback, what is wrong."""

    def invoke(self, ctx: typer.Context) -> None:
        """Run the command that ctx names."""
        try:
            super().invoke(ctx)
        except (notebooks.CourseError, handin.HandInError) as error:
            sys.exit(f"byhand: {error}")


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tools of the course. `check` and `handin` are for students, the others for teachers.",
)

Check = Annotated[bool, typer.Option("--check", help="Change nothing; exit with 1 if it would.")]


@app.command("autograde")
def autograde_command(
    assignment: Annotated[str, typer.Argument(metavar="ASSIGNMENT")],
    student: Annotated[str, typer.Option(help="Only these, such as student-0*.")] = "*",
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Submissions at once; as many as cores if not given.")
    ] = None,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Also what has not changed.")] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; say whose points would change.")
    ] = False,
) -> None:
    """`nbgrader autograde` with all of the options of this course."""
    from byhand.grading.plugins import crew  # here, because these take a second to import

    where = notebooks.find_course()
    if not scheduler:
        crew.load_ahead()
    from byhand.grading.plugins import autograde

    arguments = autograde.arguments(where, assignment, student, jobs, scheduler)
    if diff:
        autograde.show_differences(where, arguments, Console())
    else:
        autograde.grade(where, [*arguments, "--force"] if force else arguments)


@app.command("check")
def check_command(notebook: Path) -> None:
    """Run a student's notebook in a fresh kernel and show how every task stands."""
    from byhand.grading.course import fresh_run  # here, because it takes a second to import

    said, passed = fresh_run.check_notebook(notebook)
    sys.stdout.reconfigure(errors="replace")  # a terminal without ✓
    typer.echo(said)
    raise typer.Exit(not passed)


@app.command("demo")
def demo_command() -> None:
    """Grade a class of ten on all assignments, in build/demo/: scores, then a report to open."""
    environment.refuse_windows("demo")
    from byhand.grading.course import demo  # here, because it takes a second to import

    demo.run(notebooks.find_course(), Console())


@app.command("doctor")
def doctor_command() -> None:
    """Say whether this machine can grade: versions, sandbox, data, disk; one line each."""
    from byhand.grading import doctor  # here, because it takes a second to import

    findings = []
    for finding in doctor.examine(notebooks.find_course()):
        typer.echo(finding)
        findings.append(finding)
    if any(finding.state == doctor.WRONG for finding in findings):
        raise typer.Exit(1)


@app.command("explain")
def explain_command(
    student: Annotated[str, typer.Argument(metavar="STUDENT")],
    assignment: Annotated[str, typer.Argument(metavar="ASSIGNMENT")],
    task: Annotated[str, typer.Argument(metavar="TASK")],
) -> None:
    """Why a student has the points of a task: the code, the cards, the reference."""
    from byhand.grading.desk import explain  # here, because it takes a second to import

    explain.explain(notebooks.find_course(), student, assignment, task, Console())


@app.command("handin")
def handin_command(
    assignment: Annotated[str, typer.Argument(metavar="ASSIGNMENT", help="As in 3-layers.")],
    student: Annotated[
        str, typer.Option(help="Your name as your instructor knows it; else that of the account.")
    ] = "",
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Even if a file that training writes is not in order.")
    ] = False,
) -> None:
    """Look whether an assignment is complete, and pack it into one file to hand in."""
    handin.hand_in(assignment, student, anyway, tell=typer.echo)


@app.command("handout")
def handout_command(
    assignment: Annotated[str, typer.Argument(metavar="ASSIGNMENT")],
    to: Annotated[Path | None, typer.Option(help="A folder; build/handout if not given.")] = None,
) -> None:
    """What students need for an assignment, as one zip: release, package, requirements, guide."""
    course = notebooks.find_course()
    path = handout.write_handout(course, assignment, to or course / "build" / "handout")
    typer.echo(os.path.relpath(path))


@app.command("new-term")
def new_term_command(folder: Path) -> None:
    """Copy the course into a new folder, without students' work, grades, and git's history."""
    handout.new_term(notebooks.find_course(), folder)
    typer.echo(f"{folder}: set the deadlines in nbgrader_config.py, then `make setup` there.")


@app.command("release")
def release_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="ASSIGNMENT", help="Assignments; all if none are named."),
    ] = None,
    check: Check = False,
) -> None:
    """Make release/ from source/ with `nbgrader generate_assignment`."""
    course = notebooks.find_course()
    if check:
        stale = release.differences(course, names or [])
        _report(stale, "Run `byhand release` and commit release/.")
    else:
        release.write_release(course, names or [], tell=typer.echo)


@app.command()
def normalise(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Notebooks; all of source/ if none are named.")
    ] = None,
    check: Check = False,
) -> None:
    """Bring notebooks into the form in which they are committed: no outputs, stable cell ids."""
    changed = []
    for path in paths or sorted((notebooks.find_course() / "source").glob("*/*.ipynb")):
        wanted = normal_form.normalise(notebooks.read(path))
        if path.read_text(encoding="utf-8") != wanted:
            changed.append(f"{os.path.relpath(path)}: not in the committed form")
            if not check:
                path.write_text(wanted, encoding="utf-8")
    if check:
        _report(changed, "Run `byhand normalise`.")


@app.command("report")
def report_command(
    assignment: Annotated[str, typer.Argument(metavar="[ASSIGNMENT]")] = "",
    to: Annotated[Path | None, typer.Option(help="A folder; build/report if not given.")] = None,
) -> None:
    """What the class understood: scores, tasks, the commonest mistakes, who waits; a page, CSV,
    JSON."""
    from byhand.grading.desk import page, report  # here, because these take a second to import

    course = notebooks.find_course()
    written = report.write_report(course, assignment, to or course / "build" / "report")
    typer.echo("\n".join([page.link(written[0]), *map(os.path.relpath, written[1:])]))


@app.command("roster")
def roster_command(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv")],
    column: Annotated[
        str, typer.Option("--id", help="The column with the names that students hand in under.")
    ] = "",
) -> None:
    """Enter the names of the class into the gradebook, from Moodle's or Canvas's export."""
    from byhand.grading.desk import roster  # here, because it takes a second to import

    new, there = roster.import_roster(notebooks.find_course(), file, column)
    typer.echo(f"{new} students entered, {there} brought up to date.")


@app.command("setup", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def setup_command(ctx: typer.Context) -> None:
    """Make the environment of the course, .venv, or bring it up to date. OPTIONS go to pip."""
    raise typer.Exit(environment.setup(ctx.args))


@app.command("similarity")
def similarity_command(
    assignment: Annotated[str, typer.Argument(metavar="ASSIGNMENT")],
    to: Annotated[Path | None, typer.Option(help="A folder; build/report if not given.")] = None,
) -> None:
    """Which solutions and weights are too alike: pairs side by side, for a person to judge."""
    from byhand.grading.desk import page, similarity  # here, because these take a second to import

    course = notebooks.find_course()
    where = to or course / "build" / "report"
    path, pairs = similarity.write_similarity(course, assignment, where)
    typer.echo(f"{len(pairs)} pairs alike: {page.link(path)}")


@app.command("test")
def test_command() -> None:
    """Everything that CI checks."""
    environment.refuse_windows("test")
    raise typer.Exit(environment.check())


def _report(problems: list[str], remedy: str) -> None:
    """Print problems and what to do about them, and exit with 1; return if there are none."""
    if problems:
        typer.echo("\n".join([*problems, remedy]), err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
