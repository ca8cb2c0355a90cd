"""check.layer: a layer beside its PyTorch counterpart: values, gradients, side effects."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check import oracles
from byhand.check.comparisons.passes import LOOKS, OTHER, Passes
from byhand.check.core import Check, one_of
from byhand.check.hints.attention import ATTENTION
from byhand.check.hints.convolution import CONVOLUTION
from byhand.check.hints.layers import LAYERS, hints_for
from byhand.check.hints.transformer import TRANSFORMER
from byhand.check.random_inputs import calm, written
from byhand.check.report import Report


@calm()
def layer(
    cls: Any,
    like: Callable[..., torch.nn.Module],
    make: dict[str, Any] | None = None,
    x: Sequence = (5, 4),
    mode: str = "train",
    look: str = "all",
    loops: bool = False,
    tokens: int = 0,
    attention: Sequence[Callable] = (),
    called: str = "layer",
    seed: int | None = None,
) -> Report | None:
    """Compare a layer with PyTorch's.

    like: the PyTorch class, or a function that builds its layer; both get the arguments `make`.
    x: a shape, drawn at random, or the input itself; mode: "train" or "eval".
    look: "all", "output", "backward" (all gradients), "grad_input", "grad_parameters" or
    "statistics" (running averages); loops: whether Python loops are allowed; tokens: the input is
    of integers below this number; attention: what stands for attention() and attention_backward()
    meanwhile, so that a mistake in them costs nothing here; called: the check that repeats this
    one. Where PyTorch raises ValueError, the layer has to. Raises CheckFailed with what was found,
    and UsageError.
    """
    one_of(list(LOOKS), look, "look")
    one_of(list(OTHER), mode, "mode")
    check, make = Check(called, cls, seed=seed), make or {}
    passes = Passes(check, like, make, x, mode, look, tokens, attention)
    check.report.title = f"{written(check.name, **make)} on x of shape {passes.x.shape}"
    check.report.title += ", eval mode" if mode == "eval" else ""
    check.rules(loops)
    hints = hints_for(LAYERS | CONVOLUTION | TRANSFORMER | ATTENTION, like, passes.twin)
    dtypes = [np.float64, np.float32][: 1 if look == "statistics" else 2]
    return check.differential(partial(oracles.Layer, like), passes.write, hints, dtypes)
