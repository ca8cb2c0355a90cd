"""`byhand roster`: the names of the class, from the list that a learning platform exports."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from byhand.grading.course.notebooks import CourseError
from byhand.grading.plugins.class_grades import opened
from byhand.grading.submission.names import printable, why_not

# What platforms call a column, the first that is there; Canvas's "ID" is a number of its own.
CANVAS = "sis login id"
COLUMNS = {
    "id": ["student_id", "username", CANVAS, "id number", "sis user id", "id"],
    "first_name": ["first_name", "first name", "given name"],
    "last_name": ["last_name", "last name", "surname", "family name"],
    "email": ["email", "email address", "e-mail"],
    "whole": ["student", "full name", "name"],
}
NOBODY = ("Points Possible", "Student, Test", "Test Student")  # rows of Canvas that are no students


@dataclass(frozen=True)
class Entry:
    """A student. lms_user_id: Canvas's number."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""


def import_roster(course: Path, path: Path, column: str = "") -> tuple[int, int]:
    """Enter the students of a CSV file into the gradebook; how many are new, how many were there.

    column: the one with the names that students hand in under; empty: the first known one.
    Those that are already there get the file's names, and keep their grades. Raises CourseError,
    and then enters nobody.
    """
    entries = read_roster(path, column)
    with opened(course, new=True) as (gradebook, _, _):
        there = {student.id for student in gradebook.students}
        for entry in entries:
            known = {name: value for name, value in vars(entry).items() if value and name != "id"}
            gradebook.update_or_create_student(entry.id, **known)
    return sum(one.id not in there for one in entries), sum(one.id in there for one in entries)


def read_roster(path: Path, column: str = "") -> list[Entry]:
    """The students of a CSV file. Raises CourseError, in one line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CourseError(f"{path}: cannot be opened: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CourseError(f"{path} is not UTF-8 text: export it as CSV (UTF-8).") from error
    first = text.partition("\n")[0]
    table = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=first.count))
    names = {(name or "").strip().lower(): name for name in table.fieldnames or ()}
    chosen = _columns(path, names, column)
    entries = list(_entries(path, table, chosen, names.get("id") if CANVAS in names else None))
    if not entries:
        raise CourseError(f"{path}: there is no student in it.")
    twice = [name for name, times in Counter(one.id for one in entries).items() if times > 1]
    if twice:
        raise CourseError(
            f"{path}: {', '.join(map(repr, twice[:5]))} stands more than once in column "
            f"{chosen['id']!r}. Correct the file; nobody was entered."
        )
    return entries


def _columns(path: Path, names: dict[str, str], column: str) -> dict[str, str]:
    """What we look for -> the column's name in the file."""
    if column and column.lower() not in names:
        raise CourseError(f"{path} has no column {column!r}, but {', '.join(names.values())}.")
    found = {
        what: names[title]
        for what, titles in COLUMNS.items()
        if (title := next((title for title in titles if title in names), None))
    }
    if column:
        found["id"] = names[column.lower()]
    found.setdefault("id", found.get("email", ""))
    if not found["id"]:
        raise CourseError(
            f"{path}: none of its columns ({', '.join(map(str, names.values()))}) is known to hold "
            "the names of students. Name it: `byhand roster FILE.csv --id COLUMN`."
        )
    return found


def _entries(
    path: Path, table: csv.DictReader, chosen: dict[str, str], canvas: str | None
) -> Iterator[Entry]:
    for row in table:
        cells = {what: _clean(row.get(name)) for what, name in chosen.items()}
        whole = cells.pop("whole", "")
        if (not any(cells.values()) and not whole) or whole.startswith(NOBODY):
            continue
        where = f"{path}, line {table.line_num}"
        if not cells["id"]:
            raise CourseError(f"{where}: nothing stands in column {chosen['id']!r}.")
        if "/" in cells["id"] or "\\" in cells["id"] or why_not(cells["id"]):
            reason = why_not(cells["id"]) or "its name has a / or a \\"
            raise CourseError(f"{where}: {cells['id']!r} cannot be the name of a folder: {reason}.")
        if whole and not (cells.get("first_name") or cells.get("last_name")):
            cells["last_name"], comma, cells["first_name"] = map(str.strip, whole.partition(","))
            if not comma:
                cells["first_name"], _, cells["last_name"] = whole.rpartition(" ")
        yield Entry(**cells, lms_user_id=_clean(row.get(canvas)) if canvas else "")


def _clean(text: str | None) -> str:
    return printable(" ".join((text or "").split()))
