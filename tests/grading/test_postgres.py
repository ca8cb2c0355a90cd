"""A gradebook in PostgreSQL, a real server: the same scores, also with two graders at once."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from .tiny import ASSIGNMENT, hand_in, write_course

STUDENTS = [f"student-{number:02}" for number in range(1, 7)]
SCORES = {student: 5.0 if number % 2 else 10.0 for number, student in enumerate(STUDENTS)}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a database in a server of our own; the system's user postgres runs it where
    we are root, which PostgreSQL does not accept."""
    found = [
        *Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        Path(shutil.which("postgres") or ""),
    ]
    if not found[0].is_file():
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("needs PostgreSQL's server (Debian, Ubuntu: apt install postgresql)")
    programs, user = found[0].parent, ["runuser", "-u", "postgres", "--"] if not os.getuid() else []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="byhand-postgres-") as folder:
        if user:
            shutil.chown(folder, "postgres")

        def do(program: str, *arguments: str) -> None:
            command = [*user, str(programs / program), "-D", f"{folder}/data", *arguments]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)

        do("initdb", "--username=grader", "--auth=trust")
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -F"
        do("pg_ctl", "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            where = ["-h", "127.0.0.1", "-p", str(port), "-U", "grader", "grades"]
            subprocess.run([programs / "createdb", *where], check=True)
            yield f"postgresql+psycopg2://grader@127.0.0.1:{port}/grades"
        finally:
            do("pg_ctl", "-m", "immediate", "stop")


def start(course: Path, *arguments: str) -> subprocess.Popen:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    return subprocess.Popen(command, cwd=course, env=os.environ | {"PATH": path}, **pipe)


def test_two_graders_at_once(url: str, tmp_path: Path):
    source = write_course(tmp_path)
    with (tmp_path / "nbgrader_config.py").open("a") as config:
        config.write(f"c.CourseDirectory.db_url = {url!r}\n")
    first = start(tmp_path, "generate_assignment", ASSIGNMENT)
    said, _ = first.communicate(timeout=120)
    assert first.returncode == 0, said
    for student, score in SCORES.items():
        text = source.read_text(encoding="utf-8")
        hand_in(tmp_path, student, text.replace("2 * x", "2 * x" if score == 10 else "3 * x"))
    graders = [
        start(tmp_path, "autograde", ASSIGNMENT, f"--student=student-0[{part}]", "--Judge.jobs=1")
        for part in ("1-3", "4-6")
    ]
    for grader in graders:
        said, _ = grader.communicate(timeout=180)
        assert grader.returncode == 0, said
    with Gradebook(url) as gradebook:
        graded = gradebook.assignment_submissions(ASSIGNMENT)
        assert {submission.student.id: submission.score for submission in graded} == SCORES
