"""The step of `nbgrader autograde` that runs a submission: student's cells there, tests here."""

import shutil
from functools import cache
from logging import Logger
from pathlib import Path
from typing import Any, NoReturn

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import Enum, Float, Int, List, Unicode

from byhand.grading.course.notebooks import given_beside, grade_id
from byhand.grading.sandbox.bubblewrap import SandboxError
from byhand.grading.sandbox.kernel import Limits
from byhand.grading.sandbox.kernel_session import Allowed, KernelSession
from byhand.grading.sandbox.rungs import ACCEPTED, RUNGS, choose, confinement
from byhand.grading.submission.outcome import COURSE_FAULT, FILE, Outcome, sentence
from byhand.grading.submission.reconcile import MARK
from byhand.grading.submission.test_cells import GradedCells

SETUP = "setup"


class Judge(NbGraderPreprocessor):
    """Runs a submission in place of nbgrader's Execute.

    The student's cells run in a confined kernel, locked test cells in this process; the score
    comes from the latter alone. How it went is kept in `outcome.json` beside the notebook, also
    when the course itself is at fault.
    """

    memory = Int(2 * 2**30, help="bytes of memory of a submission").tag(config=True)
    processes = Int(64, help="processes and threads of a submission").tag(config=True)
    written = Int(64 * 2**20, help="bytes that a submission may write").tag(config=True)
    cell_seconds = Float(30, help="seconds for a cell").tag(config=True)
    experiment_seconds = Float(10, help="seconds for one experiment of a check").tag(config=True)
    submission_seconds = Float(300, help="seconds for all of a submission").tag(config=True)
    own_seconds = Float(100, help="of these, for a student's own cells").tag(config=True)
    output_bytes = Int(5 * 2**20, help="bytes of output of a submission").tag(config=True)
    rungs = List(
        Enum(RUNGS),
        ACCEPTED,
        help="the sandboxes that will do, the best first; 'none' is an ordinary process",
    ).tag(config=True)
    torch = List(Unicode(), ["1-autograd"], help="assignments that may use PyTorch").tag(
        config=True
    )
    skip_tag = Unicode("ungraded", help="cells with this tag are left out").tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Run all cells; the outputs of the test cells are the score."""
        course = resources["nbgrader"]
        folder = Path(resources["metadata"]["path"])
        rung = self._rung(folder)
        allowed = Allowed(
            Limits(self.memory, self.processes, self.written),
            self.cell_seconds,
            self.experiment_seconds,
            self.submission_seconds,
            self.own_seconds,
            self.output_bytes,
            rung,
            course["assignment"] in self.torch,
        )
        told = nb.metadata.pop("byhand", {"repairs": [], "unreadable": ""})
        tasks, how = [grade_id(cell) for cell in nb.cells if is_solution(cell)], "unknown"
        try:
            with KernelSession(folder, allowed) as student, given_beside(self._source(course)):
                self._run(nb, student)
            outcome, how = Outcome.of(student, told, tasks), confinement(rung)
        except SandboxError as error:
            self._refuse(folder, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not cost points
            outcome = Outcome.of_course_fault(f"{type(error).__name__}: {error}"[:1000], tasks)
            self._tell_fault(nb, resources)
        outcome.write(folder / FILE, how)
        if text := sentence(outcome):
            nb.cells.insert(0, new_markdown_cell(text, metadata={MARK: "note"}))
            self.log.warning("%s: %s", course["student"], outcome.line())
        return nb, resources

    def _run(self, nb: NotebookNode, student: KernelSession) -> None:
        setup = next((c.source for c in nb.cells if grade_id(c) == SETUP), "")
        tests = GradedCells(setup, student)
        for cell in nb.cells:
            if cell.cell_type != "code" or self.skip_tag in cell.metadata.get("tags", []):
                continue
            student.at = grade_id(cell)
            if is_grade(cell) and not is_solution(cell):
                cell.outputs = tests.run(cell.source)
            else:
                cell.outputs = student.run_cell(cell.source, own=not student.at)

    def _source(self, course: dict[str, Any]) -> Path:
        """The course's notebook: what the test cells import comes from beside it."""
        coursedir = self.parent.parent.coursedir
        folder = coursedir.format_path(coursedir.source_directory, ".", course["assignment"])
        return Path(folder) / f"{course['notebook']}.ipynb"

    def _rung(self, folder: Path) -> str:
        """The best acceptable sandbox. Exits with one line where this machine gives none."""
        try:
            rung, passed = choose(tuple(self.rungs))
        except SandboxError as error:
            self._refuse(folder, error)
        rights = ": students' code runs with your rights" if rung == "none" else ""
        if passed or rights:
            why = f", not in {'; '.join(passed)}" if passed else ""
            _warn_once(self.log, f"graded in the sandbox {rung!r}{rights}{why}")
        return rung

    def _refuse(self, folder: Path, error: SandboxError) -> NoReturn:
        """End the whole run with one line: without a sandbox code would run with your rights.

        folder: what was made of the submission so far; it would count as graded the next time.
        """
        shutil.rmtree(folder)
        raise SystemExit(
            f"byhand: nothing is graded without a sandbox: {error}. `byhand doctor` says what to "
            "do; c.Judge.rungs in nbgrader_config.py says which sandboxes will do."
        ) from error

    def _tell_fault(self, nb: NotebookNode, resources: ResourcesDict) -> None:
        """Say what happened; TellScore, which comes after nbgrader's grades, marks them."""
        course = resources["nbgrader"]
        resources[COURSE_FAULT] = True
        for cell in nb.cells:
            if is_grade(cell) and not is_solution(cell):
                text = "not graded: a fault of the course"
                cell.outputs = [
                    new_output("error", ename="NotGraded", evalue=text, traceback=[text])
                ]
        self.log.error(
            "%s could not be graded: a fault of the course, described below, not of the "
            "submission. No points were taken; the next run grades it again.",
            course["student"],
            exc_info=True,
        )


@cache
def _warn_once(log: Logger, text: str) -> None:
    """Once for a whole class."""
    log.warning(text)
