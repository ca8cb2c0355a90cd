"""Suspects for layers that move a window over images: see byhand.check.hints.layers."""

import numpy as np
import torch
from torch.nn import functional

from byhand.check.compare import Suspect

AXES = "The axes of the weight are swapped: (out_channels, in_channels, kH, kW)."
OVERLAP = "Where windows overlap, the gradients of all of them add up."
ZEROS = "The padding is 0, which is larger than negative numbers: -inf never is."


def convolution_outputs(twin: torch.nn.Conv2d, x: torch.Tensor) -> list[Suspect]:
    """Wrong outputs of a convolution."""
    w = twin.weight

    def of(weight: torch.Tensor = w, **other: object) -> np.ndarray:
        how = dict(bias=twin.bias, stride=twin.stride, padding=twin.padding)
        how |= dict(dilation=twin.dilation, groups=twin.groups) | other
        return functional.conv2d(x, weight, **how).numpy()

    right = of()
    wrong = [
        ("The bias is missing.", of(bias=None)),
        ("The kernel is flipped. Here it is laid on the image as it stands.", of(w.flip(2, 3))),
        ("The stride is missing.", of(stride=1)),
        ("The padding is missing.", of(padding=0)) if _fits(twin, x) else None,
        ("The dilation is missing.", of(dilation=1)[:, :, : right.shape[2], : right.shape[3]]),
    ]
    if w.shape[2] == w.shape[3]:
        words = "The rows and columns of the kernel are swapped."
        wrong.append((words, of(w.transpose(2, 3))))
    if w.shape[0] == w.shape[1]:
        wrong.append((AXES, of(w.transpose(0, 1))))
    return list(filter(None, wrong))


def convolution_gradients(
    twin: torch.nn.Conv2d, x: np.ndarray, g: np.ndarray
) -> dict[str, list[Suspect]]:
    """Wrong gradients of a convolution, by what they are for."""
    batch, _, rows, columns = g.shape
    places = f"Yours is averaged over the {rows * columns} places; a sum, please."
    samples = f"Yours is averaged over the batch ({batch}) and the places; a sum, please."
    right = _weight_gradient(twin, x, g)
    weight = [
        (places, right / (rows * columns)),
        (samples, right / (batch * rows * columns)),
        ("The gradient is flipped in rows and columns.", right[:, :, ::-1, ::-1]),
    ]
    if right.shape[0] == right.shape[1]:
        weight.append((AXES, right.swapaxes(0, 1)))
    bias = [
        ("Yours has one number for each image: sum over the batch too.", g.sum((2, 3))),
        ("Yours has one number for each place: sum over the places too.", g.sum(0)),
        (places, g.sum(0).mean((1, 2))),
        (samples, g.mean((0, 2, 3))),
    ]
    return {"x": _convolution_grad_input(twin, x, g), "weight": weight, "bias": bias}


def pooling_outputs(twin: torch.nn.MaxPool2d, x: torch.Tensor) -> list[Suspect]:
    """Wrong outputs of a max pooling."""
    kernel, stride, padding = map(_pair, (twin.kernel_size, twin.stride, twin.padding))
    zeros = functional.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    pool = functional.max_pool2d
    words = "The remainder at the border gets a window of its own; it is left out."
    wrong = [
        ("The stride is missing: without one it is kernel_size.", pool(x, kernel, 1, padding)),
        (words, pool(x, kernel, stride, padding, ceil_mode=True)),
        ("That is the mean of each window.", functional.avg_pool2d(zeros, kernel, stride)),
        (ZEROS, pool(zeros, kernel, stride)),
    ]
    turned = [size[::-1] for size in (kernel, stride, padding)]
    if np.all(np.add(x.shape[2:], np.multiply(2, turned[2])) >= turned[0]):
        wrong.append(("Rows and columns are swapped.", pool(x, *turned)))
    return [(words, value.numpy()) for words, value in wrong]


