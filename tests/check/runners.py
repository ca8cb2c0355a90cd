"""Runners for tests: a class's or function's name, and who carries out its experiments."""

from collections.abc import Mapping
from typing import Any

from byhand.check import fixtures, tensors
from byhand.protocol.runner import LocalRunner


def local(names: Mapping[str, Any], kind: type[LocalRunner] = LocalRunner, **how: Any):
    """A runner of this process that knows the checks' fixtures, as in the student's kernel."""
    return kind(names, vars(fixtures), tensors, **how)
