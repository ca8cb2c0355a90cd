"""Names and texts that students chose, where people read them."""

import string

MOST_LETTERS = 128  # what the gradebook keeps of a student's name
PATTERN = frozenset("*?[")  # nbgrader reads a name that has one of these as a pattern
AS_ENTITY = {ord(c): f"&#{ord(c)};" for c in string.punctuation}


def printable(text: str, newlines: bool = False) -> str:
    """The text with escapes for whatever would move a cursor, hide or forge a line.

    newlines: whether line breaks and tabs stay.
    """
    kept = "\n\t" if newlines else ""
    return "".join(c if c.isprintable() or c in kept else repr(c)[1:-1] for c in text)


def literal(text: str) -> str:
    """The text as Markdown that shows just that, whatever is in it."""
    return printable(text).translate(AS_ENTITY)


def why_not(name: str) -> str:
    """Why the folder of this name cannot be graded, in words; empty if it can."""
    if name.startswith("."):
        return "its name begins with a dot, and nbgrader passes such folders over"
    if not name.isprintable():
        return "its name has characters that cannot be printed"
    if PATTERN & set(name):
        return "its name has one of the characters * ? [, and nbgrader reads it as a pattern"
    if len(name) > MOST_LETTERS:
        return f"its name has more than {MOST_LETTERS} characters"
    return ""
