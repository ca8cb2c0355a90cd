"""What an instructor's machine runs: nbgrader plug-ins, the release, the demo class."""

import importlib
from typing import Any

import byhand


class WhenUsed:
    """A module that is loaded at its first use."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


# Setup cells import it; drawing takes long to load and has no points.
vars(byhand).setdefault("plots", WhenUsed("byhand.plots"))
