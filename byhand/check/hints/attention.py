"""Known mistakes in attention, its heads and rotary positions. t: PyTorch's layer, x: its input,
y: its output, g: dl/dy."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from byhand.check.hints.functions import Table
from byhand.check.hints.layers import Tables, both, gradient, output
from byhand.check.torch_attention import (
    SelfAttention,
    rotated,
    scaled_dot_product_attention,
)


def _attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool = False,
    scale: Callable = lambda q, k: q.shape[-1] ** -0.5, axis: int = -1,
    mask: Callable | None = None, after: float | None = None, low: float = -torch.inf,
) -> torch.Tensor:  # fmt: skip
    """With mistakes. mask: what is added to the scores where causal; after: what stands in place of
    the weights of the later tokens, put there after the softmax; low: of their scores."""
    scores = q @ k.transpose(-1, -2) * scale(q, k)
    later = torch.ones_like(scores).triu(1) * causal
    if mask is not None:
        scores = scores + mask(later)
    elif after is None:
        scores = scores.masked_fill(later > 0, low)
    weights = scores.softmax(axis)
    if after is not None:
        weights = weights * (1 - later) + after * later
    return weights @ v


SQUARE = "The scale is 1 / √d, d the features of a head; yours is {}."
AXIS = "The softmax runs over the queries; every query has its own: over the keys, the last axis."
STRICT = "A token sees itself too: only later ones are masked."
FLIPPED = "The mask is the wrong way round: earlier tokens are hidden, later ones seen."
AFTER = "Masked after the softmax: the weights no longer add up to 1. Mask the scores."
TOO_LATE = (
    "Here a key that is hidden has the largest score by far. It must not count: set it to -inf "
    "before the largest score is looked for, and before the exp."
)
TOO_HIGH = "The masked scores are not low enough: {} lower. Use -inf."
NO_MASK = "causal changes nothing: later tokens have to be hidden."
_of: dict[str, Callable] = {
    SQUARE.format("missing"): partial(_attention, scale=lambda q, k: 1),
    SQUARE.format("1 / d"): partial(_attention, scale=lambda q, k: 1 / q.shape[-1]),
    SQUARE.format("√d"): partial(_attention, scale=lambda q, k: q.shape[-1] ** 0.5),
    SQUARE.format("1 / √T"): partial(_attention, scale=lambda q, k: k.shape[-2] ** -0.5),
    SQUARE.format("1 / √(number of queries)"): partial(
        _attention, scale=lambda q, k: q.shape[-2] ** -0.5),
    SQUARE.format("1 / √H"): partial(_attention, scale=lambda q, k: q.shape[1] ** -0.5),
    AXIS: partial(_attention, axis=-2),
    "The softmax runs over the heads; it should be over the keys, the last axis.":
        partial(_attention, axis=1),
    TOO_LATE: lambda q, k, v, causal=False: _masked_late(q, k, v) if causal else torch.zeros(()),
    TOO_HIGH.format("one that is seen is"): partial(_attention, low=-1e4),
    TOO_HIGH.format("some that are seen are"): partial(_attention, low=-100),
    NO_MASK: lambda q, k, v, causal=False: (
        scaled_dot_product_attention(q, k, v) if causal else torch.zeros(())),
    AFTER: lambda q, k, v, causal=False: (
        _attention(q, k, v, True, after=0.0) if causal else torch.zeros(())),
    FLIPPED: lambda q, k, v, causal=False: _attention(
        q, k, v, causal, mask=lambda m: torch.zeros_like(m).masked_fill(
            torch.ones_like(m).tril(-1) > 0, -torch.inf) if causal else m),
    STRICT: lambda q, k, v, causal=False: _attention(
        q, k, v, causal, mask=lambda m: torch.zeros_like(m).masked_fill(
            torch.ones_like(m).triu(0) > 0, -1e9) if causal else m),
    "The mask has the wrong sign: it has to push scores down, to minus infinity.":
        partial(_attention, mask=lambda m: 1e9 * m),
    "Scores of 0 are not masked: exp(0) is 1. They have to be minus infinity.":
        lambda q, k, v, causal=False: _zeroed(q, k, v) if causal else torch.zeros(()),
}  # fmt: skip


def _zeroed(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    scores = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).tril()
    return scores.softmax(-1) @ v


def _masked_late(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    weights = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1).tril()
    return weights / weights.sum(-1, keepdim=True) @ v


def _unstable(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool = False
) -> torch.Tensor:
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if causal:
        scores = scores.masked_fill(torch.ones_like(scores).triu(1) > 0, -torch.inf)
    e = scores.exp()
    return e / e.sum(-1, keepdim=True) @ v


def _swapped(first: int, second: int) -> Callable:
    """A function whose gradients by two arguments are the right ones' exchanged."""

    def of(*args: torch.Tensor, causal: bool = False) -> torch.Tensor:
        given = list(args)
        given[first], given[second] = args[second], args[first]
        turned = [a.detach() for a in args]
        # the values of the right place with the gradients of the other
        mixed = [turned[i] + (given[i] - given[i].detach()) for i in range(len(args))]
        return scaled_dot_product_attention(*mixed, causal=causal)

    return of


