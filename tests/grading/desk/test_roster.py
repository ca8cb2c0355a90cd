"""Names of the class, from what Moodle and Canvas export."""

from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from byhand.__main__ import app
from byhand.grading.course.notebooks import CourseError
from byhand.grading.desk.roster import Entry, import_roster, read_roster

from ..synthetic import make_class, set_up

MOODLE = """\
\ufeff"First name","Last name","ID number","Email address",Groups
Ada,"B, C",s1,ada@example.org,
Élodie,D,s2,elodie@example.org,"Group 1"
"""
CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,3-layers (12)
    Points Possible,,,,,10
"D, Élodie",7002,u2,s2,A,
Ada,7001,u1,s1,A,
"Student, Test",7003,,,A,
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "roster.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_moodle_names_people_by_id_number(tmp_path):
    assert read_roster(write(tmp_path, MOODLE)) == [
        Entry("s1", "Ada", "B, C", "ada@example.org"),
        Entry("s2", "Élodie", "D", "elodie@example.org"),
    ]


def test_canvas_has_one_column_for_the_name_and_a_number_of_its_own(tmp_path):
    assert read_roster(write(tmp_path, CANVAS)) == [
        Entry("s2", "Élodie", "D", lms_user_id="7002"),
        Entry("s1", "", "Ada", lms_user_id="7001"),
    ]


def test_semicolons_lines_in_quotes_and_control_characters(tmp_path):
    text = 'Username;First name;Last name\ns1;"A\nB";"=C\x1b[2J"\n\n'
    assert read_roster(write(tmp_path, text)) == [Entry("s1", "A B", "=C\\x1b[2J")]


def test_a_column_can_be_named_and_the_address_is_the_last_resort(tmp_path):
    path = write(tmp_path, MOODLE)
    assert [one.id for one in read_roster(path, "Email address")] == [
        "ada@example.org",
        "elodie@example.org",
    ]
    path = write(tmp_path, "First name,Email address\nAda,a@example.org\n")
    assert read_roster(path) == [Entry("a@example.org", "Ada", "", "a@example.org")]


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("username\ns1\ns2\ns1\n", "", r"'s1' stands more than once in column 'username'"),
        ("username,email\n,a@example.org\n", "", "line 2: nothing stands in column 'username'"),
        ("username\na/b\n", "", r"line 2: 'a/b' cannot be the name of a folder: .* /"),
        ("username\n.a\n", "", "line 2: '.a' cannot be .* begins with a dot"),
        ("Nachname,Vorname\nA,B\n", "", r"none of its columns \(Nachname, Vorname\) is known"),
        ("username\ns1\n", "matricule", "has no column 'matricule', but username"),
        ("username\n", "", "there is no student in it"),
        ("", "", "none of its columns"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path, text, column, says):
    with pytest.raises(CourseError, match=says):
        read_roster(write(tmp_path, text), column)


def test_a_file_that_is_no_text_or_not_there(tmp_path):
    (tmp_path / "a.csv").write_bytes("Prénom".encode("utf-16"))
    with pytest.raises(CourseError, match="is not UTF-8 text"):
        read_roster(tmp_path / "a.csv")
    with pytest.raises(CourseError, match="cannot be opened"):
        read_roster(tmp_path / "b.csv")


def test_names_are_entered_and_grades_kept(tmp_path, monkeypatch):
    set_up(tmp_path, ["3-layers"])
    make_class(tmp_path, "3-layers", ["s1"])
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["roster", str(write(tmp_path, MOODLE))])
    assert result.output == "1 students entered, 1 brought up to date.\n"
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}", "byhand") as gradebook:
        ada = gradebook.find_student("s1")
        assert (ada.first_name, ada.last_name, ada.email) == ("Ada", "B, C", "ada@example.org")
        assert len(ada.submissions) == 1
        assert gradebook.find_student("s2").first_name == "Élodie"


def test_duplicates_enter_nobody_and_a_new_gradebook_is_made(tmp_path):
    set_up(tmp_path, ["3-layers"])
    with pytest.raises(CourseError):
        import_roster(tmp_path, write(tmp_path, "username\ns1\ns2\ns1\n"))
    assert not (tmp_path / "gradebook.db").exists()
    assert import_roster(tmp_path, write(tmp_path, "username\ns1\ns2\n")) == (2, 0)