def pooling_gradients(twin: torch.nn.MaxPool2d, x: np.ndarray, g: np.ndarray) -> list[Suspect]:
    """Wrong gradients of a max pooling for x."""
    kernel, stride, (rows, columns) = map(_pair, (twin.kernel_size, twin.stride, twin.padding))
    image, share = torch.from_numpy(x), torch.from_numpy(g)
    border = (columns, columns, rows, rows)
    padded = functional.pad(image, border, value=-torch.inf)
    windows = padded.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1]).flatten(4)
    largest = windows == windows.amax(-1, keepdim=True)

    def put_back(shares: torch.Tensor) -> np.ndarray:
        """(B, C, H', W', kH * kW) -> (B, C, H, W)"""
        columns_first = shares.permute(0, 1, 4, 2, 3).flatten(3).flatten(1, 2)
        whole = functional.fold(columns_first, padded.shape[2:], kernel, stride=stride)
        return whole[:, :, rows : rows + x.shape[2], columns : columns + x.shape[3]].numpy()

    last = largest & (largest.flip(-1).cumsum(-1).flip(-1) == 1)
    winners = functional.max_pool2d(image, kernel, stride, (rows, columns), return_indices=True)[1]

    def put_once(places: torch.Tensor, values: torch.Tensor) -> np.ndarray:
        """Every value in its place, where a later one replaces an earlier one."""
        empty = torch.zeros_like(image).flatten(2)
        return empty.scatter(2, places.flatten(2), values.flatten(2)).view_as(image).numpy()

    backwards = put_once(winners.flip(2, 3), share.flip(2, 3))
    each = share.unsqueeze(-1)
    return [
        ("Of equal maxima each gets the whole gradient: only the first does.",
         put_back(largest * each)),
        ("Of equal maxima the last gets the gradient: the first does.", put_back(last * each)),
        ("Equal maxima share the gradient: the first gets it all.",
         put_back(largest * each / largest.sum(-1, keepdim=True))),
        (OVERLAP, put_once(winners, share)),
        (OVERLAP, backwards),
        ("Every entry of a window gets its gradient: only the maximum does.",
         put_back(each.expand_as(windows))),
    ]  # fmt: skip


def _convolution_grad_input(twin: torch.nn.Conv2d, x: np.ndarray, g: np.ndarray) -> list[Suspect]:
    height, width = x.shape[2:]
    (rows, columns), w = _pair(twin.padding), twin.weight.detach()

    def spread(stride: tuple[int, int], weight: torch.Tensor = w) -> np.ndarray:
        """The gradient for x with its padding still around it."""
        whole = torch.zeros(*x.shape[:2], height + 2 * rows, width + 2 * columns).to(w)
        part = functional.conv_transpose2d(
            torch.from_numpy(g), weight, None, stride, groups=twin.groups, dilation=twin.dilation
        )
        whole[:, :, : part.shape[2], : part.shape[3]] = part
        return whole.numpy()

    def cut(whole: np.ndarray) -> np.ndarray:
        return whole[:, :, rows : rows + height, columns : columns + width]

    right = spread(twin.stride)
    wrong = [
        ("The padding is still around it: cut it off.", right),
        ("The padding is cut off at one end only.", right[:, :, :height, :width]),
        ("The kernel is flipped.", cut(spread(twin.stride, w.flip(2, 3)))),
        ("The stride is missing.", cut(spread((1, 1)))),
    ]
    if w.shape[0] == w.shape[1]:
        wrong.append((AXES, cut(spread(twin.stride, w.transpose(0, 1)))))
    return wrong


def _weight_gradient(twin: torch.nn.Conv2d, x: np.ndarray, g: np.ndarray) -> np.ndarray:
    return torch.nn.grad.conv2d_weight(
        torch.from_numpy(x),
        twin.weight.shape,
        torch.from_numpy(g),
        twin.stride,
        twin.padding,
        twin.dilation,
        twin.groups,
    ).numpy()


def _fits(twin: torch.nn.Conv2d, x: torch.Tensor) -> bool:
    """Whether the kernel fits on x without padding."""
    reach = (d * (k - 1) + 1 for d, k in zip(twin.dilation, twin.kernel_size, strict=True))
    return all(size >= needed for size, needed in zip(x.shape[2:], reach, strict=True))


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)
