"""`byhand handin` packs what `nbgrader zip_collect` takes, and says what is wrong."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_output

from byhand.checkpoints import History, save_checkpoint
from byhand.grading.course.commands import nbgrader
from byhand.grading.course.notebooks import assignments, read, source_notebook
from byhand.handin import TRAINED, HandInError, hand_in
from byhand.nn import Module

from .test_commands import byhand
from .tiny import COURSE, cell

WEIGHTS, CURVES = "mnist_convnet.npz", "comparison.json"
FILES = ["convnet.ipynb", WEIGHTS, CURVES]


class Network(Module):
    def __init__(self, size: int = 3):
        super().__init__()
        self.weight, self.grad_weight = np.ones(size), np.zeros(size)


def notebook(*outputs: nbformat.NotebookNode) -> str:
    """What counts of the notebook of 5-convnet. outputs: of the check of the trained network."""
    solution = cell("def build_convnet(): ...", "train_mnist", solution=True)
    source = f'check.trained(build_convnet, "{WEIGHTS}", least=0.99)'
    test = cell(source, "test_train_mnist_accuracy", grade=True, locked=True, points=1.5)
    test.outputs = list(outputs)
    return nbformat.writes(nbformat.v4.new_notebook(cells=[solution, test]))


PASSED = new_output("display_data", data={"text/plain": "2 checks passed"})
FAILED = new_output("error", ename="CheckFailed", evalue="", traceback=[])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that 5-convnet needs; it is the current one."""
    monkeypatch.chdir(tmp_path)
    save_checkpoint(tmp_path / WEIGHTS, Network(), History(seconds=[1.0, 2.0]), "MNIST")
    runs = {"data": "MNIST", "runs": {"SGD": {"train_loss": [1.0]}, "Adam": {}}}
    (tmp_path / CURVES).write_text(json.dumps(runs))
    (tmp_path / "convnet.ipynb").write_text(notebook(PASSED))
    for name in FILES[1:]:
        os.utime(tmp_path / name, (1_000_000, 1_000_000))
    return tmp_path


def packed(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_everything_is_packed_and_told(folder: Path, monkeypatch):
    (folder / "given.py").write_text("")
    done = byhand("handin", "5-convnet", "--student", "student-01")
    assert done.exit_code == 0, done.output
    first, *rest = done.output.splitlines()
    assert first == "student-01_5-convnet.zip: hand in this file."
    assert [line.split()[0] for line in rest[:-1]] == FILES
    assert "2 epochs on MNIST" in done.output
    assert "2 runs: SGD, Adam" in done.output
    assert "note" not in done.output
    assert packed(folder / "student-01_5-convnet.zip") == FILES
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*FILES, "given.py", "student-01_5-convnet.zip"]
    )
    monkeypatch.setenv("JUPYTERHUB_USER", "student-02")
    assert byhand("handin", "5-convnet").output.startswith("student-02_5-convnet.zip:")


def test_it_is_found_in_its_folder_and_in_release(folder: Path, monkeypatch, capsys):
    for place in ("5-convnet", "release/5-convnet"):
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).mkdir()
        for name in FILES:
            (folder / name).rename(folder / place / name)
        hand_in("5-convnet", "student-01")
        assert f"{place}/student-01_5-convnet.zip: hand in" in capsys.readouterr().out
        for name in FILES:
            (folder / place / name).rename(folder / name)


def made_course(folder: Path) -> tuple[Path, Path]:
    """A course that has released 5-convnet, and its folder for archives."""
    course = folder / "a_course"
    archive = course / "downloaded" / "5-convnet" / "archive"
    archive.mkdir(parents=True)
    config = f"c = get_config()\nload_subconfig('nbgrader_config.py', path={str(COURSE)!r})\n"
    (course / "nbgrader_config.py").write_text(config)
    (course / "release" / "5-convnet").mkdir(parents=True)
    (course / "release" / "5-convnet" / "convnet.ipynb").write_text(notebook())
    return course, archive


@pytest.mark.parametrize("assignment", assignments(COURSE))
def test_the_cell_at_the_end_of_a_notebook_packs_it(assignment, tmp_path, monkeypatch, capsys):
    path = COURSE / "release" / assignment / source_notebook(COURSE, assignment).name
    [cell] = [cell for cell in read(path).cells if cell.id == "hand-in"]
    exec(cell.source, {})  # nothing, before the student has changed it
    monkeypatch.chdir(tmp_path)
    shutil.copy(path, tmp_path)
    line = cell.source.splitlines()[-1].removeprefix("# ")
    if TRAINED[assignment]:
        with pytest.raises(HandInError, match=f"^{TRAINED[assignment][0]} is missing"):
            exec(line, {})
        return
    exec(line, {})
    assert capsys.readouterr().out.startswith(f"student-01_{assignment}.zip: hand in this file.")
    assert packed(tmp_path / f"student-01_{assignment}.zip") == [path.name]


