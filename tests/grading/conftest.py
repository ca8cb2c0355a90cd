"""What the tests of grading share."""

from pathlib import Path

import pytest

from .tiny import write_course


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The source notebook of the tiny course, in a folder of its own."""
    return write_course(tmp_path)
