"""A line of caution on formgrader's pages.

Their lists add up the points of all cells straight from the database: nbgrader 0.9.6 reads its
penalties in exports and feedback alone, and has no plug-in point in these pages.
"""

import sys

from jinja2 import Environment, FileSystemLoader

SERVER = "nbgrader.server_extensions.formgrader.formgrader"
CAUTION = (
    "Scores in these lists leave out lateness and count bonus points like any others. "
    "The grades are what <code>byhand report</code> and <code>nbgrader export</code> say."
)
BODY = "<body>\n"


class Cautious(FileSystemLoader):
    """Loads formgrader's templates; the one that all its lists extend has the line on top."""

    def get_source(self, environment: Environment, template: str) -> tuple:
        """As jinja2 asks for it."""
        text, *rest = super().get_source(environment, template)
        if template == "base.tpl":
            line = f'<div class="alert alert-warning" role="note">{CAUTION}</div>\n'
            text = text.replace(BODY, BODY + line, 1)
        return text, *rest


def caution() -> None:
    """Have formgrader say it, if this is formgrader's process: it reads the configuration before
    it makes its pages."""
    if SERVER in sys.modules:
        sys.modules[SERVER].FileSystemLoader = Cautious
