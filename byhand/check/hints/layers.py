"""Known mistakes in layers. t: PyTorch's layer, x: its input, y: its output, g: dl/dy."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from byhand.check.hints.rows import (
    G_MISSING,
    Row,
    Tables,
    averages,
    gradient,
    gradient_through,
    output,
    through,
)

FIRST_AXIS = "It is normalised over the first axis; it should be the last one."
ALL_AXES = "It is normalised over all elements at once; it should be the last axis only."
WHOLE_MAX = "The maximum of the whole batch is subtracted: take that of each row."


def _shaped(t: nn.Module, values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """One number a feature or channel, laid along axis 1 of x."""
    return values.reshape(-1, *[1] * (x.ndim - 2))


def _norm(t: nn.Module, x: torch.Tensor, mean: torch.Tensor, var: torch.Tensor) -> torch.Tensor:
    y = (x - _shaped(t, mean, x)) / _shaped(t, (var + t.eps).sqrt(), x)
    return y if t.weight is None else y * _shaped(t, t.weight, x) + _shaped(t, t.bias, x)


def _others(x: torch.Tensor) -> list[int]:
    """All axes but that of the features or channels."""
    return [axis for axis in range(x.ndim) if axis != 1]


def _of_batch(x: torch.Tensor, unbiased: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    return x.mean(_others(x)), x.var(_others(x), unbiased=unbiased)


def _own(t: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean and variance that this mode is to use."""
    return _of_batch(x) if t.training else (t.running_mean, t.running_var)


def _fixed(t: nn.Module, x: torch.Tensor, mean: bool = True, var: bool = True) -> torch.Tensor:
    """The right output, the mean and the variance taken for constants or not."""
    own = [v.detach() if fixed else v for v, fixed in zip(_own(t, x), (mean, var), strict=True)]
    return _norm(t, x, *own)


def _times(t: nn.Module, x: np.ndarray, g: np.ndarray, mean: bool, var: bool) -> np.ndarray:
    """The gradient with sums in place of the means in one term or both."""
    count = x.size // x.shape[1]
    frozen = gradient_through(_fixed, t, x, g)
    parts = [
        gradient_through(partial(_fixed, **{kept: False}), t, x, g) - frozen
        for kept in ("mean", "var")
    ]
    return frozen + (count if mean else 1) * parts[0] + (count if var else 1) * parts[1]


