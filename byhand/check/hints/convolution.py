"""Known mistakes in layers that move a window over images. Names as in layers.py."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from byhand.check.hints.rows import Tables, gradient, gradient_through, output, through

AXES = "The axes of the weight are swapped: (out_channels, in_channels, kH, kW)."
CROP = "The padding is still around it: cut it off."
CROP_BOTH = "The padding is cut off at one end only."
FLIPPED = "The kernel is flipped. Here it is laid on the image as it stands."
OVERLAP = "Where windows overlap, the gradients of all of them add up."
PLACES = "Yours is averaged over the places; it should be a sum."
SAMPLES = "Yours is averaged over the batch and the places; it should be a sum."
BATCH = "Yours is averaged over the batch; it should be a sum."
TURNED = "Rows and columns are swapped."


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _convolve(t: nn.Conv2d, x: torch.Tensor, weight: Any = None, **other: Any) -> torch.Tensor:
    how = dict(bias=t.bias, stride=t.stride, padding=t.padding)
    how |= dict(dilation=t.dilation, groups=t.groups) | other
    return F.conv2d(x, t.weight if weight is None else weight, **how)


def _without_dilation(t: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    right = _convolve(t, x)
    return _convolve(t, x, dilation=1)[:, :, : right.shape[2], : right.shape[3]]


def _interleaved(t: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    """Group n takes every G-th channel, from n on."""
    order = torch.arange(x.shape[1]).reshape(-1, t.groups).T.flatten()
    return _convolve(t, x[:, order])


def _spread(
    t: nn.Conv2d, x: np.ndarray, g: np.ndarray, stride: Any = None, dilation: Any = None
) -> np.ndarray:
    """The gradient for x with its padding still around it."""
    (rows, columns), w = _pair(t.padding), t.weight.detach()
    whole = torch.zeros(*x.shape[:2], x.shape[2] + 2 * rows, x.shape[3] + 2 * columns).to(w)
    how = dict(stride=stride or t.stride, groups=t.groups, dilation=dilation or t.dilation)
    part = F.conv_transpose2d(torch.from_numpy(g), w, None, **how)
    whole[:, :, : part.shape[2], : part.shape[3]] = part
    return whole.numpy()


def _cut(t: Any, whole: np.ndarray, x: np.ndarray) -> np.ndarray:
    rows, columns = _pair(t.padding)
    return whole[:, :, rows : rows + x.shape[2], columns : columns + x.shape[3]]


def _overwritten(t: nn.Conv2d, x: np.ndarray, y: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Each place of the kernel in turn, where the last one replaces the others."""
    whole = np.zeros_like(_spread(t, x, g))
    (sH, sW), (dH, dW), w = t.stride, t.dilation, t.weight.detach().numpy()
    for i, j in np.ndindex(*t.kernel_size):
        down = slice(dH * i, dH * i + sH * g.shape[2], sH)
        across = slice(dW * j, dW * j + sW * g.shape[3], sW)
        whole[:, :, down, across] = np.einsum("bohw,oc->bchw", g, w[:, :, i, j])
    return _cut(t, whole, x)


def _weight(t: nn.Conv2d, x: np.ndarray, g: np.ndarray, **other: Any) -> np.ndarray:
    how = dict(stride=t.stride, padding=t.padding, dilation=t.dilation, groups=t.groups) | other
    tensors = torch.from_numpy(np.array(x)), t.weight.shape, torch.from_numpy(g)
    return torch.nn.grad.conv2d_weight(*tensors, **how).numpy()


def _of_weight(says: str, change: Callable[[np.ndarray, tuple], np.ndarray]) -> Any:
    """A wrong gradient for the weight, made from the right one and the shape of g."""
    return gradient("weight", says, lambda t, x, y, g: change(_weight(t, x, g), g.shape))


def _pool(t: nn.MaxPool2d, x: torch.Tensor, pool: Callable = F.max_pool2d, **other: Any) -> Any:
    how = dict(kernel_size=t.kernel_size, stride=t.stride, padding=t.padding) | other
    return pool(x, **how)


def _zeros(t: nn.MaxPool2d, x: torch.Tensor, value: float = 0.0) -> torch.Tensor:
    rows, columns = _pair(t.padding)
    return F.pad(x, (columns, columns, rows, rows), value=value)


