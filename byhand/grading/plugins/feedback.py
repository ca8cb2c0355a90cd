"""What a feedback page shows, and what it keeps to itself."""

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests, GetGrades

TRACEBACK = "Traceback (most recent call last)"


class HideTests(ClearHiddenTests):
    """Takes hidden tests out of a feedback page: from the cell, and from its tracebacks.

    nbgrader's ClearHiddenTests clears the source of the cell. IPython prints the lines around the
    one that failed, so of a traceback in such a cell only the error and its message stay. A failed
    check has no such lines, only its text.
    """

    # The HTML exporter configures this for all its steps and warns of those that do not know it.
    display_data_priority = GetGrades.display_data_priority

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """A cell without hidden tests stays as it is."""
        if self.begin_test_delimeter in cell.source:
            for output in cell.get("outputs", []):
                if any(TRACEBACK in line for line in output.get("traceback", [])):
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return super().preprocess_cell(cell, resources, cell_index)
