"""PyTorch behind the course's own interface: what a script's other side calls.

Each oracle is an adapter. Its last arguments make a known mistake in it: see byhand.check.hints.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check import fixtures
from byhand.check.stand_ins import Writes
from byhand.protocol.experiment import Given


def numbers(value: Any) -> Any:
    """A tensor as an array, or as a number if it has no axes; tuples as lists."""
    if isinstance(value, tuple | list):
        return [numbers(part) for part in value]
    if isinstance(value, torch.Tensor):
        return value.detach().numpy()
    return value


@contextmanager
def _float64() -> Iterator[None]:
    """What PyTorch builds is in float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


class Layer:
    """A torch layer as a byhand Module.

    like: builds the layer, called with the arguments of the constructor. Mistakes: forward,
    another forward pass, of (layer, x); grads, by "x" or a parameter's name: a wrong gradient from
    (layer, x, y, g); overwrites: gradients do not add up.
    """

    def __init__(
        self,
        like: Callable[..., torch.nn.Module],
        *args: Any,
        forward: Callable | None = None,
        grads: dict[str, Callable] | None = None,
        overwrites: bool = False,
        **make: Any,
    ):
        with _float64():
            twin = like(*args, **make)
        twin.register_forward_hook(
            lambda _, x, y: vars(self).update(input=numbers(x[0]), output=numbers(y))
        )
        how = dict(_forward=forward, _grads=grads or {}, _overwrites=overwrites)
        vars(self).update(output=None, twin=twin, **how)
        for parameter in twin.parameters():
            parameter.grad = torch.zeros_like(parameter)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.twin, name.removeprefix("grad_"))
        if isinstance(value, torch.Tensor):
            return (value.grad if name.startswith("grad_") else value.detach()).numpy()
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if not isinstance(value, np.ndarray):
            setattr(self.twin, name, value)
        else:
            tensor = getattr(self.twin, name.removeprefix("grad_"))
            part = "grad" if name.startswith("grad_") else "data"
            setattr(tensor, part, torch.from_numpy(value))

    def forward(self, x: np.ndarray) -> np.ndarray:
        tensor = torch.from_numpy(x)
        if tensor.is_floating_point():  # else it holds tokens
            tensor.requires_grad_()
        y = self._forward(self.twin, tensor) if self._forward else self.twin(tensor)
        vars(self).update(x=tensor, y=y, output=numbers(y))
        return self.output

    __call__ = forward

    def backward(self, x: np.ndarray, grad_output: np.ndarray) -> np.ndarray:
        self.update_grad_parameters(x, grad_output)
        return self.compute_grad_input(x, grad_output)

    def compute_grad_input(self, x: np.ndarray, grad_output: np.ndarray) -> np.ndarray | None:
        return self._gradient("x", self.x, grad_output) if self.x.requires_grad else None

    def update_grad_parameters(self, x: np.ndarray, grad_output: np.ndarray) -> None:
        for name, parameter in self.twin.named_parameters():
            grad = np.ascontiguousarray(self._gradient(name, parameter, grad_output))
            if grad.shape != parameter.shape:  # a mistake that PyTorch would not take
                vars(self)[f"grad_{name}"] = grad
            elif self._overwrites:
                parameter.grad.copy_(torch.from_numpy(grad))
            else:
                parameter.grad.add_(torch.from_numpy(grad))

    def _gradient(self, name: str, of: torch.Tensor, g: np.ndarray) -> np.ndarray:
        g = torch.from_numpy(g)
        if name in self._grads:
            return numbers(self._grads[name](self.twin, self.x.detach(), self.y.detach(), g))
        [grad] = torch.autograd.grad(
            self.y, [of], g, retain_graph=True, materialize_grads=True, allow_unused=True
        )
        return grad.numpy()

    def parameters(self) -> list[np.ndarray]:
        return [p.detach().numpy() for p in self.twin.parameters()]

    def parameters_grad(self) -> list[np.ndarray]:
        return [p.grad.numpy() for p in self.twin.parameters()]

    def zero_grad(self) -> None:
        self.twin.zero_grad(set_to_none=False)


