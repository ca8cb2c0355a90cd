"""The contracts that students fill in: Module, Criterion, Optimizer, Scheduler.

Shapes are written (B, N): B samples in a batch, N features. A gradient has the shape of the
thing it belongs to.
"""

from typing import Self

import numpy as np


class Module:
    """A layer, or a network made of layers.

    output: what the last forward pass returned; training: True in train mode, False in eval mode.
    A parameter is an array attribute with its gradient beside it: `weight` and `grad_weight`.
    Both arrays live as long as the module: an optimizer holds on to them.
    """

    def __init__(self):
        self.output: np.ndarray | None = None
        self.training = True

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The same as forward(x)."""
        return self.forward(x)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """y = f(x), kept as `output`."""
        self.output = self.compute_output(x)
        return self.output

    def backward(self, x: np.ndarray, grad_output: np.ndarray) -> np.ndarray:
        """dl/dx from grad_output = dl/dy; adds dl/dp to the gradient of every parameter p.

        x is the input of the forward pass before it; dl/dx has its shape.
        """
        grad_input = self.compute_grad_input(x, grad_output)
        self.update_grad_parameters(x, grad_output)
        return grad_input

    def compute_output(self, x: np.ndarray) -> np.ndarray:
        """y = f(x); every layer writes its own."""
        raise NotImplementedError

    def compute_grad_input(self, x: np.ndarray, grad_output: np.ndarray) -> np.ndarray:
        """dl/dx; every layer writes its own."""
        raise NotImplementedError

    def update_grad_parameters(self, x: np.ndarray, grad_output: np.ndarray) -> None:
        """Add dl/dp to the gradient of every parameter; nothing to do without parameters."""

    def parameters(self) -> list[np.ndarray]:
        """The parameters themselves, not copies, in the order of their definition."""
        return [getattr(self, name) for name in self._parameter_names()]

    def parameters_grad(self) -> list[np.ndarray]:
        """The gradients themselves, in the order of parameters()."""
        return [getattr(self, f"grad_{name}") for name in self._parameter_names()]

    def zero_grad(self) -> None:
        """Set every gradient to zero, in place."""
        for grad in self.parameters_grad():
            grad.fill(0)

    def train(self) -> Self:
        """Switch to train mode; returns the module."""
        self.training = True
        return self

    def eval(self) -> Self:
        """Switch to eval mode; returns the module."""
        self.training = False
        return self

    def _parameter_names(self) -> list[str]:
        attributes = vars(self)
        return [
            name
            for name, value in attributes.items()
            if value is not None and attributes.get(f"grad_{name}") is not None
        ]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Criterion:
    """A loss: how far a prediction is from its target, as one number. output: the last one."""

    def __init__(self):
        self.output: np.float64 | None = None

    def __call__(self, prediction: np.ndarray, target: np.ndarray) -> np.float64:
        """The same as forward(prediction, target)."""
        return self.forward(prediction, target)

    def forward(self, prediction: np.ndarray, target: np.ndarray) -> np.float64:
        """The loss, a NumPy float64, kept as `output`."""
        loss = self.compute_output(prediction, target)
        is_number = isinstance(loss, int | float | np.number) or type(loss) is np.ndarray
        self.output = np.float64(loss) if is_number and not isinstance(loss, bool) else loss
        return self.output

    def backward(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """dl/dprediction, of prediction's shape."""
        return self.compute_grad_input(prediction, target)

    def compute_output(self, prediction: np.ndarray, target: np.ndarray) -> float:
        """The loss; every criterion writes its own."""
        raise NotImplementedError

    def compute_grad_input(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """dl/dprediction; every criterion writes its own."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Optimizer:
    """Changes the parameters of a module along their gradients.

    module: what it trains; lr: the learning rate, read at every step;
    state: whatever it has to remember from step to step.
    """

    def __init__(self, module: Module, lr: float):
        self.module = module
        self.lr = lr
        self.state: dict = {}

    def zero_grad(self) -> None:
        """Set the gradients of the module to zero."""
        self.module.zero_grad()

    def step(self) -> None:
        """Update every parameter in place; every optimizer writes its own."""
        raise NotImplementedError


class Scheduler:
    """Moves the learning rate of an optimizer, one step() at a time.

    base_lr: the rate it started from; last_epoch: how many steps it has made.
    """

    def __init__(self, optimizer: Optimizer):
        self.optimizer = optimizer
        self.base_lr = optimizer.lr
        self.last_epoch = 0

    def step(self) -> None:
        """Count one epoch and set the optimizer's learning rate."""
        self.last_epoch += 1
        self.optimizer.lr = self.get_lr()

    def get_lr(self) -> float:
        """The learning rate of epoch last_epoch; every schedule writes its own."""
        raise NotImplementedError