def _turned(t: nn.MaxPool2d, x: torch.Tensor) -> torch.Tensor:
    how = dict(kernel_size=t.kernel_size, stride=t.stride, padding=t.padding)
    return F.max_pool2d(x, **{name: _pair(size)[::-1] for name, size in how.items()})


def _put_back(shares: Callable) -> Callable:
    """The gradient for x of shares(largest, g), by window: (B, C, H', W', kH * kW)."""

    def wrong(t: nn.MaxPool2d, x: np.ndarray, y: np.ndarray, g: np.ndarray) -> np.ndarray:
        kernel, stride = _pair(t.kernel_size), _pair(t.stride)
        padded = _zeros(t, torch.from_numpy(x), -torch.inf)
        windows = padded.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1]).flatten(4)
        largest = windows == windows.amax(-1, keepdim=True)
        parts = shares(largest, torch.from_numpy(g).unsqueeze(-1))
        columns = parts.permute(0, 1, 4, 2, 3).flatten(3).flatten(1, 2)
        return _cut(t, F.fold(columns, padded.shape[2:], kernel, stride=stride).numpy(), x)

    return wrong


def _put_once(backwards: bool) -> Callable:
    """The gradient for x where a later window replaces an earlier one."""

    def wrong(t: nn.MaxPool2d, x: np.ndarray, y: np.ndarray, g: np.ndarray) -> np.ndarray:
        image, share = torch.from_numpy(x), torch.from_numpy(g)
        places = _pool(t, image, F.max_pool2d_with_indices)[1]
        if backwards:
            places, share = places.flip(2, 3), share.flip(2, 3)
        empty = torch.zeros_like(image).flatten(2)
        return empty.scatter(2, places.flatten(2), share.flatten(2)).view_as(image).numpy()

    return wrong


