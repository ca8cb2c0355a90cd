"""A class graded by several workers: the same scores, whatever becomes of the workers."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import psutil
import pytest
from nbgrader.api import Gradebook

from byhand.grading.plugins import cluster
from byhand.grading.sandbox import cgroups
from byhand.grading.submission import work

from .tiny import ASSIGNMENT, generate, hand_in, write_course

SOLUTIONS = {
    "right": "return 2 * x",
    "wrong": "return 3 * x",
    "raises": "return 1 / 0",
    "ends": "import os; os._exit(3)",
    "slow": "import time; time.sleep(1.5); return 2 * x",
}
STUDENTS = {f"{kind}-01": kind for kind in SOLUTIONS} | {"right-02": "right"}
SCORES = {"right": 10.0, "wrong": 5.0, "raises": 5.0, "ends": 5.0, "slow": 10.0}


def temporary(course: Path) -> Path:
    """Where a run has its temporary files."""
    folder = course.parent / "temporary"
    folder.mkdir(exist_ok=True)
    return folder


def tried(course: Path, *arguments: str, program: str = "byhand", **how) -> subprocess.Popen:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", program, "autograde", ASSIGNMENT, *arguments]
    env = os.environ | {"PATH": path, "TMPDIR": str(temporary(course))} | how.pop("env", {})
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=course, env=env, stdout=pipe, stderr=pipe, text=True)


def done(course: Path, *arguments: str, **how) -> tuple[int, str, str]:
    process = tried(course, *arguments, **how)
    out, said = process.communicate(timeout=120)
    return process.returncode, out, said


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with a class that is not graded yet."""
    course = tmp_path_factory.mktemp("class")
    source = write_course(course).read_text(encoding="utf-8")
    generate(course)
    for student, kind in STUDENTS.items():
        hand_in(course, student, source.replace("return 2 * x", SOLUTIONS[kind]))
    return course


@pytest.fixture
def course(handed_in: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(handed_in, tmp_path / "course")


def grades(course: Path) -> dict[tuple[str, str], float | None]:
    """Every cell of the gradebook."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {
            (submission.student.id, grade.name): grade.auto_score
            for submission in gradebook.assignment_submissions(ASSIGNMENT)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


def totals(course: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for (student, _), score in grades(course).items():
        found[student] = found.get(student, 0.0) + (score or 0.0)
    return found


EXPECTED = {student: SCORES[kind] for student, kind in STUDENTS.items()}


def left(course: Path) -> list[str]:
    """Temporary files of ours, and processes that were started in their folder."""
    found = [str(path) for path in temporary(course).glob("byhand-*")]
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd().startswith(str(temporary(course))):
                found.append(" ".join(process.cmdline()))
    return found


@pytest.fixture
def scheduler() -> Iterator[str]:
    """A cluster of two worker processes."""
    from distributed import LocalCluster

    with LocalCluster(2, threads_per_worker=1, dashboard_address=None) as made:
        yield made.scheduler_address


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_scores_are_the_same_with_one_worker_and_with_two(course: Path, jobs: str):
    code, out, said = done(course, "--jobs", jobs)
    assert code == 0, said
    assert totals(course) == EXPECTED
    assert [line.split(":")[0] for line in out.splitlines()] == sorted(STUDENTS)
    assert left(course) == []


def test_the_scores_are_the_same_on_a_cluster(course: Path, scheduler: str):
    code, _, said = done(course, "--scheduler", scheduler)
    assert code == 0, said
    assert totals(course) == EXPECTED


@pytest.fixture
def hangs_up() -> Iterator[None]:
    """A closed terminal ends what is started here, also where these tests were told to go on."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangs_up")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_after_ctrl_c_or_an_end_from_outside_the_next_run_goes_on(course: Path, number: int):
    process = tried(course)
    first, _ = process.stdout.readline(), process.stdout.readline()  # written by now
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert left(course) == []
    assert len(totals(course)) < len(STUDENTS)
    code, out, said = done(course)
    assert code == 0, said
    assert totals(course) == EXPECTED
    assert first.split(":")[0] not in [line.split(":")[0] for line in out.splitlines()]


def test_a_worker_that_is_killed_costs_nobody_anything(course: Path):
    process, killed = tried(course, "--jobs", "2"), 0
    process.stdout.readline()
    [run] = temporary(course).glob("byhand-*")
    end = time.monotonic() + 20
    while not killed and time.monotonic() < end:
        for worker in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it ended since it was listed
                if any("bwrap" in child.name() for child in worker.children()):
                    worker.kill()
                    killed += 1
                    break
    _, said = process.communicate(timeout=120)
    assert killed, "no worker had a kernel"
    assert process.returncode == 0, said
    assert totals(course) == EXPECTED
    assert left(course) == []
    parents = {parent for place in cgroups.places() for parent in (place.memory, place.pids)}
    assert [str(group) for parent in parents for group in parent.glob(f"{run.name}*")] == []


