"""What workers have in common: loaded once, by the server whose forks they are."""

import gc

gc.disable()  # nothing of it goes: there is nothing to look for

from matplotlib import font_manager  # noqa: E402, F401 - where kernels find their list of fonts

from byhand.grading.plugins import crew  # noqa: E402, F401
from byhand.grading.submission import test_cells  # noqa: E402, F401

gc.freeze()
gc.enable()
