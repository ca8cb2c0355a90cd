"""What well-known mistakes would have given, so that a failure can name them.

Every suspect is a pair: what to say, and the wrong value. The values are made with PyTorch, by
asking it for something slightly different from the task.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from byhand.check.compare import Suspect
from byhand.check.hints.convolution import (
    convolution_gradients,
    convolution_outputs,
    pooling_gradients,
    pooling_outputs,
)


def output_suspects(twin: torch.nn.Module, x: np.ndarray) -> list[Suspect]:
    """Wrong outputs for x, by the kind of layer."""
    tensor = torch.from_numpy(x)
    with torch.no_grad():
        match twin:
            case torch.nn.Linear():
                return _linear_outputs(twin, tensor)
            case torch.nn.BatchNorm1d():
                return _batch_norm_outputs(twin, tensor)
            case torch.nn.Conv2d():
                return convolution_outputs(twin, tensor)
            case torch.nn.MaxPool2d():
                return pooling_outputs(twin, tensor)
            case torch.nn.LeakyReLU():
                return [("This is ReLU: below 0 the slope is missing.", np.maximum(x, 0))]
            case torch.nn.Tanh():
                return [("This is tanh(x / 2): the quoted formula.", np.tanh(x / 2))]
            case torch.nn.Softmax() | torch.nn.LogSoftmax():
                kind = type(twin)
                return [
                    ("It is normalised over the first axis; over the last one, please.",
                     kind(dim=0)(tensor).numpy()),
                    ("It is normalised over all elements at once; over the last axis, please.",
                     kind(dim=0)(tensor.flatten()).reshape(tensor.shape).numpy()),
                ]  # fmt: skip
    return []


def backward_suspects(
    twin: torch.nn.Module, x: np.ndarray, g: np.ndarray, what: str
) -> list[Suspect]:
    """Wrong gradients for `what`: "x" or the name of a parameter."""
    return _gradients(twin, x, g).get(what, [])


def _gradients(twin: torch.nn.Module, x: np.ndarray, g: np.ndarray) -> dict[str, list[Suspect]]:
    match twin:
        case torch.nn.Linear() if x.shape == g.shape:
            wrong = g @ twin.weight.detach().numpy().T
            return {"x": [("The weight is transposed once too often, or once too few.", wrong)]}
        case torch.nn.BatchNorm1d():
            return _batch_norm_gradients(twin, x, g)
        case torch.nn.Conv2d():
            return convolution_gradients(twin, x, g)
        case torch.nn.MaxPool2d():
            return {"x": pooling_gradients(twin, x, g)}
        case torch.nn.ReLU():
            return {"x": [("At x = 0 the derivative is 0, as in PyTorch.", g * (x >= 0))]}
        case torch.nn.LeakyReLU():
            slope = np.where(x > 0, 1, twin.negative_slope)
            at_zero = "At x = 0 the slope is negative_slope, as in PyTorch."
            return {"x": [
                (at_zero, g * np.where(x >= 0, 1, twin.negative_slope)),
                ("This is the gradient of ReLU: below 0 the slope is missing.", g * (x > 0)),
                ("g is missing.", slope),
            ]}  # fmt: skip
        case torch.nn.Tanh():
            y = np.tanh(x)
            words = "This is the derivative of a sigmoid, y (1 - y)."
            return {"x": [(words, g * y * (1 - y)), ("g is missing.", 1 - y**2)]}
        case torch.nn.Softmax():
            y = functional.softmax(torch.from_numpy(x), dim=-1).numpy()
            words = "Only the diagonal of the Jacobian is there: every output moves with every x."
            return {"x": [(words, g * y * (1 - y)), ("g is missing.", y * (1 - y))]}
        case torch.nn.Sigmoid():
            y = torch.sigmoid(torch.from_numpy(x)).numpy()
            return {"x": [("g is missing.", y * (1 - y)), ("This is g * y.", g * y)]}
    return {}


def statistics_suspects(
    twin: torch.nn.Module, name: str, start: dict[str, np.ndarray], x: np.ndarray
) -> list[Suspect]:
    """Wrong running averages after a pass over x that began with `start`."""
    words = [("It never changes; forward updates it in train mode.", start[name])]
    if not twin.training:
        batch = torch.from_numpy(x)
        moved = _average(twin, name, start, batch, twin.momentum, unbiased=True)
        return [("In eval mode the running averages stay as they are.", moved)]
    batch = torch.from_numpy(x)
    turned = _average(twin, name, start, batch, 1 - twin.momentum, unbiased=True)
    words.append(("momentum is the wrong way round: it is the weight of the new batch.", turned))
    if name == "running_var":
        biased = _average(twin, name, start, batch, twin.momentum, unbiased=False)
        words.append(("It takes the biased variance; the running one is unbiased (B - 1).", biased))
    return words


def _average(
    twin: torch.nn.Module,
    name: str,
    start: dict[str, np.ndarray],
    batch: torch.Tensor,
    momentum: float,
    unbiased: bool,
) -> np.ndarray:
    others = [axis for axis in range(batch.ndim) if axis != 1]  # all but the features or channels
    new = batch.mean(others) if name == "running_mean" else batch.var(others, unbiased=unbiased)
    return torch.lerp(torch.from_numpy(start[name]), new, momentum).numpy()


def _linear_outputs(twin: torch.nn.Linear, x: torch.Tensor) -> list[Suspect]:
    wrong = [("The bias is missing.", functional.linear(x, twin.weight).numpy())]
    if twin.in_features == twin.out_features:
        turned = functional.linear(x, twin.weight.T, twin.bias).numpy()
        wrong.append(("The weight is not transposed: y = x Wᵀ + b.", turned))
    return wrong


def _normalised(twin: torch.nn.BatchNorm1d, x: torch.Tensor, mean, var) -> np.ndarray:
    return functional.batch_norm(x, mean, var, twin.weight, twin.bias, eps=twin.eps).numpy()


def _batch_norm_outputs(twin: torch.nn.BatchNorm1d, x: torch.Tensor) -> list[Suspect]:
    mean, biased = x.mean(0), x.var(0, unbiased=False)
    running, spread = twin.running_mean, twin.running_var
    own = (mean, biased) if twin.training else (running, spread)
    outside = (own[1].sqrt() + twin.eps).square() - twin.eps
    wrong = [
        ("eps belongs under the root: sqrt(var + eps).", _normalised(twin, x, own[0], outside)),
        ("eps is missing.", _normalised(twin, x, own[0], own[1] - twin.eps)),
    ]
    if twin.training:
        words = "It divides by B - 1: in the output the variance of the batch is the biased one."
        wrong.append((words, _normalised(twin, x, mean, x.var(0))))
        words = "In train mode the batch's own mean and variance count, not the running ones."
        wrong.append((words, _normalised(twin, x, running, spread)))
    else:
        words = "In eval mode the running mean and variance count, not the batch's own."
        wrong.append((words, _normalised(twin, x, mean, biased)))
    return wrong


def _batch_norm_gradients(
    twin: torch.nn.BatchNorm1d, x: np.ndarray, g: np.ndarray
) -> dict[str, list[Suspect]]:
    batch = torch.from_numpy(x)
    mean, var = batch.mean(0), batch.var(0, unbiased=False)
    wrong = []
    if twin.training:
        words = "The mean and variance of the batch move with x as well; yours takes them as fixed."
        wrong = [(words, _gradient(lambda t: _frozen(twin, t, mean, var), x, g))]
    elif len(x) > 1:  # one sample has no variance to go through
        through = _gradient(lambda t: _frozen(twin, t, None, None), x, g)
        wrong = [("In eval mode the mean and variance are fixed numbers.", through)]
    from_x = ("It is made from x instead of the normalised x.", (g * x).sum(0))
    return {"x": wrong, "weight": [from_x]}


def _frozen(twin: torch.nn.BatchNorm1d, x: torch.Tensor, mean, var) -> torch.Tensor:
    weight = None if twin.weight is None else twin.weight.detach()
    return functional.batch_norm(x, mean, var, weight, training=mean is None, eps=twin.eps)


def _gradient(
    function: Callable[[torch.Tensor], torch.Tensor], x: np.ndarray, g: np.ndarray
) -> np.ndarray:
    tensor = torch.from_numpy(x.copy()).requires_grad_()
    function(tensor).backward(torch.from_numpy(g))
    return tensor.grad.numpy()