def test_what_a_changed_test_would_cost_is_told_and_not_entered(course: Path):
    only = "--student", "r*-01"
    assert done(course, *only)[0] == 0
    graded = grades(course)
    assert "No points would change" in done(course, "--diff", *only)[1]
    source = course / "source" / ASSIGNMENT / "tiny.ipynb"
    changed = source.read_text(encoding="utf-8").replace("root(4) == 2", "root(4) == 3")
    source.write_text(changed, encoding="utf-8")
    code, out, said = done(course, "--diff", *only, env={"COLUMNS": "120"})
    assert code == 0, said
    rows = [re.split(r"\s*│\s*", line.strip("│ ")) for line in out.splitlines() if "-01" in line]
    assert rows == [
        [student, "test_root_exact", "3", "0", "AssertionError"]
        for student in ("raises-01", "right-01")
    ]
    assert grades(course) == graded


def test_a_name_that_is_not_there_is_one_line_with_the_nearest(course: Path):
    for arguments, near in {
        ("--student", "rihgt-01"): "there is no student rihgt-01: did you mean right-01?",
        ("--jobs", "0"): "greater than or equal to 1",
        ("--scheduler", "tcp://127.0.0.1:9"): "no Dask workers at tcp://127.0.0.1:9",
    }.items():
        code, _, said = done(course, *arguments)
        assert code not in (0, None)
        assert near in said
        assert "Traceback" not in said
    assert not (course / "autograded").exists()


def test_a_locked_gradebook_a_full_disk_and_a_number_that_is_none_are_one_line(course: Path):
    with sqlite3.connect(course / "gradebook.db") as other:
        other.execute("BEGIN EXCLUSIVE")
        code, _, said = done(course, program="nbgrader")
        other.rollback()
    assert code == 1
    assert "the gradebook cannot be written (database is locked)" in said
    code, _, told = done(course, "--Judge.jobs=-1", program="nbgrader")
    assert code == 1
    assert "should not be less than 0" in told
    code, _, full = done(course, f"--Judge.written={2**60}", program="nbgrader")
    assert code == 1
    assert f"the disk of {course} is full" in full
    shutil.rmtree(course / "submitted")
    code, _, empty = done(course)
    assert code == 1
    assert "nothing to grade: no student has a folder in" in empty
    assert [len(text.splitlines()) for text in (said, told, full, empty)] == [1] * 4
    assert not (course / "autograded").exists()


def test_a_worker_with_other_versions_is_refused(scheduler: str, monkeypatch):
    ours = cluster.environment() | {"numpy": "0.1"}
    found = cluster.environment
    monkeypatch.setattr(cluster, "environment", lambda: ours)
    monkeypatch.setattr(cluster.Cluster, "_theirs", lambda self: self.client.run(found))
    with pytest.raises(SystemExit, match=r"has numpy \S+ \(here 0.1\)"):
        cluster.Cluster(scheduler)


def test_a_worker_with_several_threads_is_refused():
    from distributed import LocalCluster

    with (
        LocalCluster(1, threads_per_worker=2, dashboard_address=None) as made,
        pytest.raises(SystemExit, match="start it with --nthreads 1"),
    ):
        cluster.Cluster(made.scheduler_address)


def test_one_that_measures_time_is_alone(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(work.tempfile, "tempdir", str(tmp_path))
    log = tmp_path / "log"
    log.touch()
    parts, order = {False: 0.4, True: 0.2}, [False, False, True, False, True, False]
    fork = get_context("fork").Process
    workers = [fork(target=_hold, args=(log, alone, parts[alone])) for alone in order]
    for worker in workers:
        worker.start()
        time.sleep(0.05)
    for worker in workers:
        worker.join()
    inside: list[str] = []
    together = 0
    for line in log.read_text().split():
        entered, kind = line.split(":")
        inside.append(kind) if entered == "in" else inside.remove(kind)
        assert "True" not in inside or len(inside) == 1
        together = max(together, len(inside))
    assert inside == []
    assert together > 1


def _hold(log: Path, alone: bool, seconds: float) -> None:
    with work._alone(alone), log.open("a") as file:
        print(f"in:{alone}", file=file, flush=True)
        time.sleep(seconds)
        print(f"out:{alone}", file=file, flush=True)
