"""The step of `nbgrader autograde` that brings what came of a submission into its notebook."""

import secrets
import shutil
from collections.abc import Callable
from functools import cache
from logging import Logger
from pathlib import Path
from typing import Any, NoReturn

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_solution
from traitlets import Enum, Float, Int, List, Unicode

from byhand.grading.course.notebooks import UNGRADED, given_source, grade_id, is_test, tags
from byhand.grading.sandbox.bubblewrap import SandboxError
from byhand.grading.sandbox.kernel_session import Allowed
from byhand.grading.sandbox.limits import Limits
from byhand.grading.sandbox.rungs import ACCEPTED, RUNGS, choose
from byhand.grading.sandbox.staging import read_files
from byhand.grading.submission.outcome import COURSE_FAULT, FILE, Outcome, sentence
from byhand.grading.submission.reconcile import MARK
from byhand.grading.submission.work import Cell, Job, Ran

SETUP = "setup"
ENTROPY = secrets.randbits(128)  # of the numbers that checks draw: the same in all workers


class Judge(NbGraderPreprocessor):
    """Stands in place of nbgrader's Execute.

    A worker runs a submission: the student's cells in a confined kernel, locked test cells in its
    own process; the score comes from the latter alone. How it went is kept in `outcome.json` beside
    the notebook, also when the course itself is at fault.
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
    skip_tag = Unicode(UNGRADED, help="cells with this tag are left out").tag(config=True)
    jobs = Int(0, min=0, help="submissions that run at once; 0: as many as there are cores").tag(
        config=True
    )
    scheduler = Unicode("", help="address of a Dask scheduler whose workers are used").tag(
        config=True
    )

    def __init__(self, **kw: Any):
        super().__init__(**kw)
        self.coursedir = self.parent.parent.coursedir

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Put in what a worker has found; the outputs of the test cells are the score."""
        course = resources["nbgrader"]
        folder = Path(resources["metadata"]["path"])
        told = nb.metadata.pop("byhand", {"repairs": [], "unreadable": ""})
        tasks = [grade_id(cell) for cell in nb.cells if is_solution(cell)]

        def job() -> Job:
            source = self.source(course["assignment"], course["notebook"])
            return self.job(nb, source, read_files(folder, self.written // 2))

        submitted = self.coursedir.submitted_directory, course["student"], course["assignment"]
        path = Path(self.coursedir.format_path(*submitted), f"{course['notebook']}.ipynb")
        ran = self.run(nb, path, job)
        if ran.no_sandbox:
            self._refuse(ran.no_sandbox, folder)
        if ran.fault:
            outcome = Outcome.of_course_fault(ran.why_not, tasks)
            self._tell_fault(nb, resources, ran.fault)
        else:
            outcome = Outcome.of(ran, told, tasks)
        mark = self.parent.roll.marks.get(course["student"], "")
        outcome.write(folder / FILE, ran.confinement, mark)
        self.parent.crew.watch.tell(len(self.parent.crew.running), outcome.status)
        if text := sentence(outcome):
            nb.cells.insert(0, new_markdown_cell(text, metadata={MARK: "note"}))
            self.log.warning("%s: %s", course["student"], outcome.line())
        return nb, resources

    def run(self, nb: NotebookNode, path: Path, job: Callable[[], Job]) -> Ran:
        """Put the outputs of the notebook submitted at a path into nb. job: makes its job, should
        it not have been begun."""
        cells = self._to_run(nb)
        ran = self.parent.crew.take(path, tuple(map(_work, cells)), job)
        for cell, outputs in zip(cells, ran.outputs, strict=not ran.why_not):
            cell.outputs = outputs
        return ran

    def source(self, assignment: str, notebook: str) -> Path:
        """The course's notebook: what the test cells import comes from beside it."""
        folder = self.coursedir.format_path(self.coursedir.source_directory, ".", assignment)
        return Path(folder) / f"{notebook}.ipynb"

    def job(self, nb: NotebookNode, source: Path, files: dict[str, bytes]) -> Job:
        """What a worker needs to run a notebook. source: the course's; files: those beside it."""
        allowed = Allowed(
            Limits(self.memory, self.processes, self.written),
            self.cell_seconds,
            self.experiment_seconds,
            self.submission_seconds,
            self.own_seconds,
            self.output_bytes,
            self.rung(),
            source.parent.name in self.torch,
            (str(self.coursedir.root),),
        )
        setup = next((c.source for c in nb.cells if grade_id(c) == SETUP), "")
        cells = tuple(map(_work, self._to_run(nb)))
        return Job(cells, files, setup, given_source(source), allowed, ENTROPY)

    def _to_run(self, nb: NotebookNode) -> list[NotebookNode]:
        return [
            cell
            for cell in nb.cells
            if cell.cell_type == "code" and self.skip_tag not in tags(cell)
        ]

    def rung(self) -> str:
        """The best acceptable sandbox. Exits with one line where this machine gives none."""
        try:
            rung, passed = choose(tuple(self.rungs))
        except SandboxError as error:
            self._refuse(str(error))
        rights = ": students' code runs with your rights" if rung == "none" else ""
        if passed or rights:
            why = f", not in {'; '.join(passed)}" if passed else ""
            _warn_once(self.log, f"graded in the sandbox {rung!r}{rights}{why}")
        return rung

    def _refuse(self, why: str, folder: Path | None = None) -> NoReturn:
        """End the whole run with one line: without a sandbox code would run with your rights.

        folder: what was made of the submission so far; it would count as graded the next time.
        """
        if folder is not None:
            shutil.rmtree(folder)
        raise SystemExit(
            f"byhand: nothing is graded without a sandbox: {why}. `byhand doctor` says what to "
            "do; c.Judge.rungs in nbgrader_config.py says which sandboxes will do."
        )

    def _tell_fault(self, nb: NotebookNode, resources: ResourcesDict, fault: str) -> None:
        """Say what happened; TellScore, which comes after nbgrader's grades, marks them."""
        course = resources["nbgrader"]
        resources[COURSE_FAULT] = True
        for cell in nb.cells:
            if is_test(cell):
                text = "not graded: a fault of the course"
                cell.outputs = [
                    new_output("error", ename="NotGraded", evalue=text, traceback=[text])
                ]
        self.log.error(
            "%s could not be graded: a fault of the course, described below, not of the "
            "submission. No points were taken; the next run grades it again.\n%s",
            *(course["student"], fault),
        )


def _work(cell: NotebookNode) -> Cell:
    return Cell(cell.source, grade_id(cell), is_test(cell))


@cache
def _warn_once(log: Logger, text: str) -> None:
    """Once for a whole class."""
    log.warning(text)
