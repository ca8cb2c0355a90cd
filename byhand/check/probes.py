"""Small modules that stand in for a student's other layers.

A container or an optimizer is checked with these, so that a mistake in Linear costs nothing in
Sequential or Adam.
"""

import numpy as np

from byhand.nn import Module


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