class Criterion:
    """A torch loss as a byhand Criterion."""

    def __init__(self, like: Callable, **make: Any):
        self.twin = like(**make)

    def forward(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        self.prediction = torch.from_numpy(prediction).requires_grad_()
        self.loss = self.twin(self.prediction, torch.from_numpy(target))
        self.output = np.float64(self.loss.item())
        return self.output

    def backward(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        self.forward(prediction, target)
        return torch.autograd.grad(self.loss, self.prediction)[0].numpy()


@contextmanager
def _uncompiled() -> Iterator[None]:
    """An optimizer that is made here loads nothing of torch.compile's: these are hundreds of
    modules, which take as long to load as PyTorch itself."""
    torch_s = torch.optim.Optimizer.add_param_group
    torch.optim.Optimizer.add_param_group = inspect.unwrap(torch_s)
    try:
        yield
    finally:
        torch.optim.Optimizer.add_param_group = torch_s


def _step(twin: torch.optim.Optimizer, **arguments: Any) -> None:
    """A step of an optimizer, without what torch.compile puts around it."""
    with torch.no_grad():
        inspect.unwrap(type(twin).step)(twin, **arguments)


class Optimizer:
    """A torch optimizer as a byhand Optimizer: its tensors share the module's memory.

    Mistakes: before, after: called around each step with this oracle and the parameters' values
    before it; changed: other arguments, or functions of the right ones.
    """

    def __init__(
        self,
        like: Callable[..., torch.optim.Optimizer],
        module: Any,
        before: Callable | None = None,
        after: Callable | None = None,
        changed: dict[str, Any] | None = None,
        **make: Any,
    ):
        parameters = [torch.nn.Parameter(torch.from_numpy(p)) for p in module.parameters()]
        for parameter, grad in zip(parameters, module.parameters_grad(), strict=True):
            parameter.grad = torch.from_numpy(grad)
        with _uncompiled():
            twin = like(parameters, **make)
        [group] = twin.param_groups
        group |= {key: v(group) if callable(v) else v for key, v in (changed or {}).items()}
        own = dict(make=make, module=module, parameters=parameters, twin=twin, hessian={}, steps=0)
        vars(self).update(own, before=before, after=after)

    def __getattr__(self, name: str) -> Any:
        return (self.make | self.twin.param_groups[0])[name]

    def __setattr__(self, name: str, value: Any) -> None:
        for group in self.twin.param_groups:
            group[name] = value

    def update_hessian(self, batch_size: int) -> None:
        """The estimate for the sum over a batch from its mean gradient g: batch size · g²."""
        estimate = [batch_size * p.grad**2 for p in self.parameters]
        vars(self).update(hessian={"hessian": estimate})

    def step(self) -> None:
        vars(self)["steps"] += 1
        old = [p.detach().clone() for p in self.parameters]
        if self.before:
            self.before(self, old)
        with _float64():  # NAdam's product of momenta, too
            _step(self.twin, **self.hessian)
        vars(self)["hessian"] = {}
        if self.after:
            with torch.no_grad():
                self.after(self, old)

    def zero_grad(self) -> None:
        self.module.zero_grad()


class Scheduler:
    """A torch schedule as a byhand Scheduler. Mistakes: wrong, which gives the rate after step n
    from (this oracle, n), and changed, other arguments of the constructor."""

    def __init__(
        self,
        like: Callable[..., torch.optim.lr_scheduler.LRScheduler],
        optimizer: Any,
        wrong: Callable | None = None,
        changed: Callable | None = None,
        **make: Any,
    ):
        self.optimizer, self.base_lr, self.last_epoch = optimizer, optimizer.lr, 0
        self.make, self.wrong = make | (changed(make, optimizer.lr) if changed else {}), wrong
        with _uncompiled():
            self.sgd = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=optimizer.lr)
        self.twin = like(self.sgd, **self.make)
        self.rates = [float(self.sgd.param_groups[0]["lr"])]
        optimizer.lr = self._now()

    def rate(self, number: int) -> float:
        """PyTorch's rate after so many steps."""
        while len(self.rates) <= number:
            self.twin.step()
            self.rates.append(float(self.sgd.param_groups[0]["lr"]))
        return self.rates[max(number, 0)]

    def step(self) -> None:
        self.last_epoch += 1
        self.optimizer.lr = self._now()

    def _now(self) -> float:
        return self.wrong(self, self.last_epoch) if self.wrong else self.rate(self.last_epoch)


class _Stage(torch.nn.Module):
    """PyTorch's side of fixtures.Stage; what is latest is left to the container."""

    def __init__(
        self,
        moody: bool = False,
        latest: bool = False,
        tide: Given | None = None,
        **parameters: np.ndarray,
    ):
        super().__init__()
        self.moody, self.seen, self.part = moody, [], torch.nn.Identity()
        for name, value in parameters.items():
            self.register_parameter(name, torch.nn.Parameter(torch.tensor(value)))
        self.tide = tide.function if tide else np.zeros_like

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(x))
        height = torch.from_numpy(self.tide(x.detach().numpy()))
        y = sum(self.parameters(), 1.0) * torch.sin(x + height) + torch.roll(x, 1, -1) / 2
        return torch.roll(y, 1, -1) if self.moody and self.training else y


class _Scores(torch.nn.Module):
    """PyTorch's side of fixtures.Scores."""

    def __init__(self, weight: np.ndarray, tide: Given):
        super().__init__()
        self.weight, self.tide = torch.nn.Parameter(torch.tensor(weight)), tide.function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.weight * torch.from_numpy(self.tide(x.numpy()))
        return torch.roll(y, int(self.training), 2)


def stages(*modules: Layer) -> torch.nn.Module:
    """What a Sequential of such layers is in PyTorch."""
    return torch.nn.Sequential(*(module.twin for module in modules))


FIXTURES = vars(fixtures) | {
    "Stage": partial(Layer, _Stage),
    "ForwardAndBackward": lambda stage: stage,
    "Assembled": lambda cls, weights, **make: cls(weights, **make),
    "Surrounded": lambda cls, *attention, **make: cls(**make),
    "Scores": lambda weight, tide: Layer(_Scores, weight, tide),
    "Writer": lambda arrays, *_: Writes(arrays),
    "Wave": lambda: lambda output, y: torch.sin(output[range(len(y)), y]).mean(),
}
