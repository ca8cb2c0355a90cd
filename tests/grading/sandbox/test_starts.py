"""Where there is no sandbox: an ordinary process, or a clear line that says why."""

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from byhand.grading.sandbox import bubblewrap, inside, rungs
from byhand.grading.sandbox.bubblewrap import SandboxError
from byhand.grading.sandbox.kernel import Limits, start_kernel
from byhand.grading.sandbox.rungs import choose, confinement, trouble

from .kernels import RUNGS, SECRET, SMALL, Kernel, MiB, runs, wait_until


def test_an_ordinary_process_where_that_is_wanted(start, monkeypatch):
    monkeypatch.setenv("BYHAND_TEST_TOKEN", SECRET)
    kernel = start(Limits(), rung="none")
    assert confinement("none").startswith("none; not promised")
    code = """
import os, helper, subprocess, torch
print(helper.ANSWER, os.getcwd(), "BYHAND_TEST_TOKEN" in os.environ)
child = subprocess.Popen(["sleep", "600"])
print(child.pid)
torch.zeros(3)
"""
    where, pid, error = kernel.run(code).splitlines()
    child = psutil.Process(int(pid))
    assert where == f"42 {kernel.folder}/home False"
    assert "PyTorch is not there" in error
    kernel.stop()
    wait_until(lambda: not runs(child), 2, "the kernel's child to end")
    assert not kernel.folder.exists()


def test_on_windows_there_is_a_clear_line(monkeypatch):
    trouble.cache_clear()
    monkeypatch.setattr(rungs, "os", SimpleNamespace(name="nt"))
    with pytest.raises(SandboxError, match=r"none: .* on Windows, use WSL"):
        choose(("none",))
    trouble.cache_clear()


def test_a_kernel_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setattr(inside, "__name__", "byhand.grading.no_such_module")
    kernel = start_kernel({}, SMALL)
    with pytest.raises(RuntimeError, match=r"died when it was started: .*no_such_module"):
        kernel.wait_until_ready()
    kernel.stop()
    assert not kernel.folder.exists()


@pytest.fixture
def path(tmp_path, monkeypatch) -> Iterator[Path]:
    """The only folder in which programs are looked for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for found in (bubblewrap.program, trouble):
        found.cache_clear()
    yield tmp_path
    for found in (bubblewrap.program, trouble):
        found.cache_clear()


def test_without_bubblewrap_there_is_a_clear_line(path):
    with pytest.raises(SandboxError, match="not installed: apt-get install bubblewrap"):
        start_kernel({}, SMALL)


def test_where_bubblewrap_is_not_allowed_to_there_is_a_clear_line(path):
    (path / "bwrap").write_text("#!/bin/sh\necho bwrap: No permissions >&2\nexit 1\n")
    (path / "bwrap").chmod(0o755)
    said = "bubblewrap cannot make a sandbox here (bwrap: No permissions)"
    with pytest.raises(SandboxError, match=re.escape(said)):
        start_kernel({}, SMALL)
    rung, [passed] = choose(("bubblewrap", "none"))
    assert rung == "none"
    assert passed.startswith(f"bubblewrap: {said}")
    with pytest.raises(SandboxError, match="none of the sandboxes that are acceptable"):
        choose(("bubblewrap",))
    with pytest.raises(SandboxError, match="none is named"):
        choose(())


def test_a_course_that_would_be_visible_is_refused(tmp_path):
    course = Path(sys.prefix) / "share" / "course"
    with pytest.raises(SandboxError, match="would be visible to student code"):
        bubblewrap.arguments(tmp_path, 8 * MiB, False, {}, [course])


@RUNGS
def test_files_named_like_ours_do_not_keep_a_kernel_from_starting(tmp_path, rung):
    fonts = bubblewrap.font_cache()
    assert fonts is not None
    (tmp_path / ".cache" / "matplotlib").mkdir(parents=True)
    (tmp_path / ".cache" / "matplotlib" / fonts.name).write_text("{}")
    (tmp_path / "notes.txt").write_text("mine")
    kernel = Kernel(tmp_path, rung=rung)
    assert kernel.run("print(open('notes.txt').read())") == "mine"
    kernel.stop()


def test_of_a_kernel_that_cannot_have_its_files_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(FileExistsError):
        start_kernel({"numbers": b"", "numbers/more": b""}, SMALL)
    assert list(tmp_path.iterdir()) == []
