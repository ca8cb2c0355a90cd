"""What nbgrader logs, made fit for a terminal."""

import logging

from byhand.grading.submission.names import printable


class Printable(logging.Filter):
    """Escapes what students could move a cursor with, or forge a line: in names and in errors."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; it is always logged."""
        record.msg = printable(str(record.msg), newlines=True)
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg if isinstance(arg, int | float) else printable(str(arg)) for arg in record.args
            )
        if record.exc_info and not record.exc_text:
            text = logging.Formatter().formatException(record.exc_info)
            record.exc_text = printable(text, newlines=True)
        return True
