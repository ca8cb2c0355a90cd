"""Every figure of the course. A function takes data and returns a matplotlib Figure.

A figure brings its own paper, so that it reads the same in a light and a dark JupyterLab.
"""

# ruff: noqa: F401 - every name that is imported here is for the notebooks

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from byhand.plots.attention import (
    attention_maps,
    bits,
    causal_mask,
    head_profiles,
    heads,
    residual_stream,
    soft_dictionary,
    variants,
)
from byhand.plots.autograd import backward_steps, hinges, over_steps, two_layer_graph
from byhand.plots.comparison import changed_images, learned, tuned, with_seeds
from byhand.plots.convolution import hand_made_kernels, scatter, window_slides
from byhand.plots.curves import boundaries, by_layer, fitting, secants, step_errors
from byhand.plots.descent import descent, momentum_map, momentum_sliders
from byhand.plots.digits import (
    confusion,
    feature_maps,
    filters,
    mistakes_made,
    occlusion,
    samples,
)
from byhand.plots.graphs import Edge, Node, chain, graph
from byhand.plots.layers import activations, layer_box, masks, overlaid
from byhand.plots.live import live_training, training_run
from byhand.plots.normalisation import distributions, three_paths
from byhand.plots.products import three_products
from byhand.plots.race import race, rate_finder, rate_sweep, running_mean, step_ratios
from byhand.plots.schedules import schedules
from byhand.plots.timing import timing, timing_bars
from byhand.plots.training import (
    by_scale,
    compared,
    learning_curves,
    learning_rates,
    predictions,
    twins,
)
from byhand.plots.windows import grids, receptive, window_places

UNWRITTEN = "This cell needs something that you have not written yet. Come back to it later."
STOPPED = "This cell stopped"  # how the line begins that says why


@contextmanager
def once_solved() -> Iterator[None]:
    """Run the lines of a figure or an experiment.

    Where it stops, because something that it needs is not written yet or wrong, say so in one line
    in place of a traceback through lines of the course.
    """
    try:
        yield
    except NotImplementedError:
        print(UNWRITTEN)
    except Exception as error:  # noqa: BLE001 - a student's code may raise anything
        # the first frame is the one above, the second the cell's; IPython keeps cells together
        _, cell, *deeper = traceback.extract_tb(error.__traceback__)
        folder = Path(cell.filename).parent
        own = [f for f in deeper if Path(f.filename).parent == folder and f.name.isidentifier()]
        where = f" in {own[-1].name}, line {own[-1].lineno} of its cell" if own else ""
        said = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"{STOPPED}{where}: {said}. Run the cells above it; do their checks pass?")
