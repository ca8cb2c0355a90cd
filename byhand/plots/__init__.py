"""Every figure of the course. A function takes data and returns a matplotlib Figure.

A figure brings its own paper, so that it reads the same in a light and a dark JupyterLab.
"""

# ruff: noqa: F401 - every name that is imported here is for the notebooks

from collections.abc import Iterator
from contextlib import contextmanager

from byhand.plots.autograd import backward_steps, hinges, over_steps, two_layer_graph
from byhand.plots.curves import fitted, step_errors
from byhand.plots.digits import confusion, feature_maps, filters, mistakes_made, samples
from byhand.plots.graphs import Edge, Node, chain, graph
from byhand.plots.layers import activations, distributions, layer_box, masks
from byhand.plots.live import live_training, training_run
from byhand.plots.schedules import schedules
from byhand.plots.timing import timing, timing_bars
from byhand.plots.training import (
    compared,
    learning_rates,
    paths,
    predictions,
    twins,
)
from byhand.plots.windows import grids, receptive, window_places


@contextmanager
def once_solved() -> Iterator[None]:
    """Run the lines of a figure or an experiment.

    While something in it is not written yet, say so in one line in place of a traceback.
    """
    try:
        yield
    except NotImplementedError:
        print("This cell needs something that you have not written yet. Come back to it later.")
