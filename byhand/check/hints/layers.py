"""Known mistakes in layers: one row a mistake.

t: PyTorch's layer, x: its input, y: its output, g: dl/dy, all of them tensors.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from byhand.check import oracles
from byhand.check.script import Hint

AVERAGES = "running_mean", "running_var"
ADDED_UP = "Yours is this pass alone: gradients add up until zero_grad (+=, not =)."
G_MISSING = "g is missing: multiply with the upstream gradient."

# The mistake in words; beginnings of labels, each explained by itself; how: see oracles.Layer.
Row = tuple[str, tuple[str, ...], dict[str, Any]]
Tables = dict[type[nn.Module], list[Row]]


def hints_for(tables: Tables, like: Callable[..., nn.Module], twin: nn.Module) -> list[Hint]:
    """The known mistakes of PyTorch's layer `twin`, which `like` builds."""
    names = tuple(f"gradient for {name}" for name, _ in twin.named_parameters())
    rows: list[Row] = [(ADDED_UP, names, {"overwrites": True})]
    for kind, table in tables.items():
        rows += table if isinstance(twin, kind) else []
    layer = partial(oracles.Layer, like)
    return [Hint(says, partial(layer, **how), of) for says, labels, how in rows for of in labels]


def forward(labels: tuple[str, ...], says: str, wrong: Callable) -> Row:
    """A wrong forward pass, of (t, x), or a gradient for x that is the one of such a pass."""
    return says, labels, {"forward": wrong}


def gradient(of: str, says: str, wrong: Callable) -> Row:
    """A wrong gradient for a parameter or x, from (t, x, y, g)."""
    return says, (f"gradient for {of}",), {"grads": {of: wrong}}


output, through = partial(forward, ("output",)), partial(forward, ("gradient for x",))
both, averages = partial(forward, ("output", "gradient for x")), partial(forward, AVERAGES)
grad_x = partial(gradient, "x")

Two = tuple[torch.Tensor, torch.Tensor]  # mean and variance, with the axes of x
LAYERS: Tables = {}


