"""Which tests stay together on a worker: those of a file, as what they share is made once."""

import re

import pytest
from xdist.scheduler import LoadScopeScheduling

UNTRAINED = re.compile(
    r".*test_course\.py::test_a_mistake.*\[(\d-\w+)-(?!train_(mlp|mnist|sorter))"
)


class ByFile(LoadScopeScheduling):
    """tests/test_course.py would be half of all: its mistakes go by assignment, and those that
    need trained weights with the rest of the file."""

    def _split_scope(self, nodeid: str) -> str:
        found = UNTRAINED.match(nodeid)
        return found[1] if found else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    return ByFile(config, log)
