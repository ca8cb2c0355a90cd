"""Known mistakes in layers that move a window over images. Names as in layers.py."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from byhand.check.hints.layers import Row, Tables, both, grad_x, gradient, output

AXES = "The axes of the weight are swapped: (out_channels, in_channels, kH, kW)."
FLIPPED = "The kernel is flipped. Here it is laid on the image as it stands."
NO_DILATION = "The dilation is missing."
NO_PADDING = "The padding is missing."
NO_STRIDE = "The stride is missing."
OVERLAP = "Where windows overlap, the gradients of all of them add up."
PLACES = "Yours is averaged over the places; it should be a sum."
BATCH = "Yours is averaged over the batch; it should be a sum."
TURNED = "The rows and columns of the kernel are swapped."
Images = torch.Tensor  # four axes


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _how(t: nn.Conv2d, other: dict[str, Any]) -> dict[str, Any]:
    names = "stride", "padding", "dilation", "groups"
    return {name: getattr(t, name) for name in names} | other


def _conv(t: nn.Conv2d, x: Images, weight: Any = None, **other: Any) -> Images:
    return F.conv2d(x, t.weight if weight is None else weight, **_how(t, {"bias": t.bias} | other))


def _corner(whole: Images, like: Images) -> Images:
    """As much of it, from the first row and column on, as there is of the other."""
    return whole[:, :, : like.shape[2], : like.shape[3]]


def _pad(t: nn.Module, x: Images, value: float = 0.0) -> Images:
    rows, columns = _pair(t.padding)
    return F.pad(x, (columns, columns, rows, rows), value=value)


def _cut(t: nn.Module, whole: Images, x: Images) -> Images:
    """Without the padding."""
    rows, columns = _pair(t.padding)
    return _corner(whole[:, :, rows:, columns:], x)


def _spread(t: nn.Conv2d, x: Images, g: Images, **other: Any) -> Images:
    """The gradient for x with its padding still around it."""
    whole = torch.zeros_like(_pad(t, x))
    part = F.conv_transpose2d(g, t.weight, None, **_how(t, {"padding": 0} | other))
    _corner(whole, part)[:] = part.detach()
    return whole


def _overwritten(t: nn.Conv2d, x: Images, y: Images, g: Images) -> Images:
    """Each place of the kernel in turn, where the last one replaces the others."""
    whole, (sH, sW), (dH, dW) = torch.zeros_like(_pad(t, x)), t.stride, t.dilation
    for i, j in np.ndindex(*t.kernel_size):
        down = slice(dH * i, dH * i + sH * g.shape[2], sH)
        across = slice(dW * j, dW * j + sW * g.shape[3], sW)
        whole[:, :, down, across] = torch.einsum("bohw,oc->bchw", g, t.weight.detach()[..., i, j])
    return _cut(t, whole, x)


def _weight(t: nn.Conv2d, x: Images, g: Images) -> Images:
    return torch.nn.grad.conv2d_weight(x, t.weight.shape, g, **_how(t, {}))


def _of_weight(says: str, change: Callable[[torch.Tensor, tuple], torch.Tensor]) -> Row:
    """A wrong gradient for the weight, made from the right one and the shape of g."""
    return gradient("weight", says, lambda t, x, y, g: change(_weight(t, x, g), g.shape))


def _pool(t: nn.MaxPool2d, x: Images, stride: Any = None, **other: Any) -> Any:
    how = dict(stride=stride or t.stride, padding=t.padding, pool=F.max_pool2d) | other
    return how.pop("pool")(x, t.kernel_size, **how)


def _put_back(shares: Callable) -> Callable:
    """The gradient for x of shares(where the maxima are, g): (B, C, H', W', kH * kW)."""

    def wrong(t: nn.MaxPool2d, x: Images, y: Images, g: Images) -> Images:
        kernel, stride = _pair(t.kernel_size), _pair(t.stride)
        padded = _pad(t, x, -torch.inf)
        windows = padded.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1]).flatten(4)
        parts = shares(windows == windows.amax(-1, keepdim=True), g.unsqueeze(-1))
        columns = parts.permute(0, 1, 4, 2, 3).flatten(3).flatten(1, 2)
        return _cut(t, F.fold(columns, padded.shape[2:], kernel, stride=stride), x)

    return wrong


def _put_once(*flipped: int) -> Callable:
    """The gradient for x where a later window replaces an earlier one, from the end if flipped."""

    def wrong(t: nn.MaxPool2d, x: Images, y: Images, g: Images) -> Images:
        places = _pool(t, x, pool=F.max_pool2d_with_indices)[1].flip(flipped).flatten(2)
        share = g.flip(flipped).flatten(2)
        return torch.zeros_like(x).flatten(2).scatter(2, places, share).view_as(x)

    return wrong


CONVOLUTION: Tables = {}
CONVOLUTION[nn.Conv2d] = [
    output("The bias is missing.", lambda t, x: _conv(t, x, bias=None)),
    output(NO_STRIDE, lambda t, x: _conv(t, x, stride=1)),
    output(NO_PADDING, lambda t, x: _conv(t, x, padding=0)),
    output(NO_DILATION, lambda t, x: _corner(_conv(t, x, dilation=1), t(x))),
    both(FLIPPED, lambda t, x: _conv(t, x, t.weight.flip(2, 3))),
    both(AXES, lambda t, x: _conv(t, x, t.weight.transpose(0, 1))),
    both(TURNED, lambda t, x: _conv(t, x, t.weight.transpose(2, 3))),
    output("The two strides are swapped.", lambda t, x: _conv(t, x, stride=t.stride[::-1])),
    output("The two paddings are swapped.", lambda t, x: _conv(t, x, padding=t.padding[::-1])),
    output("The border is made of zeros, not of the edge's own values.", lambda t, x: _conv(
        t, F.pad(x, [n for p in t.padding[::-1] for n in (p, p)], "replicate"), padding=0)),
    output("The groups are interleaved: the first ones belong together.",
           lambda t, x: _conv(t, x.unflatten(1, (-1, t.groups)).transpose(1, 2).flatten(1, 2))),
    grad_x("The padding is still around it: cut it off.", lambda t, x, y, g: _spread(t, x, g)),
    grad_x("The padding is cut off at one end only.",
           lambda t, x, y, g: _corner(_spread(t, x, g), x)),
    grad_x(NO_STRIDE, lambda t, x, y, g: _cut(t, _spread(t, x, g, stride=1), x)),
    grad_x(NO_DILATION, lambda t, x, y, g: _cut(t, _spread(t, x, g, dilation=1), x)),
    grad_x(OVERLAP, _overwritten),
    gradient("weight", "That is the gradient of the last image alone: sum over the batch.",
             lambda t, x, y, g: _weight(t, x[-1:], g[-1:])),
    _of_weight(PLACES, lambda dw, g: dw / (g[2] * g[3])),
    _of_weight(BATCH, lambda dw, g: dw / g[0]),
    _of_weight("The gradient is flipped in rows and columns.", lambda dw, g: dw.flip(2, 3)),
    _of_weight(AXES, lambda dw, g: dw.swapaxes(0, 1)),
    _of_weight(TURNED, lambda dw, g: dw.swapaxes(2, 3)),
    gradient("bias", PLACES, lambda t, x, y, g: g.sum(0).mean((1, 2))),
    gradient("bias", BATCH, lambda t, x, y, g: g.mean(0).sum((1, 2))),
    gradient("bias", "Yours has one number for each image: sum over the batch too.",
             lambda t, x, y, g: g.sum((2, 3))),
]  # fmt: skip
CONVOLUTION[nn.MaxPool2d] = [
    output("The stride is missing: without one it is kernel_size.", lambda t, x: _pool(t, x, 1)),
    output("The stride is not kernel_size here.", lambda t, x: _pool(t, x, t.kernel_size)),
    output("The remainder at the border gets a window of its own; it is left out.",
           lambda t, x: _pool(t, x, ceil_mode=True)),
    output(NO_PADDING, lambda t, x: _pool(t, x, padding=0)),
    both("That is the mean of each window.", lambda t, x: _pool(t, x, pool=F.avg_pool2d)),
    output("The border is not -inf.", lambda t, x: _pool(t, _pad(t, x, -1e9), padding=0)),
    both("The padding is 0, which is larger than negative numbers: -inf never is.",
         lambda t, x: _pool(t, _pad(t, x), padding=0)),
    both("Rows and columns are swapped.", lambda t, x: F.max_pool2d(
        x, *(_pair(value)[::-1] for value in (t.kernel_size, t.stride, t.padding)))),
    grad_x("Of equal maxima each gets the whole gradient.", _put_back(lambda top, g: top * g)),
    grad_x("Of equal maxima the last gets the gradient: the first does.", _put_back(
        lambda top, g: top * (top.flip(-1).cumsum(-1).flip(-1) == 1) * g)),
    grad_x("Equal maxima share the gradient: the first gets it all.",
           _put_back(lambda top, g: top * g / top.sum(-1, keepdim=True))),
    grad_x("Every entry of a window gets its gradient.", _put_back(lambda top, g: g + 0 * top)),
    grad_x(OVERLAP, _put_once()),
    grad_x(OVERLAP, _put_once(2, 3)),
    grad_x("The upstream gradient is missing.",
           lambda t, x, y, g: torch.autograd.functional.vjp(t, x, torch.ones_like(g))[1]),
]  # fmt: skip