def test_zip_collect_takes_the_files_as_they_are(folder: Path):
    course, archive = made_course(folder)
    for student in ("student-01", "stu_dent-02"):
        hand_in("5-convnet", student, tell=lambda line: None)
        (folder / f"{student}_5-convnet.zip").rename(archive / f"{student}_5-convnet.zip")
    with zipfile.ZipFile(archive / "student-03_5-convnet.zip", "w") as hostile:
        for place in ("", "student-04_5-convnet/", "downloaded/x/extracted/student-05_x/"):
            hostile.writestr(f"{place}convnet.ipynb", notebook(FAILED))
    nbgrader(course, "zip_collect", "5-convnet")
    found = {
        path.relative_to(course / "submitted").as_posix(): path.read_bytes()
        for path in (course / "submitted").rglob("*")
        if path.is_file()
    }
    assert found == {
        **{
            f"{student}/5-convnet/{name}": (folder / name).read_bytes()
            for student in ("student-01", "stu_dent-02")
            for name in FILES
        },
        "student-03/5-convnet/convnet.ipynb": notebook(FAILED).encode(),
    }


def hostile(path: Path, damage: str) -> None:
    """An archive that cannot be unpacked, or not safely."""
    if damage == "no archive":
        path.write_text("Dear professor")
        return
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("convnet.ipynb", notebook(FAILED))
        for name in {"climbs": ["../../evil.ipynb"], "clashes": ["a", "a/b"]}.get(damage, []):
            archive.writestr(name, "")
    if damage == "damaged":
        path.write_bytes(path.read_bytes().replace(b"CheckFailed", b"CheckPassed"))


DAMAGES = ["climbs", "clashes", "no archive", "damaged"]


def test_an_archive_that_cannot_be_unpacked_is_named_and_the_class_goes_on(folder: Path):
    course, archive = made_course(folder)
    for number, damage in enumerate(DAMAGES, 1):
        hostile(archive / f"student-0{number}_5-convnet.zip", damage)
    hand_in("5-convnet", "student-09", tell=lambda line: None)
    (folder / "student-09_5-convnet.zip").rename(archive / "student-09_5-convnet.zip")
    log = nbgrader(course, "zip_collect", "5-convnet")
    for number in range(1, len(DAMAGES) + 1):
        [line] = [line for line in log.splitlines() if f"student-0{number}" in line]
        assert f"student-0{number}_5-convnet.zip is left out: " in line
    assert [path.name for path in (course / "submitted").iterdir()] == ["student-09"]
    assert not list(folder.rglob("evil.ipynb"))


def test_the_pattern_for_names_of_a_platform_takes_the_time_and_no_other_folder():
    text = (COURSE / "docs" / "instructors.md").read_text(encoding="utf-8")
    [pattern] = re.findall(r"named_regexp='(.+)'", text)
    folder = "/c/downloaded/5-convnet/extracted/student-01_2026-12-01-10-30-00_me_5-convnet"
    found = re.match(pattern, f"{folder}/{WEIGHTS}").groupdict()
    time = "2026-12-01-10-30-00"
    assert found == {"student_id": "student-01", "timestamp": time, "file_id": WEIGHTS}
    assert not re.match(pattern, f"{folder}/extracted/x_2020-01-01-00-00-00_y/convnet.ipynb")


def test_the_assignments_and_their_files_are_the_courses():
    assert sorted(TRAINED) == assignments(COURSE)
    for name, files in TRAINED.items():
        path = source_notebook(COURSE, name)
        assert path.name == name.partition("-")[2] + ".ipynb"
        code = "\n".join(c.source for c in read(path).cells if c.cell_type == "code")
        assert all(f'"{file}"' in code for file in files)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda f: (f / WEIGHTS).unlink(), f"{WEIGHTS} is missing: run the cell that trains"),
        (lambda f: (f / WEIGHTS).write_bytes(b"PK123"), f"{WEIGHTS} is damaged or cut off"),
        (lambda f: np.savez(f / WEIGHTS, x=1.0), f"{WEIGHTS} holds arrays, but is no checkpoint"),
        (lambda f: (f / CURVES).unlink(), f"{CURVES} is missing: run the cell that compares"),
        (lambda f: (f / CURVES).write_text("[1]"), f"{CURVES} is not what the notebook writes"),
        (lambda f: (f / CURVES).write_text('{"runs": {}}'), f"{CURVES} holds no run"),
        (lambda f: (f / CURVES).write_text('{"runs": {"a": {"b": 1}}}'), "is not what the noteb"),
    ],
)
def test_a_trained_file_that_is_not_in_order_is_one_line(folder: Path, break_it, said):
    break_it(folder)
    failed = byhand("handin", "5-convnet", "--student", "student-01")
    assert failed.exit_code == 1
    line = str(failed.exception)
    assert line.startswith("byhand: ")
    assert said in line
    assert "\n" not in line
    assert "`byhand handin 5-convnet --anyway`" in line
    assert not list(folder.glob("*.zip"))
    done = byhand("handin", "5-convnet", "--student", "student-01", "--anyway")
    assert done.exit_code == 0
    assert f"note: {said.split()[0]}" in done.output or said in done.output
    assert len(packed(folder / "student-01_5-convnet.zip")) == 2


