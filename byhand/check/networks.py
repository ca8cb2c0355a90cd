"""What the checks do with a student's network on the student's side: load, ask and train it, sort.

A part of fixtures.py. The right answers, and the labels that an answer is judged by, stay away.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from byhand import sorting
from byhand.checkpoints import load_checkpoint, read_checkpoint
from byhand.measures import check_finite, number
from byhand.nn import Criterion, Module
from byhand.protocol.runner import Told

AT_ONCE = 250  # images in one forward pass: what a layer keeps of them stays small
SCORES = 10  # a network that sorts gives one for each digit, at least


def load(network: Any, path: str) -> str:
    """Fill the network from the checkpoint and return the name of the data it was trained on.

    Raises CheckpointError, and Told if there is no network.
    """
    load_checkpoint(path, _network(network))
    return read_checkpoint(path).data


def answers(network: Any, images: np.ndarray) -> np.ndarray:
    """The network's output for the images in eval mode, (n, classes).

    Raises Told when the network returns something other than arrays.
    """
    _network(network).eval()
    parts = [network.forward(images[i : i + AT_ONCE]) for i in range(0, len(images), AT_ONCE)]
    for part in parts:
        if not isinstance(part, np.ndarray):
            raise Told(f"the network's output should be an array, not {kind(part)}")
    return np.concatenate(parts)


def practise(
    network: Any,
    criterion: Criterion,
    trainers: Any,
    images: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
) -> None:
    """One epoch over the images, in the order in which they come.

    trainers: an optimizer and a scheduler (or None). Raises Told if they are something else, and
    NotFiniteError.
    """
    optimizer, scheduler = _pair(trainers)
    network.train()
    for i in range(0, len(images), batch_size):
        X, y = images[i : i + batch_size], labels[i : i + batch_size]
        optimizer.zero_grad()
        prediction = network.forward(X)
        check_finite(criterion.forward(prediction, y), X, y, prediction)
        slope = criterion.backward(prediction, y)
        network.backward(X, slope)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()


def _pair(trainers: Any) -> list | tuple:
    if not isinstance(trainers, list | tuple) or len(trainers) != 2:
        raise Told(f"a pair (optimizer, scheduler) was expected, not {kind(trainers)}")
    return trainers


def _network(value: Any) -> Module:
    if not isinstance(value, Module):
        raise Told(f"a network (a Module) was expected, not {kind(value)}")
    return value


def sort(network: Any, digits: np.ndarray) -> np.ndarray:
    """What a network writes for digits (B, DIGITS), one after the other: the same shape.

    Raises Told when the network's output is something else than scores.
    """
    _network(network)
    first, separator = digits[:2], np.full((2, 1), sorting.SEPARATOR)
    tokens = np.concatenate([first, separator], axis=1)
    _scores(network.eval().forward(tokens), tokens)
    return sorting.write(network, digits)


def _scores(output: Any, tokens: np.ndarray) -> np.ndarray:
    """A network's output, if it has scores for every token. Raises Told."""
    expected = f"{len(tokens)}, {tokens.shape[1]}, {SCORES}"
    if not isinstance(output, np.ndarray) or output.dtype.kind != "f":
        raise Told(f"the network's output is {kind(output)}, expected an array ({expected})")
    if output.shape[:-1] != tokens.shape or output.shape[-1] < SCORES:
        raise Told(f"the network's output has shape {output.shape}, expected ({expected})")
    if not np.isfinite(output).all():
        raise Told("the network's output holds NaN or infinity")
    return output[..., :SCORES]


def learn_to_sort(
    network: Any, criterion: Any, trainers: Any, tokens: np.ndarray, targets: np.ndarray, size: int
) -> list[np.ndarray]:
    """Train on all sequences but the last `size`, in batches of `size`, in their order.

    trainers: an optimizer and a scheduler (or None). Returns the scores for the last sequences at
    the places that count, (size * DIGITS, C), before and after. Raises Told, and NotFiniteError.
    """
    optimizer, scheduler = _pair(trainers)
    places = np.s_[:, -sorting.DIGITS :]

    def asked() -> np.ndarray:
        network.eval()
        scores = _scores(network.forward(tokens[-size:]), tokens[-size:])[places]
        return scores.reshape(-1, SCORES).copy()

    before = asked()
    network.train()
    for i in range(0, len(tokens) - size, size):
        x, y = tokens[i : i + size], targets[i : i + size].ravel()
        optimizer.zero_grad()
        output = network.forward(x)
        prediction = output[places].reshape(len(y), -1)
        check_finite(criterion.forward(prediction, y), x, y, prediction)
        grad = np.zeros_like(output)
        grad[places] = criterion.backward(prediction, y).reshape(grad[places].shape)
        network.backward(x, grad)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return [before, asked()]


class Scores(Module):
    """Scores for tokens: y = weight · tide(tokens); in train mode they stand one digit further on.

    weight: (10,); tide: gives numbers (B, T, 10).
    """

    def __init__(self, weight: np.ndarray, tide: Callable):
        super().__init__()
        self.weight, self.tide = np.array(weight), tide
        self.grad_weight = np.zeros_like(self.weight)

    def compute_output(self, x):
        """(B, T) -> (B, T, 10)"""
        self.height = self.tide(x)
        return np.roll(self.weight * self.height, int(self.training), axis=2)

    def compute_grad_input(self, x, grad_output):
        """Tokens have none."""

    def update_grad_parameters(self, x, grad_output):
        """Add dl/dweight."""
        g = np.roll(grad_output, -int(self.training), axis=2)
        self.grad_weight += (g * self.height).sum(axis=(0, 1))


class PlainRun:
    """A training run that keeps nothing but the losses. loss: of the batch at hand."""

    def __init__(self):
        self.losses: list[float] = []

    def batches(self, loader: Iterable) -> Iterator[tuple]:
        """The batches of a loader. Raises TypeError if one goes without its loss."""
        for tokens, targets in loader:
            self.loss = None
            yield tokens, targets
            self.losses.append(number("loss", self.loss, "Does the loop set run.loss?"))


def kind(value: Any, missing: bool = True) -> str:
    """What a value is, in words. missing: whether to ask for a `return` where it is None."""
    words = ": is a `return` missing?" if missing else ""
    return f"None{words}" if value is None else f"a {type(value).__name__}"
