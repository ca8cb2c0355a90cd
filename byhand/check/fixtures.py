"""What a check brings along to the student's side, handed to the runner by name.

Small modules stand in for a student's other layers, so that a mistake in Linear costs nothing in
Sequential, Adam or a schedule. What is done with a whole network is in networks.py.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from byhand.check import tensors
from byhand.check.networks import (  # noqa: F401 - named by a script
    PlainRun,
    Scores,
    answers,
    kind,
    learn_to_sort,
    load,
    practise,
    sort,
)
from byhand.check.stand_ins import Assembled, Surrounded, Writer  # noqa: F401 - named by a script
from byhand.nn import Criterion, Module, Optimizer, Scheduler
from byhand.protocol.line_count import more_lines  # noqa: F401 - named by a script
from byhand.protocol.runner import Told

STEP = 1e-5  # of central differences


class Parameters(Module):
    """Nothing but parameters and gradients, for an optimizer to work on."""

    def __init__(self, arrays: list[np.ndarray]):
        super().__init__()
        for number, array in enumerate(arrays):
            setattr(self, f"p{number}", np.array(array))
            setattr(self, f"grad_p{number}", np.zeros_like(array))

    def receive(self, grads: list[np.ndarray]) -> None:
        """Write new gradients into the arrays that are already there."""
        for mine, new in zip(self.parameters_grad(), grads, strict=True):
            mine[...] = new


class Stage(Module):
    """y = factor * sin(x + tide(x)) + x / 2, where x / 2 comes from the feature to the left.

    The factor, one a feature, is 1 plus all parameters, whose names and number are free. The shift
    makes the order of the stages matter on the way back. moody: in train mode the outputs stand one
    feature further to the right; latest: the gradient is that of the last backward pass alone;
    tide: gives a number for each sample, (B, 1), that counts as a constant on the way back. seen:
    the sizes of all batches that went through; part: a module inside, whose mode is the stage's.
    """

    def __init__(
        self,
        moody: bool = False,
        latest: bool = False,
        tide: Callable = lambda x: 0,
        **parameters: np.ndarray,
    ):
        super().__init__()
        self.moody, self.latest, self.tide, self.seen = moody, latest, tide, []
        self.height, self.part = 0, Module()
        for name, value in parameters.items():
            vars(self).update({name: np.array(value), f"grad_{name}": np.zeros_like(value)})

    def compute_output(self, x):
        """(B, N) -> (B, N)"""
        self.seen.append(len(x))
        self.height = self.tide(x)
        y = sum(self.parameters(), 1.0) * np.sin(x + self.height) + np.roll(x, 1, axis=-1) / 2
        return self._turned(y, 1)

    def compute_grad_input(self, x, grad_output):
        """dl/dx: (B, N) -> (B, N)"""
        g = self._turned(grad_output, -1)
        slope = sum(self.parameters(), 1.0) * np.cos(x + self.height)
        return g * slope + np.roll(g, -1, axis=-1) / 2

    def update_grad_parameters(self, x, grad_output):
        """Add dl/dfactor, (N,), to the gradient of every parameter."""
        slopes = self._turned(grad_output, -1) * np.sin(x + self.height)
        for grad in self.parameters_grad():
            grad[...] = (0 if self.latest else grad) + slopes.sum(axis=0)

    def train(self):
        """Train mode"""
        self.training = self.part.training = True
        return self

    def eval(self):
        """Eval mode"""
        self.training = self.part.training = False
        return self

    def _turned(self, values: np.ndarray, places: int) -> np.ndarray:
        return np.roll(values, places, axis=-1) if self.moody and self.training else values


class ForwardAndBackward:
    """A layer with nothing else."""

    def __init__(self, layer: Module):
        self.forward, self.backward = layer.forward, layer.backward


class Wave(Criterion):
    """The mean over the batch of the sine of what stands at the right class."""

    def compute_output(self, prediction, target):
        """(B, C) and class numbers (B,) -> a float"""
        return float(np.sin(prediction[np.arange(len(target)), target]).mean())

    def compute_grad_input(self, prediction, target):
        """dl/dprediction: (B, C)"""
        grad = np.zeros_like(prediction)
        rows = np.arange(len(target))
        grad[rows, target] = np.cos(prediction[rows, target]) / len(target)
        return grad


class Bounded(Optimizer):
    """p -= lr * tanh(gradient): no coordinate moves by more than lr; of no parameters, none."""

    def step(self) -> None:
        """Update every parameter in place."""
        pairs = zip(self.module.parameters(), self.module.parameters_grad(), strict=True)
        for parameter, grad in pairs:
            parameter -= self.lr * np.tanh(grad)


class Harmonic(Scheduler):
    """lr = base_lr / (1 + last_epoch)."""

    def get_lr(self) -> float:
        """The learning rate after last_epoch steps."""
        return self.base_lr / (1 + self.last_epoch)


class OptimizerSteps:
    """Counts the steps of all of PyTorch's optimizers until it is stopped."""

    def __init__(self):
        from torch.optim.optimizer import register_optimizer_step_post_hook

        self.count = 0
        self._hook = register_optimizer_step_post_hook(self._add)

    def _add(self, *_: object) -> None:
        self.count += 1

    def stop(self) -> int:
        """The number of steps."""
        self._hook.remove()
        return self.count


