"""Small modules that stand in for a student's other layers.

A container or an optimizer is checked with these, so that a mistake in Linear costs nothing in
Sequential, Adam or a schedule; and a function for numerical gradients.
"""

import numpy as np

from byhand.check.practice import answers, load, practise  # noqa: F401 - called by name
from byhand.nn import Criterion, Module, Optimizer, Scheduler


class Parameters(Module):
    """Nothing but parameters and gradients, for an optimizer to work on."""

    def __init__(self, arrays: list[np.ndarray]):
        super().__init__()
        self._values = [np.array(array) for array in arrays]
        self._grads = [np.zeros_like(array) for array in arrays]

    def parameters(self) -> list[np.ndarray]:
        return list(self._values)

    def parameters_grad(self) -> list[np.ndarray]:
        return list(self._grads)

    def receive(self, grads: list[np.ndarray]) -> None:
        """Write new gradients into the arrays that are already there."""
        for mine, new in zip(self._grads, grads, strict=True):
            mine[...] = new


class Stage(Module):
    """y = weight * sin(x) + x / 2, where x / 2 comes from the feature to the left.

    With one weight a feature. The shift makes the order of the stages matter on the way back.
    """

    def __init__(self, weight: np.ndarray):
        super().__init__()
        self.weight = np.array(weight)
        self.grad_weight = np.zeros_like(self.weight)

    def compute_output(self, x):
        """(B, N) -> (B, N)"""
        return self.weight * np.sin(x) + np.roll(x, 1, axis=-1) / 2

    def compute_grad_input(self, x, grad_output):
        """dl/dx: (B, N) -> (B, N)"""
        return grad_output * self.weight * np.cos(x) + np.roll(grad_output, -1, axis=-1) / 2

    def update_grad_parameters(self, x, grad_output):
        """Add dl/dweight: (N,)"""
        self.grad_weight += (grad_output * np.sin(x)).sum(axis=0)


class Latest(Stage):
    """A Stage whose gradient is that of the last backward pass alone."""

    def update_grad_parameters(self, x, grad_output):
        """Set dl/dweight: (N,)"""
        self.grad_weight = (grad_output * np.sin(x)).sum(axis=0)


class Cubic:
    """f(x) = Σ weight x³ + (Σ x)² / 2 + constant, for one shape of x."""

    def __init__(self, weight: np.ndarray, constant: float):
        self.weight = np.array(weight)
        self.constant = constant

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """An array of the weight's shape -> an array without axes. Raises ValueError."""
        if np.shape(x) != self.weight.shape:
            raise ValueError(
                f"f was called with shape {np.shape(x)}, but x has shape {self.weight.shape}"
            )
        return np.asarray((self.weight * x**3).sum() + x.sum() ** 2 / 2 + self.constant)


class Still(Optimizer):
    """An optimizer that has a learning rate and moves nothing."""

    def __init__(self, lr: float):
        super().__init__(Module(), lr)

    def step(self) -> None:
        """Nothing to do."""


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


class Moody(Stage):
    """A Stage whose features stand one place further to the right in train mode."""

    def compute_output(self, x):
        """(B, N) -> (B, N)"""
        y = super().compute_output(x)
        return np.roll(y, 1, axis=-1) if self.training else y

    def compute_grad_input(self, x, grad_output):
        """dl/dx: (B, N) -> (B, N)"""
        return super().compute_grad_input(x, self._back(grad_output))

    def update_grad_parameters(self, x, grad_output):
        """Add dl/dweight: (N,)"""
        super().update_grad_parameters(x, self._back(grad_output))

    def _back(self, grad_output: np.ndarray) -> np.ndarray:
        return np.roll(grad_output, -1, axis=-1) if self.training else grad_output


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
    """p -= lr * tanh(gradient): no coordinate moves by more than lr."""

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