def _train_always(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    state = t.running_mean, t.running_var
    return F.batch_norm(x, *state, t.weight, t.bias, True, t.momentum, t.eps)


def _never(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return F.batch_norm(x, None, None, t.weight, t.bias, True, t.momentum, t.eps)


def _biased(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    before = t.running_var.clone()
    y = t(x)
    if t.training:
        t.running_var.copy_(before.lerp(_of_batch(x)[1].detach(), t.momentum))
    return y


def _batch_norm_weight(t: nn.Module, x: np.ndarray, y: np.ndarray, g: np.ndarray) -> np.ndarray:
    return (g * x).sum(tuple(_others(torch.from_numpy(x))))


def _first(t: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The statistics of the first batch that came, in whichever mode."""
    kept = vars(t).setdefault("first", [v.detach() for v in _of_batch(x)])
    return kept if t.training else _own(t, x)


def _unbiased(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return _norm(t, x, *(_of_batch(x, unbiased=True) if t.training else _own(t, x)))


def _outside(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    mean, var = _own(t, x)
    return _norm(t, x, mean, (var.sqrt() + t.eps).square() - t.eps)


def _without_eps(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    mean, var = _own(t, x)
    return _norm(t, x, mean, var - t.eps)


EPS_OUTSIDE = "eps belongs under the root: sqrt(var + eps)."
EPS_MISSING = "eps is missing."
UNBIASED = "It divides by B - 1: in the output the variance of the batch is the biased one."
FIXED = "The mean and variance of the batch move with x as well; yours takes them as fixed."
SUMS = "That is a sum over the batch where a mean belongs."

BATCH_NORM = [
    output(EPS_OUTSIDE, _outside),
    output(EPS_MISSING, _without_eps),
    output(UNBIASED, _unbiased),
    output("In train mode the batch's own mean and variance count, not the running ones.",
           lambda t, x: _norm(t, x, t.running_mean, t.running_var)),
    output("In eval mode the running mean and variance count, not the batch's own.",
           lambda t, x: _norm(t, x, *_of_batch(x))),
    output("The statistics of the first batch are kept: compute them anew for every batch.",
           lambda t, x: _norm(t, x, *_first(t, x))),
    output("The weight and bias of the layer are missing.", lambda t, x: (
        (x - _shaped(t, _own(t, x)[0], x)) / _shaped(t, (_own(t, x)[1] + t.eps).sqrt(), x))),
    output("The mean is not subtracted.",
           lambda t, x: _norm(t, x, 0 * t.running_mean, _own(t, x)[1])),
    output("It is divided by the variance, not by its root.", lambda t, x: _norm(
        t, x, _own(t, x)[0], (_own(t, x)[1] + t.eps).square() - t.eps)),
    through(FIXED, _fixed),
    through("The variance of the batch moves with x as well: a term is missing.",
            partial(_fixed, mean=False)),
    through("The mean of the batch moves with x as well: a term is missing.",
            partial(_fixed, var=False)),
    through("In eval mode the mean and variance are fixed numbers.",
            lambda t, x: _norm(t, x, *_of_batch(x))),
    through("In eval mode the mean and variance are fixed numbers: leave the train terms out.",
            lambda t, x: _norm(t, x, *(r + m - m.detach() for r, m in zip(
                (t.running_mean, t.running_var), _of_batch(x), strict=True)))),
    through(EPS_OUTSIDE, _outside),
    through(EPS_MISSING, _without_eps),
    through(UNBIASED, _unbiased),
    gradient("x", SUMS, lambda t, x, y, g: _times(t, x, g, True, True)),
    gradient("x", SUMS, lambda t, x, y, g: _times(t, x, g, True, False)),
    gradient("x", SUMS, lambda t, x, y, g: _times(t, x, g, False, True)),
    gradient("x", "The weight is missing: y has been multiplied with it.", lambda t, x, y, g: (
        gradient_through(lambda t, x: t(x) / _shaped(t, t.weight.detach(), x), t, x, g))),
    gradient("x", "It is multiplied with the deviation; divide by it.", lambda t, x, y, g: (
        gradient_through(lambda t, x: t(x) * _shaped(
            t, _own(t, x)[1].detach() + t.eps, x), t, x, g))),
    gradient("x", "It is not divided by the standard deviation.", lambda t, x, y, g: (
        gradient_through(lambda t, x: t(x) * _shaped(
            t, (_own(t, x)[1].detach() + t.eps).sqrt(), x), t, x, g))),
    gradient("weight", "It is made from x instead of the normalised x.", _batch_norm_weight),
    gradient("weight", "It is made from the output y instead of the normalised x.",
             lambda t, x, y, g: (g * y).sum(tuple(_others(torch.from_numpy(x))))),
    averages("It never changes; forward updates it in train mode.", forward=_never),
    averages("In eval mode the running averages stay as they are.", forward=_train_always),
    averages("It takes the biased variance; the running one is unbiased (B - 1).", "running_var",
             forward=_biased),
]  # fmt: skip


def _norm_over(t: nn.Module, x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    own = x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)
    y = (x - own[0]) / (own[1] + t.eps).sqrt()
    return y * _shaped(t, t.weight, x) + _shaped(t, t.bias, x)


def _softmax(kind: Callable, log: bool) -> list[Row]:
    def whole(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
        e = (x - x.max()).exp()
        total = e.sum(-1, keepdim=True)
        return x - x.max() - total.log() if log else e / total

    def shifted(axis: int | None) -> Callable:
        """The maximum of each row is taken off, and the sum is over another axis."""

        def forward(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
            moved = x - x.amax(-1, keepdim=True)
            total = moved.exp().sum() if axis is None else moved.exp().sum(axis, keepdim=True)
            return moved - total.log() if log else moved.exp() / total

        return forward

    return [
        output(FIRST_AXIS, shifted(0)),
        output("It is normalised over axis 1; it should be the last one.", shifted(1)),
        output(ALL_AXES, shifted(None)),
        output(FIRST_AXIS, lambda t, x: kind(x, 0)),
        output(ALL_AXES, lambda t, x: kind(x.flatten(), 0).reshape(x.shape)),
        output(WHOLE_MAX, whole),
        output("exp overflows: subtract the largest entry of each row first.", lambda t, x: (
            x - x.exp().sum(-1, keepdim=True).log() if log
            else x.exp() / x.exp().sum(-1, keepdim=True))),
    ]  # fmt: skip


LAYERS: Tables = {
    nn.Linear: [
        output("The bias is missing.", lambda t, x: F.linear(x, t.weight)),
        output("The bias is subtracted.", lambda t, x: F.linear(x, t.weight, -t.bias)),
        output("The weight is not transposed: y = x Wᵀ + b.",
               lambda t, x: F.linear(x, t.weight.T, t.bias)),
        gradient("x", "The weight is transposed once too often, or once too few.",
                 lambda t, x, y, g: g @ t.weight.detach().numpy().T),
        gradient("bias", "Sum over the samples, axis 0, not over the features.",
                 lambda t, x, y, g: g.sum(-1)),
        gradient("bias", "Yours is one number for all: sum over the samples only.",
                 lambda t, x, y, g: np.full(g.shape[-1:], g.sum())),
    ],
    nn.modules.batchnorm._BatchNorm: BATCH_NORM,
    nn.Flatten: [
        output("The channels come last; the order of the axes stays: reshape alone does it.",
               lambda t, x: x.movedim(1, -1).flatten(1)),
        output("That is the order of memory, not that of the axes.", lambda t, x: torch.from_numpy(
            x.detach().numpy().reshape(len(x), -1, order="A"))),
    ],
    nn.BatchNorm2d: [
        output("Every image has its own mean; take it over all images and places.",
               lambda t, x: _norm_over(t, x, (2, 3))),
        output("Every place has its own mean; take it over all images and places.",
               lambda t, x: _norm_over(t, x, (0,))),
    ],
    nn.ReLU: [
        output("That is |x|: below 0 the output is 0.", lambda t, x: x.abs()),
        gradient("x", "At x = 0 the derivative is 0, as in PyTorch.",
                 lambda t, x, y, g: g * (x >= 0)),
        gradient("x", "The mask comes from x > 0, not from the sign of the upstream gradient.",
                 lambda t, x, y, g: g * (g > 0)),
        gradient("x", G_MISSING, lambda t, x, y, g: (x > 0).astype(x.dtype)),
        gradient("x", "The derivative is 0 or 1; yours is multiplied with the output.",
                 lambda t, x, y, g: g * y),
        gradient("x", "The derivative where x < 0 is 0.", lambda t, x, y, g: g * np.sign(x)),
        gradient("x", "The mask is missing: where x < 0 nothing comes back.",
                 lambda t, x, y, g: g),
    ],
    nn.LeakyReLU: [
        output("This is ReLU: below 0 the slope is missing.", lambda t, x: x.clamp(min=0)),
        output("That is the larger of x and slope · x: right only for slopes below 1.",
               lambda t, x: torch.maximum(x, t.negative_slope * x)),
        output("The sign of the slope is turned round.",
               lambda t, x: F.leaky_relu(x, -t.negative_slope)),
        output("This is the slope of another layer: keep it in the object, as self.negative_slope.",
               lambda t, x: F.leaky_relu(x, t.negative_slope / 2)),
        output("This is the slope 0.01, whatever negative_slope is.",
               lambda t, x: F.leaky_relu(x, 0.01)),
        gradient("x", "At x = 0 the slope is negative_slope, as in PyTorch.",
                 lambda t, x, y, g: g * np.where(x >= 0, 1, t.negative_slope)),
        gradient("x", "This is the gradient of ReLU: below 0 the slope is missing.",
                 lambda t, x, y, g: g * (x > 0)),
        gradient("x", "The slope comes from the sign of x, not of the upstream gradient.",
                 lambda t, x, y, g: g * np.where(g > 0, 1, t.negative_slope)),
        gradient("x", "The slope comes from the sign of x, not of the output.",
                 lambda t, x, y, g: g * np.where(y > 0, 1, t.negative_slope)),
        gradient("x", G_MISSING, lambda t, x, y, g: np.where(x > 0, 1, t.negative_slope)),
    ],
    nn.Tanh: [
        output("This is tanh(x / 2): the quoted formula.", lambda t, x: torch.tanh(x / 2)),
        output("This is the sigmoid itself.", lambda t, x: torch.sigmoid(x)),
        gradient("x", "This is the derivative of a sigmoid, y (1 - y).",
                 lambda t, x, y, g: g * y * (1 - y)),
        gradient("x", "It is 1 - y²; the square is missing.", lambda t, x, y, g: g * (1 - y)),
        gradient("x", "The formula 1 - y² is in y, yours has x in it.",
                 lambda t, x, y, g: g * (1 - x**2)),
        gradient("x", G_MISSING, lambda t, x, y, g: 1 - y**2),
    ],
    nn.Sigmoid: [
        output("The sign of x is the wrong way round.", lambda t, x: torch.sigmoid(-x)),
        gradient("x", G_MISSING, lambda t, x, y, g: y * (1 - y)),
        gradient("x", "This is g * y: the factor (1 - y) is missing.", lambda t, x, y, g: g * y),
        gradient("x", "The formula y (1 - y) is in y, yours has x in it.",
                 lambda t, x, y, g: g * x * (1 - x)),
    ],
    nn.Softmax: [
        *_softmax(F.softmax, log=False),
        gradient("x", "Only the diagonal of the Jacobian: every output moves with every x.",
                 lambda t, x, y, g: g * y * (1 - y)),
        gradient("x", G_MISSING, lambda t, x, y, g: y * (1 - y)),
        gradient("x", "The sum runs over all rows; it should be over the last axis only.",
                 lambda t, x, y, g: y * (g - (g * y).sum())),
        gradient("x", "The factor y in front is missing.",
                 lambda t, x, y, g: g - (g * y).sum(-1, keepdims=True)),
        gradient("x", "That is the mean over the row where a sum belongs.",
                 lambda t, x, y, g: y * (g - (g * y).mean(-1, keepdims=True))),
    ],
    nn.LogSoftmax: [
        *_softmax(F.log_softmax, log=True),
        gradient("x", "The sum of g over the row is missing.",
                 lambda t, x, y, g: g - np.exp(y)),
        gradient("x", "The softmax is exp(y), not y.",
                 lambda t, x, y, g: g - y * g.sum(-1, keepdims=True)),
        gradient("x", "That is the mean of g over the row where a sum belongs.",
                 lambda t, x, y, g: g - np.exp(y) * g.mean(-1, keepdims=True)),
        gradient("x", "This is the gradient of a softmax without the log.",
                 lambda t, x, y, g: np.exp(y) * (g - (g * np.exp(y)).sum(-1, keepdims=True))),
    ],
}  # fmt: skip
