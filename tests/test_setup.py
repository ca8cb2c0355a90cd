"""`python -m byhand setup`, `demo` and `test`, which make's targets are made of."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from byhand import environment
from byhand.__main__ import app

COURSE = Path(__file__).parents[1]
PIN = "--extra-index-url https://example.org/cpu".split()


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course without an environment."""
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(environment, "COURSE", tmp_path)
    return tmp_path


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would run; those with the word "broken" fail."""
    commands = []

    def call(command: list[str], cwd: Path, env: dict[str, str]) -> int:
        commands.append(command)
        assert env["PATH"].startswith(str(Path(command[0]).parent))
        return 3 if "broken" in command else 0

    monkeypatch.setattr(environment.subprocess, "call", call)
    return commands


def test_the_environment_is_made_once_and_again_when_the_pins_change(course: Path, called: list):
    assert environment.setup(PIN) == 0
    python = str(course / ".venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet"]
    assert called == [
        [sys.executable, "-m", "venv", ".venv"],
        [*install, *PIN, "-r", "requirements.txt"],
        [*install, "--no-deps", "--editable", "."],
    ]
    assert environment.setup() == 0
    assert len(called) == 3
    later = (course / ".venv" / "installed").stat().st_mtime + 1
    os.utime(course / "requirements.txt", (later, later))
    assert environment.setup() == 0
    assert len(called) == 6


def test_what_fails_is_tried_again(course: Path, called: list):
    assert environment.setup(["broken"]) == 3
    assert len(called) == 2
    assert environment.setup() == 0
    assert len(called) == 5


def test_the_environment_does_not_write_its_own_python_anew(course: Path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(course / ".venv"))
    assert [command[2] for command in environment.steps()] == ["pip", "pip"]


def test_an_old_python_is_named(course: Path, called: list, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer.*py -3\.11 -m byhand setup"):
        environment.setup()
    assert called == []


@pytest.mark.parametrize("command", ["demo", "test"])
def test_windows_is_sent_to_wsl_before_anything_is_installed(called: list, monkeypatch, command):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit, match=rf"`{command}` grades.*WSL 2"):
        environment.enter([command])
    with pytest.raises(SystemExit, match="WSL 2"):
        app([command])
    assert called == []


def test_on_windows_the_environment_has_its_python_elsewhere(course: Path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    assert environment.steps()[1][0].endswith("Scripts/python.exe")


def test_setup_elsewhere_says_so(course: Path, called: list):
    (course / "requirements.txt").unlink()
    with pytest.raises(SystemExit, match=r"requirements\.txt is not there"):
        environment.setup()
    assert called == []


def test_the_checks_stop_at_the_first_that_fails(called: list, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert environment.check() == 0
    assert [command[1:3] for command in called] == [
        ["-m", tool] for tool in ("ruff", "ruff", "byhand", "byhand", "pytest")
    ]
    called.clear()
    monkeypatch.setattr(environment, "CHECKS", ["-m ruff", "-m broken", "-m pytest"])
    assert environment.check() == 3
    assert len(called) == 2


def bare(course: Path, *arguments: str) -> subprocess.CompletedProcess:
    """`python -m byhand` in a Python that has no packages."""
    command = [sys.executable, "-E", "-S", "-m", "byhand", *arguments]
    return subprocess.run(command, cwd=course, capture_output=True, text=True)


def test_without_packages_a_command_says_what_to_do():
    done = bare(COURSE, "doctor")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("byhand: packages are missing: run `python -m byhand setup`")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["demo", "test"])
def test_without_packages_these_go_on_in_the_environment(tmp_path: Path, command: str):
    for name in ("requirements.txt", "pyproject.toml"):
        shutil.copy(COURSE / name, tmp_path)
    (tmp_path / "byhand").mkdir()
    for name in ("__init__.py", "__main__.py", "environment.py"):
        shutil.copy(COURSE / "byhand" / name, tmp_path / "byhand")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho this ran: $*; exit 5\n")
    python.chmod(0o755)
    (tmp_path / ".venv" / "installed").touch()
    done = bare(tmp_path, command)
    assert f"this ran: -m byhand {command}" in done.stdout
    assert done.returncode == 5


def test_make_does_the_same():
    def planned(*arguments: str) -> list[str]:
        make = subprocess.run(
            ["make", "-n", "PYTHON=python3", *arguments], cwd=COURSE, capture_output=True, text=True
        )
        assert make.returncode == 0, make.stderr
        return [line for line in make.stdout.splitlines() if not line.startswith("make")]

    assert planned("setup", "PIP_ARGS=--pre --no-input") == [
        "python3 -m byhand setup --pre --no-input"
    ]
    assert planned("test") == ["python3 -m byhand setup ", ".venv/bin/byhand test"]
