"""The form of the tables of known mistakes in layers: one row a mistake.

t: PyTorch's layer, x: its input, y: its output, g: dl/dy.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from byhand.check import oracles
from byhand.check.script import Hint

AVERAGES = "running_mean", "running_var"
ADDED_UP = "Yours is this pass alone: gradients add up until zero_grad (+=, not =)."
G_MISSING = "g is missing: multiply with the upstream gradient."

# The mistake in words; beginnings of labels, each explained by itself; how: see oracles.Layer.
Row = tuple[str, tuple[str, ...], dict[str, Any]]
Tables = dict[type[nn.Module], list[Row]]


def output(says: str, forward: Callable) -> Row:
    """A wrong forward pass, of (t, x)."""
    return says, ("output",), {"forward": forward}


def through(says: str, forward: Callable) -> Row:
    """A wrong gradient for x: that of another forward pass."""
    return says, ("gradient for x",), {"forward": forward}


def both(says: str, forward: Callable) -> Row:
    """A mistake in the forward pass or in the gradient for x, if not in both."""
    return says, ("output", "gradient for x"), {"forward": forward}


def gradient(of: str, says: str, wrong: Callable) -> Row:
    """A wrong gradient for a parameter, from (t, x, y, g)."""
    return says, (f"gradient for {of}",), {"grads": {of: wrong}}


grad_x = partial(gradient, "x")


def averages(says: str, forward: Callable) -> Row:
    """Wrong running averages, of (t, x)."""
    return says, AVERAGES, {"forward": forward}


def hints_for(tables: Tables, like: Callable[..., nn.Module], twin: nn.Module) -> list[Hint]:
    """The known mistakes of PyTorch's layer `twin`, which `like` builds."""
    names = tuple(f"gradient for {name}" for name, _ in twin.named_parameters())
    rows: list[Row] = [(ADDED_UP, names, {"overwrites": True})]
    for kind, table in tables.items():
        rows += table if isinstance(twin, kind) else []
    if hasattr(twin, "momentum"):
        turned = "momentum is the wrong way round: it is the weight of the new batch."
        rows.append((turned, AVERAGES, {"changed": {"momentum": 1 - twin.momentum}}))
    layer = partial(oracles.Layer, like)
    return [Hint(says, partial(layer, **how), of) for says, labels, how in rows for of in labels]