def _through(softmax: Callable) -> Callable:
    """The gradient with another way back through the softmax, of (weights, scores)."""

    def of(q, k, v, causal=False):
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        if causal:
            scores = scores.masked_fill(torch.ones_like(scores).triu(1) > 0, -torch.inf)
        p = scores.softmax(-1).detach()
        finite = scores.masked_fill(p == 0, 0.0)
        return (p + softmax(p, finite)) @ v

    return of


def _straight(p: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    return p * (s - s.detach())


def _diagonal(p: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    return p * (1 - p) * (s - s.detach())


def _unscaled(q, k, v, causal=False):
    root = q.shape[-1] ** 0.5
    q, k = (a.detach() + root * (a - a.detach()) for a in (q, k))
    return scaled_dot_product_attention(q, k, v, causal)


def _backwards(x: torch.Tensor) -> torch.Tensor:
    """Turned the other way: the formula on conjugates."""
    signs = torch.tensor([1.0, -1.0], dtype=x.dtype).repeat(x.shape[-1] // 2)
    return signs * rotated(signs * x)


def _halves(x: torch.Tensor, back: bool = False) -> torch.Tensor:
    """Neighbours as halves, and back."""
    shape = (2, -1) if back else (-1, 2)
    return x.unflatten(-1, shape).transpose(-1, -2).flatten(-2)


ATTENTION_FUNCTIONS: Table = {
    scaled_dot_product_attention: _of | {
        "exp overflows: subtract the largest score of each query first.": _unstable,
    },
    rotated: {
        "It turns the other way.": _backwards,
        "The places begin at 0: yours begin at 1.":
            lambda x: rotated(F.pad(x, (0, 0, 1, 0)))[..., 1:, :],
        "Pairs are neighbours, (0, 1), (2, 3), ...; yours are the halves.":
            lambda x: _halves(rotated(_halves(x, back=True))),
        "Every pair turns by the same angle: the rate is base^(-2i/d).":
            lambda x: rotated(x, base=1.0),
    },
}  # fmt: skip


ATTENTION_GRADIENTS: Table = {
    scaled_dot_product_attention: _of | {
        "The gradients for q and k are exchanged.": _swapped(0, 1),
        "The gradients for k and v are exchanged.": _swapped(1, 2),
        "The gradients for q and v are exchanged.": _swapped(0, 2),
        "A softmax row moves as a whole: the sum over the row is missing.": _through(_straight),
        "Only the diagonal of the softmax's Jacobian is here.": _through(_diagonal),
        SQUARE.format("missing on the way back"): _unscaled,
    },
    rotated: {
        "It turns forwards once more: back is the other way.": _backwards,
    },
}  # fmt: skip


def _heads(
    t: nn.Module, x: torch.Tensor, split: Callable, order: tuple[int, ...] = (0, 1, 2),
    merge: Callable = lambda y: y.transpose(1, 2).flatten(2),
) -> torch.Tensor:  # fmt: skip
    """Self-attention with another split: split(projected, H) -> (B, H, T, d)."""
    parts = F.linear(x, t.in_proj_weight, t.in_proj_bias).chunk(3, -1)
    q, k, v = (split(parts[i], t.num_heads) for i in order)
    y = merge(scaled_dot_product_attention(q, k, v, t.causal))
    return F.linear(y, t.out_proj_weight, t.out_proj_bias)


def _right(part: torch.Tensor, heads: int) -> torch.Tensor:
    return part.unflatten(-1, (heads, -1)).transpose(1, 2)


def _reshaped(part: torch.Tensor, heads: int) -> torch.Tensor:
    return part.reshape(part.shape[0], heads, part.shape[1], -1)


def _interleaved(part: torch.Tensor, heads: int) -> torch.Tensor:
    return part.unflatten(-1, (-1, heads)).permute(0, 3, 1, 2)


def _without(t: nn.Module, x: torch.Tensor, name: str) -> torch.Tensor:
    """Without one of the arrays: PyTorch's layer with zeros in its place."""
    arrays = dict(t.named_parameters()) | {name: torch.zeros_like(getattr(t, name))}
    return torch.func.functional_call(t, arrays, (x,))


def _causal(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    other = SelfAttention(t.embed_dim, t.num_heads, not t.causal)
    return torch.func.functional_call(other, dict(t.named_parameters()), (x,))


def _one_head(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    other = SelfAttention(t.embed_dim, 1, t.causal)
    return torch.func.functional_call(other, dict(t.named_parameters()), (x,))


ATTENTION: Tables = {}
ATTENTION[SelfAttention] = [
    both("The heads are split by reshape alone: that mixes tokens and features. First "
         "(B, T, H, d), then transpose.", lambda t, x: _heads(t, x, _reshaped)),
    both("A head takes d features in a row; yours takes every H-th.",
         lambda t, x: _heads(t, x, _interleaved)),
    both("Merging needs the transpose first: (B, H, T, d) to (B, T, H, d), then reshape.",
         lambda t, x: _heads(t, x, _right, merge=lambda y: y.reshape(x.shape))),
    both("The three blocks of in_proj_weight are q, k, v in this order.",
         lambda t, x: _heads(t, x, _right, (1, 0, 2))),
    both("The three blocks of in_proj_weight are q, k, v in this order.",
         lambda t, x: _heads(t, x, _right, (2, 1, 0))),
    both("The three blocks of in_proj_weight are q, k, v in this order.",
         lambda t, x: _heads(t, x, _right, (0, 2, 1))),
    both("That is causal the wrong way: is self.causal handed on?", _causal),
    both("That is one head for all features.", _one_head),
    output("in_proj_bias is missing.", lambda t, x: _without(t, x, "in_proj_bias")),
    output("out_proj_bias is missing.", lambda t, x: _without(t, x, "out_proj_bias")),
    output("The last projection, out_proj, is missing.",
           lambda t, x: torch.func.functional_call(t, dict(t.named_parameters()) | {
               "out_proj_weight": torch.eye(t.embed_dim, dtype=x.dtype),
               "out_proj_bias": torch.zeros_like(t.out_proj_bias)}, (x,))),
    gradient("out_proj_bias", "Sum over the batch and the tokens.",
             lambda t, x, y, g: g.sum(0)),
    gradient("out_proj_weight", "It is made from the layer's input; out_proj's input is what the "
             "heads return, merged.", lambda t, x, y, g: g.flatten(0, 1).T @ x.flatten(0, 1)),
]  # fmt: skip
