"""The step of `nbgrader autograde` that runs a submission: student's cells there, tests here."""

import shutil
from functools import lru_cache
from logging import Logger
from pathlib import Path
from typing import Any

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import Bool, Float, Int, List, Unicode

from byhand.grading.course.notebooks import given_beside, grade_id
from byhand.grading.sandbox.kernel import Limits, confinement
from byhand.grading.sandbox.kernel_session import Allowed, KernelSession
from byhand.grading.submission.outcome import COURSE_FAULT, FILE, Outcome, sentence
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
    output_bytes = Int(5 * 2**20, help="bytes of output of a submission").tag(config=True)
    sandbox = Bool(True, help="whether to confine the student's kernel").tag(config=True)
    allow_unconfined = Bool(False, help="go on where there is no sandbox").tag(config=True)
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
        confined = self._confined(folder)
        allowed = Allowed(
            Limits(self.memory, self.processes, self.written),
            self.cell_seconds,
            self.experiment_seconds,
            self.submission_seconds,
            self.output_bytes,
            confined,
            course["assignment"] in self.torch,
        )
        told = nb.metadata.pop("byhand", {"repairs": [], "unreadable": ""})
        tasks, how = [grade_id(cell) for cell in nb.cells if is_solution(cell)], "unknown"
        try:
            with KernelSession(folder, allowed) as student, given_beside(self._source(course)):
                self._run(nb, student)
            outcome, how = Outcome.of(student, told, tasks), confinement(confined)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not cost points
            outcome = Outcome.of_course_fault(f"{type(error).__name__}: {error}"[:1000], tasks)
            self._tell_fault(nb, resources)
        outcome.write(folder / FILE, how)
        if text := sentence(outcome):
            nb.cells.insert(0, new_markdown_cell(text))
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
                cell.outputs = student.run_cell(cell.source)

    def _source(self, course: dict[str, Any]) -> Path:
        """The course's notebook: what the test cells import comes from beside it."""
        coursedir = self.parent.parent.coursedir
        folder = coursedir.format_path(coursedir.source_directory, ".", course["assignment"])
        return Path(folder) / f"{course['notebook']}.ipynb"

    def _confined(self, folder: Path) -> bool:
        """Whether there is a sandbox. Exits with one line where there should be one.

        folder: what was made of the submission so far; it would count as graded the next time.
        """
        if self.sandbox and shutil.which("bwrap"):
            return True
        why = "bubblewrap (bwrap) is not installed" if self.sandbox else "c.Judge.sandbox is False"
        if not self.allow_unconfined:
            shutil.rmtree(folder)
            raise SystemExit(
                f"byhand: {why}, so students' code would run with your rights. Install it "
                "(Debian, Ubuntu: apt install bubblewrap), or set c.Judge.allow_unconfined = True "
                "in nbgrader_config.py."
            )
        _warn_once(self.log, f"{why}: students' code runs with your rights.")
        return False

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


@lru_cache(maxsize=1)
def _warn_once(log: Logger, text: str) -> None:
    """Once for a whole class."""
    log.warning(text)
