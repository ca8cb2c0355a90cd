"""Hostile, broken and merely noisy submissions, and what each of them has to score."""

from .answers import ANSWERS
from .base import Cause, Recipe
from .breaking import BREAKING
from .cells import CELLS
from .files import FILES
from .marks import MARKS
from .messages import MESSAGES
from .notebooks import NOTEBOOKS
from .patches import PATCHES
from .reading import READING
from .right import RIGHT
from .texts import TEXTS

FORGING = [*PATCHES, *MESSAGES, *ANSWERS, *MARKS]
RECIPES = [*FORGING, *READING, *BREAKING, *TEXTS, *NOTEBOOKS, *CELLS, *FILES, *RIGHT]

__all__ = ["RECIPES", "Cause", "Recipe"]
