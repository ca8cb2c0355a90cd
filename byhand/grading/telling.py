"""What `nbgrader autograde` tells the instructor: one line a submission, and what is odd."""

from datetime import timedelta

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor, OverwriteCells
from nbgrader.utils import compute_checksum, is_locked


class RestoreCells(OverwriteCells):
    """OverwriteCells that speaks only of cells which the student edited or deleted.

    nbgrader warns of every cell with hidden tests in every submission, because the tests that it
    puts back change the checksum; and it fails when a test cell and the cell before it are gone.
    """

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Put back what the student should not have changed."""
        self.student = resources["nbgrader"]["student"]
        return super().preprocess(nb, resources)

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """The same for one cell."""
        marks = cell.metadata.get("nbgrader", {})
        released = marks.get("checksum")
        if released and is_locked(cell) and released != compute_checksum(cell):
            self.log.warning("%s edited %s: undone.", self.student, marks.get("grade_id"))
        return super().preprocess_cell(cell, resources, cell_index)

    def add_missing_grade_cells(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Put test cells that are gone at the end, where all of the student's code has run."""
        source = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
        originals = {cell.name: cell for cell in source.source_cells}
        solutions = {cell.name for cell in source.solution_cells}
        present = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in nb.cells}
        for gone in source.grade_cells:
            if gone.name not in present:
                self.log.warning("%s deleted %s: put back.", self.student, gone.name)
                original, is_solution = originals[gone.name], gone.name in solutions
                nb.cells.append(self.missing_cell_transform(original, gone.max_score, is_solution))
        return nb, resources

    def report_change(self, name: str, attr: str, old: object, new: object) -> None:
        """Say that an attribute of a cell is not as it was released."""
        if attr != "checksum":
            super().report_change(name, attr, old, new)


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
