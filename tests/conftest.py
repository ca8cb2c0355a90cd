"""What tests share: which stay together on a worker, and what is trained for all of them.

Those of a file stay together, as what they share is made once.
"""

import os
import re
from pathlib import Path

import pytest
from filelock import FileLock
from xdist.scheduler import LoadScopeScheduling

from byhand.grading.course.reference_weights import FILES, write_weights

COURSE = Path(__file__).parents[1]

APART = re.compile(
    r".*(test_course\.py::test_a_mistake.*\[\d-\w+-(?!train_(mlp|mnist|sorter))|_notebooks_run.*)"
)
# Files that take a minute or more, the longest first: begun last, one of them would go on alone.
LONG = "test_judge test_course test_notebooks_run test_demo test_crew".split()


class ByFile(LoadScopeScheduling):
    """tests/test_course.py would be half of all: its mistakes go by assignment, and those that
    need trained weights with the rest of the file. Each notebook runs by itself."""

    def _split_scope(self, nodeid: str) -> str:
        found = APART.match(nodeid)
        return found[1] if found else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; within one, and among all others, the order stays."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that students hand in beside their notebooks, trained on the small
    digits by the reference solutions, once for all workers."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder, cache = root / "weights", root / "weights-cache"
    with FileLock(root / "weights.lock"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        patch.delenv("BYHAND_DATA", raising=False)
        if not folder.is_dir():
            (making := root / "weights-made").mkdir()
            for assignment in FILES:
                write_weights(COURSE, assignment, making)
            making.rename(folder)
    return folder
