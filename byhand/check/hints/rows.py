"""The form of the tables of known mistakes in layers: one row a mistake.

t: PyTorch's layer, x: its input, y: its output, g: dl/dy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from byhand.check import oracles
from byhand.check.script import Hint

ADDED_UP = "Yours is this pass alone: gradients add up until zero_grad (+=, not =)."
G_MISSING = "g is missing: multiply with the upstream gradient."


@dataclass(frozen=True)
class Row:
    """says: the mistake; explains: beginnings of labels, each by itself; how: see oracles.Layer."""

    says: str
    explains: tuple[str, ...]
    how: dict[str, Any]


def output(says: str, forward: Callable) -> Row:
    """A wrong forward pass, of (t, x)."""
    return Row(says, ("output",), {"forward": forward})


def through(says: str, forward: Callable) -> Row:
    """A wrong gradient for x: that of another forward pass."""
    return Row(says, ("gradient for x",), {"forward": forward})


def gradient(of: str, says: str, wrong: Callable) -> Row:
    """A wrong gradient for x or a parameter, from (t, x, y, g)."""
    return Row(says, (f"gradient for {of}",), {"grads": {of: wrong}})


def averages(says: str, *explains: str, **how: Any) -> Row:
    """Wrong running averages."""
    return Row(says, explains or ("running_mean", "running_var"), how)


Tables = dict[type[nn.Module], list[Row]]


def hints_for(tables: Tables, like: Callable[..., nn.Module], twin: nn.Module) -> list[Hint]:
    """The known mistakes of PyTorch's layer `twin`, which `like` builds."""
    names = tuple(f"gradient for {name}" for name, _ in twin.named_parameters())
    rows = [Row(ADDED_UP, names, {"overwrites": True})]
    for kind, table in tables.items():
        rows += table if isinstance(twin, kind) else []
    if hasattr(twin, "momentum"):
        turned = "momentum is the wrong way round: it is the weight of the new batch."
        rows.append(averages(turned, changed={"momentum": 1 - twin.momentum}))
    return [
        Hint(row.says, partial(oracles.Layer, like, **row.how), label)
        for row in rows
        for label in row.explains
    ]


def gradient_through(forward: Callable, t: nn.Module, x: np.ndarray, g: np.ndarray) -> np.ndarray:
    """dl/dx through forward(t, x)."""
    tensor = torch.from_numpy(np.array(x)).requires_grad_()
    y = forward(t, tensor)
    return torch.autograd.grad(y, tensor, torch.from_numpy(g), materialize_grads=True)[0].numpy()
