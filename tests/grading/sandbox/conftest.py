"""What the tests of the sandbox share.

bubblewrap and Landlock are needed and, for the limits on memory and processes, control groups;
without them these tests fail and say so.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from byhand.grading.sandbox.rungs import group_version

from .kernels import SECRET, Kernel


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission beside those of others."""
    course = tmp_path_factory.mktemp("course")
    (course / "source.txt").write_text(SECRET)
    folder = course / "submitted" / "student-01"
    folder.mkdir(parents=True)
    (folder / "helper.py").write_text("ANSWER = 42\n")
    (folder / "signal.py").write_text("raise SystemExit('no module of the standard library')\n")
    (folder / "layers.ipynb").write_text("{}")
    (folder / "out").symlink_to(course / "source.txt")
    return folder


@pytest.fixture(scope="module")
def shared(files: Path) -> Iterator[Kernel]:
    """One kernel for all tests that only look around."""
    os.environ["BYHAND_TEST_TOKEN"] = SECRET
    try:
        kernel = Kernel(files)
    finally:
        del os.environ["BYHAND_TEST_TOKEN"]
    yield kernel
    kernel.stop()


@pytest.fixture
def start(files: Path) -> Iterator[Callable[..., Kernel]]:
    """Kernels of a test's own, which are stopped after it."""
    started: list[Kernel] = []

    def start(*args, **options) -> Kernel:
        started.append(Kernel(files, *args, **options))
        return started[-1]

    yield start
    for kernel in started:
        kernel.stop()


@pytest.fixture
def grouped() -> None:
    """For tests of limits that hold for a whole sandbox."""
    if not group_version():
        pytest.fail("this test needs control groups for memory and pids that it may create")
