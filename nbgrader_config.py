"""The course as nbgrader sees it. Instructors edit the deadlines; the rest can stay."""

import warnings

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat.warnings import MissingIDFieldWarning
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.preprocessors import GetGrades, OverwriteCells
from sqlalchemy.exc import SAWarning

from byhand.grading.feedback import HideTests
from byhand.grading.late import DueDate, LatePolicy, deadlines
from byhand.grading.reading import SubmissionExporter
from byhand.grading.telling import RestoreCells, TellScore

c = get_config()  # noqa: F821 - nbgrader puts it here

c.CourseDirectory.course_id = "byhand"

# Soft and hard deadline of each assignment, in the time zone named first. A late submission keeps
# 85% of its points per day (exactly: points * 0.85^(minutes / 1440)); after the hard deadline it
# counts 0. An assignment that is not listed has no deadline.
c.LatePolicy.deadlines = deadlines(
    timezone="UTC",
    table={
        # "3-layers": ("2026-11-30 23:59", "2026-12-07 23:59"),
    },
)
c.AssignLatePenalties.plugin_class = LatePolicy

# What students find in place of a solution. The checks know this exception and say
# "not implemented yet".
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError"}

# The deadlines above go into the gradebook when an assignment is generated and, should they have
# moved, before each submission is graded.
c.GenerateAssignment.preprocessors = [DueDate, *GenerateAssignment.preprocessors.default()]

# nbgrader's steps, with a word on cells that were edited and a line for each score.
c.Autograde.sanitize_preprocessors = [
    DueDate,
    *(
        RestoreCells if step is OverwriteCells else step
        for step in Autograde.sanitize_preprocessors.default()
    ),
]
c.Autograde.autograde_preprocessors = [*Autograde.autograde_preprocessors.default(), TellScore]

# A submission that is not a notebook is graded as an untouched one, with a note on top.
c.Autograde.exporter_class = SubmissionExporter

# A test cell that a student deleted comes back and counts as failed or passed like any other.
c.OverwriteCells.add_missing_cells = True

# Seconds for one cell. The checks have shorter limits of their own; this is for all other cells.
c.Execute.timeout = 60

# Cells with this tag draw or train and have no points: autograding leaves them out.
c.Execute.skip_cells_with_tag = "ungraded"

# The kernel would warn of its unencrypted channels in each submission.
c.KernelManager.transport_encryption = "auto"

# Feedback pages show what failed and why, not the hidden cases themselves.
c.GenerateFeedback.preprocessors = [GetGrades, HideTests, CSSHTMLHeaderPreprocessor]

# Quiet: scores and warnings. `nbgrader autograde --log-level=INFO` tells every step. The two
# warnings are about nbgrader's own use of its libraries and come with every class.
c.Application.log_level = "WARN"
warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")
warnings.filterwarnings("ignore", category=MissingIDFieldWarning)
