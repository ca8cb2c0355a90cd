"""The environment of the course in .venv, made with what Python brings along.

This is what `make setup` and `make test` do, and the same without make: `python -m byhand setup`,
`demo` and `test`. It has to load in a Python that is too old or has no packages, to say so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

COURSE = Path(__file__).resolve().parents[1]
OLDEST = (3, 11)
GO_ON = ("demo", "test")  # commands that make the environment where there is none, and go on in it
CHECKS = [  # what CI checks, as arguments of python
    "-m ruff format --check",
    "-m ruff check",
    "-m byhand normalise --check",
    "-m byhand release --check",
    # One process more than cores, as many tests wait for a kernel; tests/conftest.py has the order.
    f"-m pytest -n {(os.cpu_count() or 1) + 1} --dist loadscope --no-loadscope-reorder",
]


def enter(arguments: Sequence[str]) -> None:
    """Begin `python -m byhand <arguments>`, which may be a Python without packages.

    Returns if there is more to do and the packages are there, else exits.
    """
    command = arguments[0] if arguments else ""
    if command == "setup":
        sys.exit(setup(arguments[1:]))
    if command in GO_ON:
        refuse_windows(command)
    if find_spec("typer"):
        return
    if command not in GO_ON:
        sys.exit("byhand: packages are missing: run `python -m byhand setup` and activate .venv.")
    sys.exit(setup() or _run([[_python(), "-m", "byhand", *arguments]]))


def refuse_windows(command: str) -> None:
    """Exit on Windows."""
    if sys.platform == "win32":
        sys.exit(f"byhand: `{command}` grades, and that needs Linux: type the same in WSL 2.")


def setup(for_pip: Sequence[str] = ()) -> int:
    """Make .venv, or bring it up to date; nothing to do if it is. Returns an exit code.

    for_pip: options for it, such as the address of an index with PyTorch's CPU build.
    """
    stamp = COURSE / ".venv" / "installed"
    made_from = [COURSE / "requirements.txt", COURSE / "pyproject.toml"]
    missing = [path for path in made_from if not path.is_file()]
    if missing:
        sys.exit(f"byhand: {missing[0]} is not there, so this is not the folder of the course.")
    if stamp.exists() and stamp.stat().st_mtime >= max(p.stat().st_mtime for p in made_from):
        return 0
    if sys.version_info < OLDEST:
        here, oldest = sys.version.split()[0], ".".join(map(str, OLDEST))
        sys.exit(
            f"byhand needs Python {oldest} or newer, this is {here}. "
            f"Try: make PYTHON=python{oldest}, on Windows: py -{oldest} -m byhand setup"
        )
    failed = _run(steps(for_pip))
    if not failed:
        stamp.touch()
    return failed


def steps(for_pip: Sequence[str] = ()) -> list[list[str]]:
    """The commands that make the environment."""
    install = [_python(), "-m", "pip", "install", "--quiet"]
    # On Windows, a Python that runs cannot be written anew.
    inside = Path(sys.prefix).resolve() == (COURSE / ".venv").resolve() and find_spec("pip")
    return [
        *([] if inside else [[sys.executable, "-m", "venv", ".venv"]]),
        [*install, *for_pip, "-r", "requirements.txt"],
        [*install, "--no-deps", "--editable", "."],
    ]


def check() -> int:
    """Everything that CI checks, up to what fails. Returns an exit code."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return _run([[sys.executable, *arguments.split()] for arguments in CHECKS])


def _run(commands: list[list[str]]) -> int:
    """Print and run commands in the course, up to one that fails. Returns its exit code.

    Tools beside their Python are found by their bare names, as nbgrader calls them.
    """
    for command in commands:
        print("$", *command, flush=True)
        tools = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])
        failed = subprocess.call(command, cwd=COURSE, env={**os.environ, "PATH": tools})
        if failed:
            return failed
    return 0


def _python() -> str:
    """The Python of .venv."""
    place = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    return str(COURSE / ".venv" / place)