def unreadable(folder: Path) -> None:
    text = (folder / "convnet.ipynb").read_text()
    (folder / "convnet.ipynb").write_text(text[: len(text) // 2])


def of_another(folder: Path) -> None:
    (folder / "convnet.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook()))


def renamed(folder: Path) -> None:
    (folder / "convnet.ipynb").rename(folder / "convnet-Copy1.ipynb")


@pytest.mark.parametrize(
    ("arguments", "break_it", "said"),
    [
        (["5-convnt"], None, r"There is no assignment '5-convnt'\. Did you mean 5-convnet\?"),
        (["layers"], None, r"There is no assignment 'layers'\. Did you mean 3-layers\?"),
        (["xyz"], None, r"There is no assignment 'xyz'\. There are 1-autograd, .*6-attention\."),
        (["3-layers"], None, r"layers.ipynb is not in /.*\. Change to the folder that it is in\."),
        (["5-convnet"], renamed, r"convnet.ipynb is not in .*\. Rename convnet-Copy1.ipynb to con"),
        (
            ["5-convnet"],
            unreadable,
            r"convnet.ipynb is not a notebook \(not JSON from .*Open it in",
        ),
        (["5-convnet"], of_another, r"convnet.ipynb has none of the assignment's cells"),
        (
            ["5-convnet", "--student", "a/b"],
            None,
            r"No submission can be called 'a/b': it has a sl",
        ),
        (["5-convnet", "--student", ".a"], None, r"No submission can be called '.a': .* a dot"),
    ],
)
def test_what_cannot_be_handed_in_is_one_line(folder: Path, arguments, break_it, said):
    if break_it:
        break_it(folder)
    failed = byhand("handin", *arguments, "--anyway")
    assert failed.exit_code == 1
    with pytest.raises(SystemExit, match=f"^byhand: {said}[^\n]*$"):
        raise failed.exception
    assert not list(folder.glob("*.zip"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: os.utime(f / WEIGHTS), f"note: {WEIGHTS} is newer than the saved notebook"),
        (
            lambda f: (f / "convnet.ipynb").write_text(notebook(FAILED)),
            f"note: test_train_mnist_accuracy has not passed in the saved notebook: {WEIGHTS} may",
        ),
        (
            lambda f: (f / "convnet.ipynb").write_text(notebook()),
            "note: test_train_mnist_accuracy has not passed in the saved notebook",
        ),
        (
            lambda f: save_checkpoint(f / WEIGHTS, Network(), History(), "small digits"),
            f"note: {WEIGHTS} was trained on small digits, and counts on MNIST.",
        ),
    ],
)
def test_what_can_only_be_suspected_is_a_note(folder: Path, change, said):
    os.utime(folder / "convnet.ipynb", (2_000_000, 2_000_000))
    change(folder)
    done = byhand("handin", "5-convnet", "--student", "student-01")
    assert done.exit_code == 0
    assert said in done.output
    assert len(packed(folder / "student-01_5-convnet.zip")) == 3


def test_a_full_disk_loses_nothing(folder: Path):
    before = folder / "student-01_5-convnet.zip"
    before.write_bytes(b"of yesterday")
    command = [sys.executable, "-m", "byhand", "handin", "5-convnet", "--student", "student-01"]
    full = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(COURSE), "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)),
    )
    assert full.returncode == 1
    assert full.stderr == "byhand: student-01_5-convnet.zip cannot be written: File too large.\n"
    assert before.read_bytes() == b"of yesterday"
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, before.name])


def test_in_a_cell_an_error_is_one_line(folder: Path):
    with pytest.raises(HandInError) as error:
        hand_in("6-none")
    [line] = error.value._render_traceback_()
    assert line.startswith("HandInError: There is no assignment '6-none'.")
