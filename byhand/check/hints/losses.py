"""Known mistakes in losses. p: the prediction, t: the target."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from byhand.check.oracles import Criterion
from byhand.check.script import Hint

Table = dict[type[nn.Module], list[tuple[str, Callable]]]  # object: OneHotCrossEntropy
OVER_BATCH = "The softmax runs over the batch; it should be over the classes, axis 1."


def _over_batch(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    e = np.exp(p - p.max(axis=1, keepdims=True))
    return (e / e.sum(axis=0) - np.eye(p.shape[1])[t]) / len(t)


def _nll(p: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return F.nll_loss(p.log(), t.argmax(-1) if t.ndim > 1 else t)


LOSSES: Table = {
    nn.MSELoss: [
        ("The square is missing: this is the mean of |prediction - target|.", F.l1_loss),
        ("The difference is not squared.", lambda p, t: (p - t).mean()),
    ],
    nn.CrossEntropyLoss: [
        ("The classes are counted from 0.", lambda p, t: F.cross_entropy(p, (t - 1) % p.shape[1])),
        (OVER_BATCH, lambda p, t: F.nll_loss(F.log_softmax(p, 0), t)),
        ("The maximum of the whole batch is subtracted: take that of each row.", lambda p, t: (
            F.nll_loss(p - p.max() - (p - p.max()).exp().sum(1, keepdim=True).log(), t))),
        ("These are logits, not probabilities.", lambda p, t: _nll(p.abs() + 1e-9, t)),
        ("1e-12 inside the log cuts it off.", lambda p, t: _nll(F.softmax(p, 1) + 1e-12, t)),
        ("The log is missing.", lambda p, t: F.nll_loss(F.softmax(p, 1), t)),
        ("The logits are clipped.", lambda p, t: F.cross_entropy(p.clamp(-30, 30), t)),
    ],
    object: [
        ("The logs of all classes count.", lambda p, t: -p.clamp(min=1e-9).log().sum() / len(t)),
        ("The other classes count here as well: leave out (1 - t) log(1 - p).",
         lambda p, t: F.binary_cross_entropy(p, t, reduction="sum") / len(t)),
        ("These are probabilities already: no softmax comes first.", F.cross_entropy),
        ("It is clipped at another number than 1e-9.", lambda p, t: _nll(p.clamp(min=1e-7), t)),
        ("1e-9 is added; clip at 1e-9.", lambda p, t: _nll(p + 1e-9, t)),
    ],
}  # fmt: skip
GRADIENTS: Table = {
    nn.MSELoss: [("The sign alone is not enough.", lambda p, t: np.sign(p - t) / p.size)],
    nn.CrossEntropyLoss: [
        ("At the right class 1 has to be subtracted.",
         lambda p, t: F.softmax(torch.from_numpy(p), 1).numpy() / len(t)),
        (OVER_BATCH, _over_batch),
    ],
    object: [
        ("This is the gradient for the logits.", lambda p, t: (p - t) / len(t)),
        ("The targets are missing.", lambda p, t: -1 / np.maximum(p, 1e-9) / len(t)),
    ],
}  # fmt: skip


def losses(like: Callable[..., nn.Module], make: dict[str, Any]) -> list[Hint]:
    """The known mistakes of the loss that `like` builds; those of OneHotCrossEntropy for others."""
    kind = next((k for k in LOSSES if isinstance(like(**make), k)), object)
    rows = [("loss", says, (lambda of=f, **make: of), {}) for says, f in LOSSES[kind]]
    rows += [("gradient for prediction", says, like, {"grad": g}) for says, g in GRADIENTS[kind]]
    return [Hint(says, partial(Criterion, of, **how), label) for label, says, of, how in rows]
