"""Known mistakes in losses. p: the prediction, t: the target."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from byhand.check import oracles
from byhand.check.script import Hint

GRADIENT = "gradient for prediction"


def _whole_maximum(p: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    shifted = p - p.max()
    return F.nll_loss(shifted - shifted.exp().sum(1, keepdim=True).log(), t)


def _over_batch(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    e = np.exp(p - p.max(axis=1, keepdims=True))
    return (e / e.sum(axis=0) - np.eye(p.shape[1])[t]) / len(t)


def _minus_one_missing(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return F.softmax(torch.from_numpy(p), 1).numpy() / len(t)


LOSSES: dict[type[nn.Module], list[tuple[str, str, Callable]]] = {
    nn.MSELoss: [
        ("The square is missing: this is the mean of |prediction - target|.", "loss", F.l1_loss),
        ("The difference is not squared.", "loss", lambda p, t: (p - t).mean()),
    ],
    nn.CrossEntropyLoss: [
        ("The classes are counted from 0.", "loss", lambda p, t: F.cross_entropy(
            p, (t - 1) % p.shape[1])),
        ("The softmax runs over the batch; it should be over the classes, axis 1.", "loss",
         lambda p, t: F.nll_loss(F.log_softmax(p, 0), t)),
        ("The maximum of the whole batch is subtracted: take that of each row.", "loss",
         _whole_maximum),
        ("These are logits: a softmax comes first.", "loss",
         lambda p, t: F.nll_loss((p.abs() + 1e-9).log(), t)),
        ("1e-12 inside the log cuts it off: take the log of a softmax by log-sum-exp.", "loss",
         lambda p, t: F.nll_loss((F.softmax(p, 1) + 1e-12).log(), t)),
        ("That is minus the probability: its log is missing.", "loss",
         lambda p, t: F.nll_loss(F.softmax(p, 1), t)),
        ("The logits are clipped: right only while they are small.", "loss",
         lambda p, t: F.cross_entropy(p.clamp(-30, 30), t)),
    ],
    object: [
        ("The logs of all classes count here; only that of the right one should.", "loss",
         lambda p, t: -p.clamp(min=1e-9).log().sum() / len(t)),
        ("The other classes count here as well: leave out (1 - t) log(1 - p).", "loss",
         lambda p, t: F.binary_cross_entropy(p, t, reduction="sum") / len(t)),
        ("These are probabilities already: no softmax comes first.", "loss",
         lambda p, t: F.cross_entropy(p, t)),
        ("It is clipped at another number than 1e-9.", "loss",
         lambda p, t: F.nll_loss(p.clamp(min=1e-7).log(), t.argmax(-1))),
        ("1e-9 is added; clip at 1e-9.", "loss",
         lambda p, t: F.nll_loss((p + 1e-9).log(), t.argmax(-1))),
    ],
}  # fmt: skip
GRADIENTS: dict[type[nn.Module], list[tuple[str, Callable]]] = {
    nn.MSELoss: [("The sign of the difference alone is not enough: 2 (prediction - target) / n.",
                  lambda p, t: np.sign(p - t) / p.size)],
    nn.CrossEntropyLoss: [
        ("At the right class 1 has to be subtracted from the softmax.", _minus_one_missing),
        ("The softmax runs over the batch; it should be over the classes, axis 1.",
         lambda p, t: (F.softmax(torch.from_numpy(p), 0).numpy() - np.eye(p.shape[1])[t]) / len(t)),
        ("The softmax runs over the batch; it should be over the classes, axis 1.", _over_batch),
    ],
    object: [
        ("This is the gradient for the logits, through a softmax; here they are probabilities.",
         lambda p, t: (p - t) / len(t)),
        ("The targets are missing: only the right class has a gradient.",
         lambda p, t: -1 / np.maximum(p, 1e-9) / len(t)),
    ],
}  # fmt: skip


def losses(like: Callable[..., nn.Module], make: dict[str, Any]) -> list[Hint]:
    """The known mistakes of the loss that `like` builds; those of OneHotCrossEntropy for others."""
    kind = next((k for k in LOSSES if isinstance(like(**make), k)), object)
    wrong = [Hint(says, partial(_instead, forward), of) for says, of, forward in LOSSES[kind]]
    return wrong + [
        Hint(says, partial(oracles.Criterion, like, grad=grad), GRADIENT)
        for says, grad in GRADIENTS[kind]
    ]


def _instead(forward: Callable, **make: Any) -> oracles.Criterion:
    return oracles.Criterion(lambda: forward)
