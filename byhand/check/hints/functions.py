"""Known mistakes in functions of arrays, by PyTorch's function: other results; and other functions,
whose gradients the mistakes are."""

from collections.abc import Callable

import torch
from torch.nn.functional import linear, softplus

Table = dict[Callable, dict[str, Callable]]

FUNCTIONS: Table = {
    torch.sigmoid: {
        "This is tanh, which is another function.": torch.tanh,
        "The sign of x is lost.": lambda x: torch.sigmoid(x.abs()),
    },
    linear: {
        "Row j of W belongs to output j; yours takes the column.": lambda x, W: x @ W,
        "The last term of the sum is left out.": lambda x, W: linear(x[:, :-1], W[:, :-1]),
        "The terms are not added up.": lambda x, W: linear(x[:, -1:], W[:, -1:]),
    },
}  # fmt: skip
GRADIENTS: Table = {
    torch.sigmoid: {
        "The factor 1 - y is missing.": softplus,
        "The formula is for y, yours has x in it.": lambda x: x**2 / 2 - x**3 / 3,
    },
    linear: {
        "The parts of several outputs add up.": lambda x, W: linear(x, W) / len(W),
        "The layer is linear: here is no x in it.": lambda x, W: linear(x**2 / 2, W),
        "The layer is linear: here is no W in it.": lambda x, W: linear(x, W**2 / 2),
        "That is the first sample alone: sum over the batch.":
            lambda x, W: torch.cat([linear(x[:1], W), linear(x[1:], W).detach()]),
        "Multiply sample by sample, then sum.": lambda x, W: linear(x.sum(0).expand_as(x), W),
    },
}  # fmt: skip
