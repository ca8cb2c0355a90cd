"""Pages for the instructor: one file each, no network, no script; what students wrote is text."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from byhand.grading.submission.names import printable


def _as_text(value: Any) -> Any:
    """What an expression in a template gives, without characters that control anything."""
    if isinstance(value, Markup):
        return value
    return printable(value, newlines=True) if isinstance(value, str) else value


def number(value: float) -> str:
    """At most two decimals."""
    return f"{round(value, 2) + 0.0:g}"


TEMPLATES = Environment(
    loader=PackageLoader(__package__, "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=_as_text,
)
TEMPLATES.filters["number"] = number


def write(path: Path, template: str, **values: Any) -> None:
    """Make a page from a template of this folder. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page = TEMPLATES.get_template(template).render(**values)
    path.write_text(page, encoding="utf-8")


def link(path: Path) -> str:
    """The address of a page, to open it from a terminal."""
    return path.resolve().as_uri()