length, item, is_same, is_equal = len, operator.getitem, operator.is_, operator.eq
random = np.random.random


def computed(value: Callable, program: str, leaves: dict[str, float]) -> dict[str, Any]:
    """What a program of the checker's makes of the leaves, each built by value(): by its names."""
    nodes = {name: value(number) for name, number in leaves.items()}
    exec(program, {}, nodes)
    return nodes


def laid_out_otherwise(array: Any) -> Any:
    """A copy whose numbers lie column by column; those of a tensor in every second place, so that
    it can still be viewed."""
    if isinstance(array, np.ndarray):
        return np.array(array, order="F")
    return array.unsqueeze(-1).repeat_interleave(2, dim=-1)[..., 0]


def same_memory(listed: Any, arrays: list[np.ndarray]) -> bool:
    """Whether the arrays that were listed are these very arrays, in this order."""
    return len(listed) == len(arrays) and all(map(np.shares_memory, listed, arrays))


def same_tensor_memory(a: Any, b: Any) -> bool:
    """Whether two tensors begin at the same place in memory."""
    return a.data_ptr() == b.data_ptr()


def is_zero(array: np.ndarray) -> bool:
    """Whether every entry is 0."""
    return not np.any(array)


def part(values: Any, index: int, count: int) -> Any:
    """values[index] of so many values. Raises Told if they are not."""
    if not isinstance(values, tuple | list) or len(values) != count:
        given = (
            f"{len(values)} things"
            if isinstance(values, tuple | list)
            else kind(values, missing=False)
        )
        missing = " (is a `return` missing?)" if values is None else ""
        raise Told(f"returned {given}, expected {count} things in this order{missing}")
    return values[index]


def layer_slopes(
    layer: Module, x: np.ndarray, g: np.ndarray, names: list[str], places: list[np.ndarray]
) -> list[np.ndarray]:
    """Central differences of Σ g · forward(x), by x ("x") and by parameters.

    places: for each name, the coordinates to try.
    """

    def along(name: str, places: np.ndarray) -> np.ndarray:
        if name == "x":
            return _central(lambda moved: g * layer.forward(moved), x, places)

        def at(value: np.ndarray) -> np.ndarray:
            setattr(layer, name, value)
            return g * layer.forward(x)

        value = np.array(getattr(layer, name))
        found = _central(at, value, places)
        setattr(layer, name, value)
        return found

    return list(map(along, names, places))


def function_slopes(
    function: Callable, args: list[Any], index: int, g: Any, places: np.ndarray
) -> np.ndarray:
    """Central differences of Σ g · function(*args) by the argument number `index`.

    Of several results the last one counts.
    """
    kind = type(args[index])

    def at(value: np.ndarray) -> Any:
        given = value if kind is np.ndarray else tensors.make(value)
        y = function(*args[:index], given, *args[index + 1 :])
        return g * (y[-1] if isinstance(y, tuple) else y)

    return _central(at, np.array(args[index]), places)


def _central(at: Callable, value: np.ndarray, places: np.ndarray) -> np.ndarray:
    numbers, slopes = np.arange(value.size).reshape(value.shape), []
    for place in places:
        step = STEP * (numbers == place)
        slopes.append(float((at(value + step) - at(value - step)).sum()) / (2 * STEP))
    return np.array(slopes)
