"""What workers have in common: loaded once, by the server whose forks they are."""

# ruff: noqa: E402, F401 - nothing is used here, and loading is quicker without gc

import gc

gc.disable()

from matplotlib import font_manager  # every kernel gets its list of fonts
from torch.fx.experimental import symbolic_shapes  # the first gradient would wait for it

from byhand import training  # of setup cells
from byhand.grading.plugins import crew
from byhand.grading.submission import test_cells

gc.freeze()
gc.enable()
