"""What `nbgrader autograde` tells the instructor: one line a submission, and what is odd."""

from datetime import timedelta

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor, OverwriteCells, SaveAutoGrades

from byhand.grading.plugins.grades import Score, bonus_tests
from byhand.grading.plugins.late_policy import LatePolicy
from byhand.grading.submission.outcome import COURSE_FAULT


class RestoreCells(OverwriteCells):
    """OverwriteCells without a word: what students changed is told by reconcile.py.

    nbgrader warns of every cell with hidden tests in every submission, because the tests that it
    puts back change the checksum.
    """

    def report_change(self, name: str, attr: str, old: object, new: object) -> None:
        """Say nothing."""


class SaveAtOnce(SaveAutoGrades):
    """SaveAutoGrades with one commit a submission, where nbgrader makes one a cell: the gradebook
    has all of its scores or none, and the disk is waited for once."""

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """The notebook itself stays as it is."""
        course = resources["nbgrader"]
        self.notebook_id, self.assignment_id = course["notebook"], course["assignment"]
        self.student_id = course["student"]
        with Gradebook(course["db_url"]) as self.gradebook:
            session = self.gradebook.db
            commit, session.commit = session.commit, session.flush
            for index, cell in enumerate(nb.cells):
                self.preprocess_cell(cell, resources, index)
            commit()
        return nb, resources


class TellScore(NbGraderPreprocessor):
    """Prints the score of a submission, so that grading a class shows how far it has come.

    What a fault of the course kept from being graded is left for a person, and counts nothing.
    """

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """The notebook itself stays as it is."""
        course = resources["nbgrader"]
        if resources.get(COURSE_FAULT):
            leave_to_person(course["db_url"], course["assignment"], course["student"])
            print(f"{course['student']}: not graded", flush=True)
            return nb, resources
        with Gradebook(course["db_url"]) as gradebook:
            graded = gradebook.find_submission(course["assignment"], course["student"])
            score = Score.of(graded, bonus_tests(nb), LatePolicy(parent=self))
            late = timedelta(seconds=graded.total_seconds_late)
            line = f"{course['student']}: {score}"
            if score.score < score.raw:
                line += f" ({score.raw:g}, {late} late)"
        print(line, flush=True)
        return nb, resources


def leave_to_person(db_url: str, assignment: str, student: str) -> None:
    """Take what was graded automatically back and mark every grade for a person."""
    with Gradebook(db_url) as gradebook:
        submission = gradebook.find_submission(assignment, student)
        for grade in (grade for notebook in submission.notebooks for grade in notebook.grades):
            grade.auto_score, grade.needs_manual_grade = None, True
        gradebook.db.commit()