def _last(largest: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    return largest * (largest.flip(-1).cumsum(-1).flip(-1) == 1) * g


CONVOLUTION: Tables = {
    nn.Conv2d: [
        output("The bias is missing.", lambda t, x: _convolve(t, x, bias=None)),
        output(FLIPPED, lambda t, x: _convolve(t, x, t.weight.flip(2, 3))),
        output("The stride is missing.", lambda t, x: _convolve(t, x, stride=1)),
        output("The padding is missing.", lambda t, x: _convolve(t, x, padding=0)),
        output("The dilation is missing.", _without_dilation),
        output("The rows and columns of the kernel are swapped.",
               lambda t, x: _convolve(t, x, t.weight.transpose(2, 3))),
        output(AXES, lambda t, x: _convolve(t, x, t.weight.transpose(0, 1))),
        output("The stride's rows and columns are swapped.",
               lambda t, x: _convolve(t, x, stride=t.stride[::-1])),
        output("The padding's rows and columns are swapped.",
               lambda t, x: _convolve(t, x, padding=t.padding[::-1])),
        output("The stride of the rows is taken for the columns, too.",
               lambda t, x: _convolve(t, x, stride=t.stride[0])),
        output("The border is made of zeros, not of the edge's own values.", lambda t, x: _convolve(
            t, F.pad(x, [n for p in t.padding[::-1] for n in (p, p)], "replicate"), padding=0)),
        output("Only the first channel of the image is used.",
               lambda t, x: _convolve(t, x * (torch.arange(x.shape[1]) == 0)[:, None, None])),
        output("The groups are interleaved: the first ones belong together.",
               lambda t, x: _interleaved(t, x)),
        output("The channels are summed without the kernel's part for each.",
               lambda t, x: _convolve(t, x, t.weight.mean(1, keepdim=True).expand_as(t.weight))),
        gradient("x", CROP, lambda t, x, y, g: _spread(t, x, g)),
        gradient("x", CROP_BOTH,
                 lambda t, x, y, g: _spread(t, x, g)[:, :, : x.shape[2], : x.shape[3]]),
        through(FLIPPED, lambda t, x: _convolve(t, x, t.weight.flip(2, 3))),
        gradient("x", "The stride is missing.",
                 lambda t, x, y, g: _cut(t, _spread(t, x, g, 1), x)),
        through(AXES, lambda t, x: _convolve(t, x, t.weight.transpose(0, 1))),
        through("The rows and columns of the kernel are swapped.",
                lambda t, x: _convolve(t, x, t.weight.transpose(2, 3))),
        gradient("x", OVERLAP, _overwritten),
        gradient("x", "The dilation is missing.", lambda t, x, y, g: _cut(
            t, _spread(t, x, g, dilation=1), x)),
        gradient("weight", "That is the gradient of the last image alone: sum over the batch.",
                 lambda t, x, y, g: _weight(t, x[-1:], g[-1:])),
        gradient("bias", "Yours is one number for all channels.",
                 lambda t, x, y, g: np.full(t.out_channels, g.sum())),
        _of_weight(PLACES, lambda right, g: right / (g[2] * g[3])),
        _of_weight(SAMPLES, lambda right, g: right / (g[0] * g[2] * g[3])),
        _of_weight(BATCH, lambda right, g: right / g[0]),
        _of_weight("The gradient is flipped in rows and columns.",
                   lambda right, g: right[:, :, ::-1, ::-1]),
        _of_weight(AXES, lambda right, g: right.swapaxes(0, 1)),
        _of_weight("The rows and columns of the kernel are swapped.",
                   lambda right, g: right.swapaxes(2, 3)),
        gradient("weight", "The stride is missing.", lambda t, x, y, g: _weight(
            t, x[:, :, : g.shape[2] + t.kernel_size[0] - 1 - 2 * t.padding[0],
                 : g.shape[3] + t.kernel_size[1] - 1 - 2 * t.padding[1]], g, stride=1)),
        gradient("weight", "The padding of x is missing.", lambda t, x, y, g: _weight(
            t, np.pad(x, [(0, 0), (0, 0), (0, 2 * t.padding[0]), (0, 2 * t.padding[1])]), g,
            padding=0)),
        gradient("bias", "Yours has one number for each image: sum over the batch too.",
                 lambda t, x, y, g: g.sum((2, 3))),
        gradient("bias", "Yours has one number for each place: sum over the places too.",
                 lambda t, x, y, g: g.sum(0)),
        gradient("bias", PLACES, lambda t, x, y, g: g.sum(0).mean((1, 2))),
        gradient("bias", SAMPLES, lambda t, x, y, g: g.mean((0, 2, 3))),
        gradient("bias", BATCH, lambda t, x, y, g: g.mean(0).sum((1, 2))),
    ],
    nn.MaxPool2d: [
        output("The stride is missing: without one it is kernel_size.",
               lambda t, x: _pool(t, x, stride=1)),
        output("The stride is kernel_size, whatever stride says.",
               lambda t, x: _pool(t, x, stride=t.kernel_size)),
        output("The remainder at the border gets a window of its own; it is left out.",
               lambda t, x: _pool(t, x, ceil_mode=True)),
        output("That is the mean of each window.", lambda t, x: _pool(t, x, F.avg_pool2d)),
        output("That is the smallest value of each window.", lambda t, x: -_pool(t, -x)),
        output("The padding is missing.", lambda t, x: _pool(t, x, padding=0)),
        output("The padding is 0, which is larger than negative numbers: -inf never is.",
               lambda t, x: _pool(t, _zeros(t, x), padding=0)),
        output(TURNED, _turned),
        output("The border is not low enough: -inf is.",
               lambda t, x: _pool(t, _zeros(t, x, -1e9), padding=0)),
        through(TURNED, _turned),
        through("That is the gradient of a mean.", lambda t, x: _pool(t, x, F.avg_pool2d)),
        through("The padding is 0, which is larger than negative numbers: -inf never is.",
                lambda t, x: _pool(t, _zeros(t, x), padding=0)),
        gradient("x", "Of equal maxima each gets the whole gradient: only the first does.",
                 _put_back(lambda largest, g: largest * g)),
        gradient("x", "Of equal maxima the last gets the gradient: the first does.",
                 _put_back(_last)),
        gradient("x", "Equal maxima share the gradient: the first gets it all.",
                 _put_back(lambda largest, g: largest * g / largest.sum(-1, keepdim=True))),
        gradient("x", OVERLAP, _put_once(backwards=False)),
        gradient("x", OVERLAP, _put_once(backwards=True)),
        gradient("x", "Every entry of a window gets its gradient: only the maximum does.",
                 _put_back(lambda largest, g: g.expand_as(largest))),
        gradient("x", "The upstream gradient is missing.", lambda t, x, y, g: (
            gradient_through(lambda t, x: t(x), t, x, np.ones_like(g)))),
    ],
}  # fmt: skip
