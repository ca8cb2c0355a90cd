"""The course as nbgrader sees it. Instructors edit the deadlines; the rest can stay."""

import warnings
from functools import partial

from nbformat.warnings import MissingIDFieldWarning
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    Execute,
    OverwriteCells,
    SaveAutoGrades,
)
from sqlalchemy.exc import SAWarning

try:
    from byhand.grading.plugins.exporter import SubmissionExporter
    from byhand.grading.plugins.exports import Grades
    from byhand.grading.plugins.extractor import EachAlone
    from byhand.grading.plugins.feedback import FeedbackExporter
    from byhand.grading.plugins.formgrader import caution
    from byhand.grading.plugins.judge import Judge
    from byhand.grading.plugins.late_policy import DueDate, LatePolicy, deadlines
    from byhand.grading.plugins.preprocessors import RestoreCells, SaveAtOnce, TellScore
    from byhand.grading.submission.markup import PICTURES, clean, markdown
    from byhand.handin import TRAINED
except ImportError as error:  # nbgrader would go on without this file, and without the sandbox
    raise SystemExit(
        f"nbgrader_config.py: {error}. Run `make setup`, then `source .venv/bin/activate`."
    ) from error

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

# nbgrader's steps, with our judge in place of its Execute, scores that are entered at once, and a
# line for each. Cells have the metadata of the course's notebook, so nobody checks it once more;
# the form of the whole notebook is checked at the end of the steps, not after each.
c.Autograde.sanitize_preprocessors = [
    DueDate,
    *(
        RestoreCells if step is OverwriteCells else step
        for step in Autograde.sanitize_preprocessors.default()
        if step is not CheckCellMetadata
    ),
]
at_once = [
    SaveAtOnce if step is SaveAutoGrades else step
    for step in Autograde.autograde_preprocessors.default()
]
c.Autograde.autograde_preprocessors = [
    *(Judge if step is Execute else step for step in at_once if step is not CheckCellMetadata),
    TellScore,
]
c.SubmissionExporter.optimistic_validation = True

# Every folder in submitted/ is put in order and graded, or named with the reason why not. A
# submission is put back into the form of the course's notebook, whatever was done to it; one that
# is no notebook is graded as an untouched one, with a note on top.
c.Autograde.exporter_class = SubmissionExporter

# nbgrader puts the course's files in place of a student's of the same name. That is wanted for
# given.py; what a student has trained is the student's.
c.Autograde.exclude_overwriting = TRAINED

# What `byhand handin` packs, <student>_<assignment>.zip, is what `nbgrader zip_collect` takes. The
# name of the file says whose it is; whatever is in it belongs to that student.
c.FileNameCollectorPlugin.named_regexp = (
    r"(?>.*?/downloaded/[^/]+/extracted/)(?P<student_id>[^/]+)_[^/_]+/(?P<file_id>[^/]+)$"
)
c.FileNameCollectorPlugin.valid_ext = [".ipynb", ".npz", ".json"]

# A file that cannot be unpacked is named and left out; nbgrader would stop there.
c.ZipCollectApp.extractor_plugin = EachAlone

# The sandboxes that will do for students' code, the best first; `byhand doctor` says which this
# machine gives. "none", for macOS, is no sandbox: their code runs with your rights.
c.Judge.rungs = ["bubblewrap", "landlock"]

# How many submissions run at once; 0: as many as there are cores.
c.Judge.jobs = 0

# What one submission may use.
c.Judge.memory = 2 * 2**30  # bytes
c.Judge.processes = 64
c.Judge.written = 64 * 2**20  # bytes
c.Judge.cell_seconds = 30
c.Judge.experiment_seconds = 10
c.Judge.submission_seconds = 300
c.Judge.own_seconds = 100  # of these, for cells of the student's own
c.Judge.output_bytes = 5 * 2**20

# Assignments whose solutions may use PyTorch.
c.Judge.torch = ["1-autograd"]

# Cells with this tag draw or train and have no points: autograding leaves them out.
c.Judge.skip_tag = "ungraded"

# Feedback pages show what failed and why, not the hidden cases themselves. Nothing in them runs.
c.GenerateFeedback.exporter_class = FeedbackExporter
c.GenerateFeedback.preprocessors = [ClearHiddenTests]

# The same in formgrader, which shows submissions where you are logged in.
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.filters = {"markdown2html": markdown, "clean_html": partial(clean, ours=True)}
c.WidgetsDataTypeFilter.display_data_priority = [
    *("text/html", "text/markdown", "text/latex", *PICTURES, "text/plain")
]

# Bonus points stand apart: "9.5 of 10, bonus 1.5". Formgrader's lists cannot do that, and say so.
c.ExportApp.plugin_class = Grades
caution()

# Quiet: scores and warnings. `nbgrader autograde --log-level=INFO` tells every step. The two
# warnings are about nbgrader's own use of its libraries and come with every class.
c.Application.log_level = "WARN"
c.Application.logging_config = {  # what students named reaches no terminal but as text
    "filters": {"printable": {"()": "byhand.grading.plugins.log.Printable"}},
    "handlers": {"console": {"filters": ["printable"]}},
}
warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")
warnings.filterwarnings("ignore", category=MissingIDFieldWarning)