def _on(x: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """One number a feature or channel, laid along axis 1 of x."""
    return values.reshape(1, -1, *[1] * (x.ndim - 2))


def _norm(t: nn.Module, x: Any, mean: Any, var: Any, root: Callable | None = None) -> torch.Tensor:
    y = (x - mean) / (root(var) if root else (var + t.eps).sqrt())
    return y if t.weight is None else y * _on(x, t.weight) + _on(x, t.bias)


def _batch(x: torch.Tensor, unbiased: bool = False) -> Two:
    axes = (0, *range(2, x.ndim))
    return x.mean(axes, keepdim=True), x.var(axes, unbiased=unbiased, keepdim=True)


def _running(t: nn.Module, x: torch.Tensor) -> Two:
    return _on(x, t.running_mean), _on(x, t.running_var)


def _own(t: nn.Module, x: torch.Tensor) -> Two:
    """The mean and variance that this mode is to use."""
    return _batch(x) if t.training else _running(t, x)


def _by_way_of(mean: float, var: float, direct: float = 1) -> Callable:
    """The right output, its gradient on each path so many times (inf: as the batch is long)."""

    def forward(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
        times = [min(n, x.numel() / x.shape[1]) for n in (direct, mean, var)]
        paths = zip((x, *_own(t, x)), times, strict=True)
        return _norm(t, *(v.detach() + n * (v - v.detach()) for v, n in paths))

    return forward


def _still_moving(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The output of eval mode; its gradient takes the running statistics for the batch's."""
    running = _running(t, x)
    moves = _batch(x)[0], _batch((x - running[0]) ** 2)[0]
    return _norm(t, x, *(v + m - m.detach() for v, m in zip(running, moves, strict=True)))


def _slope_of_s(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The right output, its gradient with ds/dx = 1/B."""
    mean, var = _own(t, x)
    return _norm(t, x, mean, var.detach(), lambda v: (v + t.eps).sqrt() + mean - mean.detach())


def _first(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """With the statistics of the first batch that came, in whichever mode."""
    kept = vars(t).setdefault("first", [v.detach() for v in _batch(x)])
    return _norm(t, x, *(kept if t.training else _running(t, x)))


def _biased(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
    before = t.running_var.clone()
    y = t(x)
    if t.training:
        t.running_var.copy_(before.lerp(_batch(x)[1].detach().flatten(), t.momentum))
    return y


FIXED = "The mean and variance of the batch move with x as well; yours takes them as fixed."
ONE_FIXED = "The {} of the batch moves with x as well: a term is missing."
EVAL = "In eval mode both are fixed numbers."
SUMS = "That is a sum over the batch where a mean belongs."
SIGN = "The sign of one term is wrong: what comes back by way of the {}."
LAYERS[nn.modules.batchnorm._BatchNorm] = [
    both("eps belongs under the root: sqrt(var + eps).",
         lambda t, x: _norm(t, x, *_own(t, x), lambda var: var.sqrt() + t.eps)),
    both("eps is missing.", lambda t, x: _norm(t, x, *_own(t, x), torch.sqrt)),
    both("It divides by B - 1: in the output the variance of the batch is the biased one.",
         lambda t, x: _norm(t, x, *(_batch(x, True) if t.training else _running(t, x)))),
    output("In train mode the batch's own mean and variance count, not the running ones.",
           lambda t, x: _norm(t, x, *_running(t, x))),
    output("In eval mode the running mean and variance count, not the batch's own.",
           lambda t, x: _norm(t, x, *_batch(x))),
    output("The statistics of the first batch are kept: compute them for every batch.", _first),
    output("Every image has its own mean; take it over all images and places.",
           lambda t, x: F.instance_norm(x, weight=t.weight, bias=t.bias, eps=t.eps)),
    output("The mean is not subtracted.", lambda t, x: _norm(t, x, 0, _own(t, x)[1])),
    through(FIXED, _by_way_of(mean=0, var=0)),
    through(ONE_FIXED.format("variance"), _by_way_of(mean=1, var=0)),
    through(ONE_FIXED.format("mean"), _by_way_of(mean=0, var=1)),
    through(EVAL, lambda t, x: _norm(t, x, *_batch(x))),
    through(EVAL, _still_moving),
    through(SUMS, _by_way_of(mean=torch.inf, var=torch.inf)),
    through(SUMS, _by_way_of(mean=torch.inf, var=1)),
    through(SUMS, _by_way_of(mean=1, var=torch.inf)),
    through(SIGN.format("mean"), _by_way_of(mean=-1, var=1)),
    through(SIGN.format("variance"), _by_way_of(mean=1, var=-1)),
    through("x goes straight into the output as well: the term without a mean is missing.",
            _by_way_of(mean=1, var=1, direct=0)),
    through("By way of s every sample gets its own x_hat as a factor.", _slope_of_s),
    through("The division by s = sqrt(var + eps) is missing.",
            lambda t, x: t(x) * (_own(t, x)[1] + t.eps).sqrt().detach()),
    through("It is divided by var + eps; the root is missing.",
            lambda t, x: t(x) / (_own(t, x)[1] + t.eps).sqrt().detach()),
    through("The weight is missing.",
            lambda t, x: F.batch_norm(x, t.running_mean, t.running_var, None, None,
                                      t.training, 0, t.eps)),
    gradient("weight", "It is made from x instead of the normalised x.",
             lambda t, x, y, g: (g * x).sum((0, *range(2, x.ndim)))),
    averages("It never changes; forward updates it in train mode.", lambda t, x: t.eval()(x)),
    averages("In eval mode the running averages stay as they are.", lambda t, x: t.train()(x)),
    averages("It takes the biased variance; the running one is unbiased (B - 1).", _biased),
    averages("momentum is the wrong way round: it is the weight of the new batch.",
             lambda t, x: F.batch_norm(x, t.running_mean, t.running_var, t.weight, t.bias,
                                       t.training, 1 - t.momentum, t.eps)),
]  # fmt: skip
LAYERS[nn.Flatten] = [
    output("The channels come last: only reshape.", lambda t, x: x.movedim(1, -1).flatten(1)),
    output("That is the order of memory, not that of the axes.",
           lambda t, x: t(x if x.is_contiguous() else x.permute(0, *range(x.ndim - 1, 0, -1)))),
]  # fmt: skip
LAYERS[nn.Linear] = [
    output("The bias is missing.", lambda t, x: F.linear(x, t.weight)),
    output("The weight is not transposed.", lambda t, x: F.linear(x, t.weight.T, t.bias)),
    grad_x("W is transposed once too often.", lambda t, x, y, g: g @ t.weight.T),
    gradient("bias", "Sum over the samples, axis 0.", lambda t, x, y, g: g.sum(-1)),
    gradient("bias", "Yours is one number for all.", lambda t, x, y, g: g.sum() + 0 * g[0]),
    gradient("bias", "Sum over all axes but the last.", lambda t, x, y, g: g.sum(0).sum(-1)),
    gradient("weight", "Sum over all axes but the last.",
             lambda t, x, y, g: g[0].transpose(-1, -2) @ x[0] if x.ndim > 2 else 0 * g.T @ x),
]  # fmt: skip
LAYERS[nn.ReLU] = [
    grad_x("At x = 0 the derivative is 0, as in PyTorch.", lambda t, x, y, g: g * (x >= 0)),
    grad_x("The mask is x > 0, not the sign of g.", lambda t, x, y, g: g * (g > 0)),
    grad_x(G_MISSING, lambda t, x, y, g: (x > 0).to(x)),
    grad_x("The mask is missing: where x < 0 nothing comes back.", lambda t, x, y, g: g),
]
LAYERS[nn.LeakyReLU] = [
    output("This is ReLU: below 0 the slope is missing.", lambda t, x: x.clamp(min=0)),
    output("That is the larger of x and slope · x.", lambda t, x: x.maximum(t.negative_slope * x)),
    output("The sign of the slope is wrong.", lambda t, x: F.leaky_relu(x, -t.negative_slope)),
    output("It is the slope of another layer.", lambda t, x: F.leaky_relu(x, t.negative_slope / 2)),
    output("This is the slope 0.01, whatever negative_slope is.", lambda t, x: F.leaky_relu(x)),
    grad_x("At x = 0 the slope is negative_slope, as in PyTorch.",
           lambda t, x, y, g: torch.where(x >= 0, g, t.negative_slope * g)),
    grad_x("This is the gradient of ReLU: the slope is missing.", lambda t, x, y, g: g * (x > 0)),
    grad_x("The slope comes from the sign of x, not of g.",
           lambda t, x, y, g: torch.where(g > 0, g, t.negative_slope * g)),
    grad_x("The slope comes from the sign of x, not of the output.",
           lambda t, x, y, g: torch.where(y > 0, g, t.negative_slope * g)),
    grad_x(G_MISSING, lambda t, x, y, g: torch.where(x > 0, 1 + 0 * x, t.negative_slope)),
]  # fmt: skip
LAYERS[nn.Tanh] = [
    output("This is tanh(x / 2): the quoted formula.", lambda t, x: torch.tanh(x / 2)),
    output("This is the sigmoid itself.", lambda t, x: torch.sigmoid(x)),
    grad_x("This is the derivative of a sigmoid.", lambda t, x, y, g: g * y * (1 - y)),
    grad_x("It is 1 - y²; the square is missing.", lambda t, x, y, g: g * (1 - y)),
    grad_x("The formula 1 - y² is in y, yours has x in it.", lambda t, x, y, g: g * (1 - x**2)),
    grad_x(G_MISSING, lambda t, x, y, g: 1 - y**2),
]
LAYERS[nn.Sigmoid] = [
    grad_x(G_MISSING, lambda t, x, y, g: y * (1 - y)),
    grad_x("This is g * y: the factor (1 - y) is missing.", lambda t, x, y, g: g * y),
    grad_x("y (1 - y) is in y, yours has x in it.", lambda t, x, y, g: g * x * (1 - x)),
]


def _softmax(log: bool) -> list:
    def over(largest: int | tuple | None, total: int | tuple) -> Callable:
        """The maximum over these axes is taken off (None: no maximum), the sum is over those."""

        def forward(t: nn.Module, x: torch.Tensor) -> torch.Tensor:
            moved = x if largest is None else x - x.amax(largest, keepdim=True)
            whole = moved.exp().sum(total, keepdim=True)
            return moved - whole.log() if log else moved.exp() / whole

        return forward

    first_axis = "It is normalised over the first axis; it should be the last one."
    all_axes = "It is normalised over all elements at once; it should be the last axis only."
    return [
        output(first_axis, over(-1, 0)),
        output(first_axis, over(0, 0)),
        output("It is normalised over axis 1; it should be the last one.", over(-1, 1)),
        output(all_axes, over(-1, ())),
        output(all_axes, over((), ())),
        output("The maximum of the whole batch is subtracted: take each row's.", over((), -1)),
        output("exp overflows: subtract the largest entry of each row first.", over(None, -1)),
    ]


LAYERS[nn.Softmax] = [
    *_softmax(log=False),
    grad_x("Only the diagonal of the Jacobian is here.", lambda t, x, y, g: g * y * (1 - y)),
    grad_x(G_MISSING, lambda t, x, y, g: y * (1 - y)),
    grad_x("The sum runs over all rows, not one.", lambda t, x, y, g: y * (g - (g * y).sum())),
]
LAYERS[nn.LogSoftmax] = [
    *_softmax(log=True),
    grad_x("The sum of g over the row is missing.", lambda t, x, y, g: g - y.exp()),
    grad_x("The softmax is exp(y), not y.", lambda t, x, y, g: g - y * g.sum(-1, keepdim=True)),
    grad_x("This is the gradient of a softmax without the log.",
           lambda t, x, y, g: y.exp() * (g - (g * y.exp()).sum(-1, keepdim=True))),
]  # fmt: skip
