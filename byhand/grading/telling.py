"""What `nbgrader autograde` tells the instructor: one line a submission, and what is odd."""

from datetime import timedelta

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor, OverwriteCells


class RestoreCells(OverwriteCells):
    """OverwriteCells without a word: what students changed is told by byhand.grading.repairs.

    nbgrader warns of every cell with hidden tests in every submission, because the tests that it
    puts back change the checksum.
    """

    def report_change(self, name: str, attr: str, old: object, new: object) -> None:
        """Say nothing."""


class TellScore(NbGraderPreprocessor):
    """Prints the score of a submission, so that grading a class shows how far it has come."""

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """The notebook itself stays as it is."""
        course = resources["nbgrader"]
        where = course["notebook"], course["assignment"], course["student"]
        with Gradebook(course["db_url"]) as gradebook:
            graded = gradebook.find_submission_notebook(*where)
            late = timedelta(seconds=graded.assignment.total_seconds_late)
            penalty = graded.late_submission_penalty or 0
            line = f"{course['student']}: {graded.score - penalty:g} of {graded.max_score:g}"
            if penalty:
                line += f" ({graded.score:g}, {late} late)"
        print(line, flush=True)
        return nb, resources
