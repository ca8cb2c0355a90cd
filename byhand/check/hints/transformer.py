"""Known mistakes in the other parts of a transformer, and in a block that is made of parts.

t: PyTorch's layer, x: its input, y: its output, g: dl/dy.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from byhand.check.hints.layers import G_MISSING, Tables, both, grad_x, gradient, output, through

TRANSFORMER: Tables = {}


def _one_hot(t: nn.Module, x: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    """The last gradient of each token alone."""
    grad = torch.zeros_like(t.weight)
    grad[x.flatten()] = g.flatten(0, -2)
    return grad


def _mean_of_repeats(t: nn.Module, x: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    grad = torch.zeros_like(t.weight).index_add(0, x.flatten(), g.flatten(0, -2))
    return grad / x.flatten().bincount(minlength=len(grad)).clamp(min=1)[:, None]


REPEATED = "Of a token that occurs several times only the last one counts: `+=` with an index that "
REPEATED += "repeats adds once. All of them add up."
TRANSFORMER[nn.Embedding] = [
    output("Tokens are counted from 0: token 0 has row 0.", lambda t, x: t.weight[x - 1]),
    output("That is the order of the rows turned round.", lambda t, x: t.weight.flip(0)[x]),
    gradient("weight", REPEATED, lambda t, x, y, g: _one_hot(t, x, g)),
    gradient("weight", "The gradients of a token that repeats add up: yours is their mean.",
             lambda t, x, y, g: _mean_of_repeats(t, x, g)),
    gradient("weight", "Tokens are counted from 0: token 0 has row 0.",
             lambda t, x, y, g: torch.zeros_like(t.weight).index_add(
                 0, (x.flatten() - 1) % len(t.weight), g.flatten(0, -2))),
]  # fmt: skip


def _norm(
    t: nn.Module, x: torch.Tensor, axes: Any = -1, unbiased: bool = False,
    eps: Callable = lambda var, eps: (var + eps).sqrt(), centred: bool = True,
    mean: float = 1, var: float = 1,
) -> torch.Tensor:  # fmt: skip
    """With mistakes; mean, var: how much of the gradient goes by way of them."""
    m = x.mean(axes, keepdim=True)
    v = x.var(axes, unbiased=unbiased, keepdim=True)
    m, v = (a.detach() + part * (a - a.detach()) for a, part in ((m, mean), (v, var)))
    y = (x - m if centred else x) / eps(v, t.eps)
    return y if t.weight is None else y * t.weight + t.bias


FIXED = "The mean and variance of a token move with x as well; yours takes them as fixed."
PART = "The {} of a token moves with x as well: a term is missing."
OVER_BATCH = "The mean and variance are those of the batch; every token has its own: the last axis."
OVER_ALL = "The mean and variance run over more than the last axis: every token has its own."
TRANSFORMER[nn.LayerNorm] = [
    both(OVER_BATCH, lambda t, x: _norm(t, x, 0)),
    both(OVER_ALL, lambda t, x: _norm(t, x, tuple(range(1, x.ndim)))),
    both(OVER_ALL, lambda t, x: _norm(t, x, tuple(range(x.ndim)))),
    both(OVER_ALL, lambda t, x: _norm(t, x, tuple(range(x.ndim - 1)))),
    both("It divides by N - 1: the variance is the biased one.",
         lambda t, x: _norm(t, x, unbiased=True)),
    both("eps belongs under the root: sqrt(var + eps).",
         lambda t, x: _norm(t, x, eps=lambda var, eps: var.sqrt() + eps)),
    both("eps is missing.", lambda t, x: _norm(t, x, eps=lambda var, eps: var.sqrt())),
    both("The root is missing: divide by the standard deviation.",
         lambda t, x: _norm(t, x, eps=lambda var, eps: var + eps)),
    output("The mean is not subtracted.", lambda t, x: _norm(t, x, centred=False)),
    output("The weight is missing.", lambda t, x: F.layer_norm(x, x.shape[-1:], None, t.bias)),
    output("The bias is missing.", lambda t, x: F.layer_norm(x, x.shape[-1:], t.weight)),
    through(FIXED, lambda t, x: _norm(t, x, mean=0, var=0)),
    through(PART.format("variance"), lambda t, x: _norm(t, x, var=0)),
    through(PART.format("mean"), lambda t, x: _norm(t, x, mean=0)),
    through("The weight is missing.", lambda t, x: F.layer_norm(x, x.shape[-1:])),
    gradient("weight", "It is made from x instead of the normalised x.",
             lambda t, x, y, g: (g * x).flatten(0, -2).sum(0)),
    gradient("weight", "It is made from y instead of the normalised x.",
             lambda t, x, y, g: (g * y).flatten(0, -2).sum(0)),
    gradient("weight", "The normalised x is missing.", lambda t, x, y, g: g.flatten(0, -2).sum(0)),
    gradient("bias", "Sum over all axes but the last.", lambda t, x, y, g: g.sum(-1)),
    gradient("bias", "Sum over all axes but the last.",
             lambda t, x, y, g: g.sum(0) if g.ndim > 2 else g.sum(-1)),
]  # fmt: skip


def _density(x: torch.Tensor) -> torch.Tensor:
    return torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _share(x: torch.Tensor) -> torch.Tensor:
    return torch.special.ndtr(x)


TANH = "This is the approximation with tanh; the exact one has erf."
TRANSFORMER[nn.GELU] = [
    both(TANH, lambda t, x: F.gelu(x, approximate="tanh")),
    both("This is the approximation with a sigmoid; the exact one has erf.",
         lambda t, x: x * torch.sigmoid(1.702 * x)),
    output("This is SiLU, x · sigmoid(x).", lambda t, x: F.silu(x)),
    output("x is missing: this is Φ(x) alone.", lambda t, x: _share(x)),
    output("√2 is missing: Φ(x) = (1 + erf(x / √2)) / 2.",
           lambda t, x: x * (1 + torch.erf(x)) / 2),
    output("The half is missing: Φ(x) = (1 + erf(x / √2)) / 2.",
           lambda t, x: x * (1 + torch.erf(x / math.sqrt(2)))),
    output("The 1 is missing: Φ(x) = (1 + erf(x / √2)) / 2.",
           lambda t, x: x * torch.erf(x / math.sqrt(2)) / 2),
    grad_x("x occurs twice in x Φ(x): the term x φ(x) is missing.",
           lambda t, x, y, g: g * _share(x)),
    grad_x("x occurs twice in x Φ(x): the term Φ(x) is missing.",
           lambda t, x, y, g: g * x * _density(x)),
    grad_x("The factor x of the second term x φ(x) is missing.",
           lambda t, x, y, g: g * (_share(x) + _density(x))),
    grad_x("φ(x) is not normalised: divide by √(2π).",
           lambda t, x, y, g: g * (_share(x) + x * torch.exp(-x * x / 2))),
    grad_x("The exponent is -x²/2, the half is missing.",
           lambda t, x, y, g: g * (_share(x) + x * torch.exp(-x * x) / math.sqrt(2 * math.pi))),
    grad_x("The sign of the second term is wrong.",
           lambda t, x, y, g: g * (_share(x) - x * _density(x))),
    grad_x(G_MISSING, lambda t, x, y, g: _share(x) + x * _density(x)),
]  # fmt: skip

# A block's mistakes: what is said, the labels that it explains, the forward pass or, for a
# gradient, another one that has it. t: PyTorch's layer, _a: its attention, _m: the two Linear.
IN_X, ALL = ("gradient for x",), ("output", "gradient for x")


def _a(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return t.self_attn(x)[0]


def _m(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return t.linear2(t.activation(t.linear1(x)))


def _block(
    t: nn.Module, x: torch.Tensor, first: Callable = lambda x: x, second: Callable = lambda h: h
) -> torch.Tensor:
    """first, second: what becomes of what goes round attention and mlp."""
    h = first(x) + _a(t, t.norm1(x))
    return second(h) + _m(t, t.norm2(h))


def _nothing(x: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(x)


def _second_of_x(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return x + _m(t, t.norm2(x + _a(t, t.norm1(x))))


def _parallel(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return x + _a(t, t.norm1(x)) + _m(t, t.norm2(x))


def _norms_last(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    h = t.norm1(x + _a(t, x))
    return t.norm2(h + _m(t, h))


def _one_norm(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    h = x + _a(t, t.norm1(x))
    return h + _m(t, t.norm1(h))


def _no_norm2(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    h = x + _a(t, t.norm1(x))
    return h + _m(t, h)


BLOCK: list[tuple[str, tuple[str, ...], Callable]] = [
    ("The residual path round the attention is missing: x + attention(norm1(x)).", ALL,
     lambda t, x: _block(t, x, first=_nothing)),
    ("The residual path round the mlp is missing: h + mlp(norm2(h)).", ("output",),
     lambda t, x: _block(t, x, second=_nothing)),
    ("The second residual path begins at h, not at x.", ALL, _second_of_x),
    ("The mlp gets what the attention has added too: norm2(h), not norm2(x).", ALL, _parallel),
    ("The norms come before attention and mlp here, not after the sum.", ALL, _norms_last),
    ("The residual path carries x itself, not norm1(x).", ALL,
     lambda t, x: _block(t, x, first=t.norm1)),
    ("norm1 is used twice, norm2 never.", ALL, _one_norm),
    ("norm2 is left out.", ALL, _no_norm2),
    ("norm1 is left out.", ALL,
     lambda t, x: (h := x + _a(t, x)) + _m(t, t.norm2(h))),
    ("The gradient of the residual path round the attention is missing.", IN_X,
     lambda t, x: _block(t, x, first=torch.Tensor.detach)),
    ("The gradient of the residual path round the mlp is missing.", IN_X,
     lambda t, x: _block(t, x, second=torch.Tensor.detach)),
    ("Only the residual paths are here: what came back through attention and mlp is missing.", IN_X,
     lambda t, x: x + (_block(t, x) - x).detach()),
]  # fmt: skip
