"""Known mistakes in functions and losses, by PyTorch's: other results; and other functions, whose
gradients the mistakes are. p: the prediction, t: the target."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from byhand.check.oracles import Criterion
from byhand.check.script import Hint

Table = dict[Any, dict[str, Callable]]  # object: OneHotCrossEntropy
OVER_BATCH = "The softmax runs over the batch; it should be over the classes, axis 1."


def losses(loss: nn.Module) -> list[Hint]:
    """The known mistakes of PyTorch's loss; those of OneHotCrossEntropy for others."""
    kind = next((k for k in (nn.MSELoss, nn.CrossEntropyLoss) if isinstance(loss, k)), object)
    tables = {"loss": FUNCTIONS, "gradient for prediction": GRADIENTS}
    rows = [(label, *row) for label, table in tables.items() for row in table[kind].items()]
    return [
        Hint(says, partial(Criterion, lambda of=of, **_: of), label) for label, says, of in rows
    ]


def _nll(p: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return F.nll_loss(p.log(), t.argmax(-1) if t.ndim > 1 else t)


def _over_batch(p: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Its gradient: exp(p), divided by the sum over the batch."""
    moved = p - p.detach().amax(1, keepdim=True)
    return moved.logsumexp(0).sum() / len(t) - F.nll_loss(-p, t)


FUNCTIONS: Table = {
    torch.sigmoid: {
        "This is tanh, which is another function.": torch.tanh,
        "The sign of x is lost.": lambda x: torch.sigmoid(x.abs()),
    },
    F.linear: {
        "Row j of W belongs to output j; yours takes the column.": lambda x, W: x @ W,
        "The last term of the sum is left out.": lambda x, W: F.linear(x[:, :-1], W[:, :-1]),
        "The terms are not added up.": lambda x, W: F.linear(x[:, -1:], W[:, -1:]),
    },
    nn.MSELoss: {
        "The square is missing: this is the mean of |prediction - target|.": F.l1_loss,
        "The difference is not squared.": lambda p, t: (p - t).mean(),
    },
    nn.CrossEntropyLoss: {
        "The classes are counted from 0.": lambda p, t: F.cross_entropy(p, (t - 1) % p.shape[1]),
        OVER_BATCH: lambda p, t: F.nll_loss(F.log_softmax(p, 0), t),
        "The maximum of the whole batch is subtracted: take that of each row.": lambda p, t: (
            F.nll_loss(p - p.max() - (p - p.max()).exp().sum(1, keepdim=True).log(), t)),
        "These are logits, not probabilities.": lambda p, t: _nll(p.abs() + 1e-9, t),
        "1e-12 inside the log cuts it off.": lambda p, t: _nll(F.softmax(p, 1) + 1e-12, t),
        "The log is missing.": lambda p, t: F.nll_loss(F.softmax(p, 1), t),
        "The logits are clipped.": lambda p, t: F.cross_entropy(p.clamp(-30, 30), t),
    },
    object: {
        "The logs of all classes count.": lambda p, t: -p.clamp(min=1e-9).log().sum() / len(t),
        "The other classes count here as well: leave out (1 - t) log(1 - p).":
            lambda p, t: F.binary_cross_entropy(p, t, reduction="sum") / len(t),
        "Yours is divided by the sum of its row first.":
            lambda p, t: _nll((p / p.sum(1, keepdim=True).clamp(min=1e-30)).clamp(min=1e-9), t),
        "These are probabilities already: no softmax comes first.": F.cross_entropy,
        "It is clipped from above, too.": lambda p, t: _nll(p.clamp(1e-9, 1 - 1e-9), t),
        "It is clipped at another number than 1e-9.": lambda p, t: _nll(p.clamp(min=1e-7), t),
        "1e-9 is added; clip at 1e-9.": lambda p, t: _nll(p + 1e-9, t),
    },
}  # fmt: skip
GRADIENTS: Table = {
    torch.sigmoid: {
        "The factor 1 - y is missing.": F.softplus,
        "The formula is for y, yours has x in it.": lambda x: x**2 / 2 - x**3 / 3,
    },
    F.linear: {
        "The parts of several outputs add up.": lambda x, W: F.linear(x, W) / len(W),
        "The layer is linear: here is no x in it.": lambda x, W: F.linear(x**2 / 2, W),
        "The layer is linear: here is no W in it.": lambda x, W: F.linear(x, W**2 / 2),
        "That is the first sample alone: sum over the batch.":
            lambda x, W: torch.cat([F.linear(x[:1], W), F.linear(x[1:], W).detach()]),
        "Multiply sample by sample, then sum.": lambda x, W: F.linear(x.sum(0).expand_as(x), W),
    },
    nn.MSELoss: {"The sign alone is not enough.": F.l1_loss},
    nn.CrossEntropyLoss: {
        "At the right class 1 has to be subtracted.": lambda p, t: p.logsumexp(1).mean(),
        OVER_BATCH: _over_batch,
    },
    object: {
        "This is the gradient for the logits.": lambda p, t: (p - t).square().sum() / 2 / len(t),
        "The targets are missing.": lambda p, t: -p.clamp(min=1e-9).log().sum() / len(t),
    },
}  # fmt: skip
