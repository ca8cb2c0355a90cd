"""The training loop of the course: epochs over batches, with a progress bar and a history."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from tqdm.auto import tqdm

from byhand.nn import Criterion, Module, Optimizer

Batches = Iterable[tuple[np.ndarray, np.ndarray]]

# An output beyond this belongs to a network that has run away. NaN compares as not below it.
DIVERGED = 1e6


@dataclass
class History:
    """What training measured, one entry per finished epoch.

    train_loss: mean over the training samples, each batch measured in train mode just before
    its step; test_loss: mean over the test samples in eval mode, after the epoch's last step;
    seconds: wall-clock time of the epoch, testing included.
    """

    train_loss: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


class TrainingStoppedError(ArithmeticError):
    """The loss is NaN or infinite; `history` holds the epochs that were finished before."""

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


def fit(
    network: Module,
    criterion: Criterion,
    optimizer: Optimizer,
    train_loader: Batches,
    test_loader: Batches,
    epochs: int,
) -> History:
    """Train `network` for so many epochs and return what was measured on the way.

    A loader gives batches (X, y) with the samples along the first axis, and gives them again
    each time it is iterated over. Raises TrainingStoppedError at the first loss that is not a
    finite number, and ValueError when a loader gives nothing.
    """
    history = History()
    with tqdm(range(epochs), desc="Training", unit="epoch") as bar:
        for epoch in bar:
            start = time.perf_counter()
            try:
                train_loss = train_epoch(network, criterion, optimizer, train_loader)
                test_loss = mean_loss(network, criterion, test_loader)
            except _NotFiniteError as error:
                raise TrainingStoppedError(
                    f"Training stopped in epoch {epoch + 1} of {epochs}: {error} "
                    f"(Learning rate {optimizer.lr:g}; finished epochs: sys.last_value.history)",
                    history,
                ) from None
            history.train_loss.append(train_loss)
            history.test_loss.append(test_loss)
            history.seconds.append(time.perf_counter() - start)
            # Drawn with the bar's next refresh: drawing every epoch costs more than a small one.
            losses = {"train loss": f"{train_loss:.4g}", "test loss": f"{test_loss:.4g}"}
            bar.set_postfix(losses, refresh=False)
    return history


def train_epoch(
    network: Module, criterion: Criterion, optimizer: Optimizer, loader: Batches
) -> float:
    """One step of the optimizer for every batch; returns the mean loss over the samples."""
    network.train()
    total, samples = 0.0, 0
    for X, y in loader:
        optimizer.zero_grad()
        prediction = network.forward(X)
        loss = _finite(criterion.forward(prediction, y), "train", X, y, prediction)
        network.backward(X, criterion.backward(prediction, y))
        optimizer.step()
        total += loss * len(X)
        samples += len(X)
    return _mean(total, samples, "train")


def mean_loss(network: Module, criterion: Criterion, loader: Batches) -> float:
    """The mean loss over the samples in eval mode; nothing is learned."""
    network.eval()
    total, samples = 0.0, 0
    for X, y in loader:
        prediction = network.forward(X)
        loss = _finite(criterion.forward(prediction, y), "test", X, y, prediction)
        total += loss * len(X)
        samples += len(X)
    return _mean(total, samples, "test")


class _NotFiniteError(ArithmeticError):
    """A loss that is NaN or infinite, and what most likely made it so."""


def _finite(loss: float, name: str, X: np.ndarray, y: np.ndarray, prediction: np.ndarray) -> float:
    """The loss itself, if it is a finite number."""
    if math.isfinite(loss):
        return float(loss)
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        cause = f"The {name} data holds numbers that are not finite: look for NaN in X and y."
    elif np.abs(prediction).max() < DIVERGED:
        cause = "The network's output looks healthy, so look at the loss: a log of 0, or an exp?"
    else:
        cause = (
            "The network's output has run away too: most likely the learning rate is too high, "
            "or a layer divides by 0 or overflows."
        )
    raise _NotFiniteError(f"the {name} loss is {loss}. {cause}")


def _mean(total: float, samples: int, name: str) -> float:
    if samples == 0:
        raise ValueError(
            f"the {name} loader gave no batches: is its data empty, "
            "or does it give its batches only the first time it is iterated over?"
        )
    return total / samples
