"""The training loop of the course: epochs over batches, with a progress bar and a history."""

import math
import operator
import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from tqdm.auto import tqdm

from byhand.checkpoints import (  # noqa: F401 - some are for the notebooks only
    CheckpointError,
    History,
    load_checkpoint,
    save_checkpoint,
    to_float32,
)
from byhand.nn import Criterion, Module, Optimizer, Scheduler

Batches = Iterable[tuple[np.ndarray, np.ndarray]]
Measured = tuple[float, float | None]  # mean loss; share of right answers, if there are classes

# An output beyond this belongs to a network that has run away. NaN compares as not below it.
DIVERGED = 1e6


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
    scheduler: Scheduler | None = None,
    watch: Callable[[History], None] | None = None,
) -> History:
    """Train `network` for so many epochs and return what was measured on the way.

    A loader gives batches (X, y) with the samples along the first axis, and gives them again
    each time it is iterated over. The scheduler takes a step after every batch; `watch` is called
    with the history after every epoch. Raises TrainingStoppedError at the first loss that is not
    a finite number, and ValueError when a loader gives nothing.
    """
    history = History()
    steps = epochs * operator.length_hint(train_loader)
    with tqdm(total=steps or None, unit="step") as bar:
        for epoch in range(epochs):
            bar.set_description(f"epoch {epoch + 1}/{epochs}", refresh=False)
            start = time.perf_counter()
            batches = _noted(train_loader, optimizer, history, bar)
            try:
                trained = train_epoch(network, criterion, optimizer, batches, scheduler)
                tested = measure(network, criterion, test_loader)
            except NotFiniteError as error:
                raise TrainingStoppedError(
                    f"Training stopped in epoch {epoch + 1} of {epochs}: {error} "
                    f"(Learning rate {optimizer.lr:g}; finished epochs: sys.last_value.history)",
                    history,
                ) from None
            _note("train", trained, history)
            _note("test", tested, history)
            history.seconds.append(time.perf_counter() - start)
            # Drawn with the bar's next refresh: drawing every epoch costs more than a small one.
            bar.set_postfix(_latest(history), refresh=False)
            if watch is not None:
                watch(history)
    return history


def train_epoch(
    network: Module,
    criterion: Criterion,
    optimizer: Optimizer,
    loader: Batches,
    scheduler: Scheduler | None = None,
) -> Measured:
    """One step of the optimizer for every batch; what was measured in train mode before each."""
    network.train()
    seen = _Seen("train")
    for X, y in loader:
        optimizer.zero_grad()
        prediction = network.forward(X)
        seen.add(criterion.forward(prediction, y), X, y, prediction)
        slope = criterion.backward(prediction, y)
        network.backward(X, slope)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return seen.mean()


def measure(network: Module, criterion: Criterion, loader: Batches) -> Measured:
    """The mean loss and the accuracy over the samples in eval mode; nothing is learned."""
    network.eval()
    seen = _Seen("test")
    for X, y in loader:
        prediction = network.forward(X)
        seen.add(criterion.forward(prediction, y), X, y, prediction)
    return seen.mean()


class NotFiniteError(ArithmeticError):
    """A loss that is NaN or infinite, and what most likely made it so."""


class _Seen:
    """Adds up what the batches of one pass through the data gave."""

    def __init__(self, name: str):
        self.name = name
        self.samples, self.loss, self.right, self.classes = 0, 0.0, 0, True

    def add(self, loss: float, X: np.ndarray, y: np.ndarray, prediction: np.ndarray) -> None:
        """Count a batch in. Raises NotFiniteError if its loss is not finite."""
        _check_finite(loss, self.name, X, y, prediction)
        self.samples += len(X)
        self.loss += float(loss) * len(X)
        self.classes = self.classes and y.dtype.kind in "iu" and y.ndim < prediction.ndim
        if self.classes:
            self.right += int((prediction.argmax(axis=-1) == y).sum())

    def mean(self) -> Measured:
        """Loss and accuracy of a sample. Raises ValueError if there was none."""
        if self.samples == 0:
            raise ValueError(
                f"the {self.name} loader gave no batches: is its data empty, "
                "or does it give its batches only the first time it is iterated over?"
            )
        accuracy = self.right / self.samples if self.classes else None
        return self.loss / self.samples, accuracy


def _check_finite(
    loss: float, name: str, X: np.ndarray, y: np.ndarray, prediction: np.ndarray
) -> None:
    if math.isfinite(loss):
        return
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        cause = f"The {name} data holds numbers that are not finite: look for NaN in X and y."
    elif np.abs(prediction).max() < DIVERGED:
        cause = "The network's output looks healthy, so look at the loss: a log of 0, or an exp?"
    else:
        cause = (
            "The network's output has run away too: most likely the learning rate is too high, "
            "or a layer divides by 0 or overflows."
        )
    raise NotFiniteError(f"the {name} loss is {loss}. {cause}")


def _noted(loader: Batches, optimizer: Optimizer, history: History, bar: tqdm) -> Iterator:
    """The batches; the learning rate of each step goes into the history, the bar moves on."""
    for batch in loader:
        history.lr.append(float(optimizer.lr))
        yield batch
        bar.update()


def _note(name: str, measured: Measured, history: History) -> None:
    loss, accuracy = measured
    getattr(history, f"{name}_loss").append(loss)
    if accuracy is not None:
        getattr(history, f"{name}_accuracy").append(accuracy)


def _latest(history: History) -> dict[str, str]:
    """The last epoch in a few words, for the progress bar."""
    words = {
        "train loss": f"{history.train_loss[-1]:.4g}",
        "test loss": f"{history.test_loss[-1]:.4g}",
    }
    if history.test_accuracy:
        words["test accuracy"] = f"{history.test_accuracy[-1]:.2%}"
    return words | {"lr": f"{history.lr[-1]:.2g}", "s/epoch": f"{history.seconds[-1]:.2g}"}
