"""What a check of training does on the student's side: load, answer, practise.

These run beside the student's classes; the labels that an answer is judged by stay away from here.
"""

from typing import Any

import numpy as np

from byhand.checkpoints import load_checkpoint, read_checkpoint
from byhand.nn import Criterion, Module
from byhand.training import train_epoch

AT_ONCE = 250  # images in one forward pass: what a layer keeps of them stays small


def load(network: Any, path: str) -> str:
    """Fill the network from the checkpoint and return the name of the data it was trained on.

    Raises CheckpointError, and TypeError if there is no network.
    """
    load_checkpoint(path, _network(network))
    return read_checkpoint(path).data


def answers(network: Any, images: np.ndarray) -> np.ndarray:
    """The network's output for the images in eval mode, (n, classes).

    Raises TypeError when the network returns something other than arrays.
    """
    _network(network).eval()
    parts = [network.forward(images[i : i + AT_ONCE]) for i in range(0, len(images), AT_ONCE)]
    for part in parts:
        if not isinstance(part, np.ndarray):
            raise TypeError(f"the network's output should be an array, not {_kind(part)}")
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

    trainers: an optimizer and a scheduler (or None). Raises TypeError if they are something else.
    """
    if not isinstance(trainers, list | tuple) or len(trainers) != 2:
        raise TypeError(f"a pair (optimizer, scheduler) was expected, not {_kind(trainers)}")
    optimizer, scheduler = trainers
    starts = range(0, len(images), batch_size)
    batches = [(images[i : i + batch_size], labels[i : i + batch_size]) for i in starts]
    train_epoch(network, criterion, optimizer, batches, scheduler)


def _network(value: Any) -> Module:
    if not isinstance(value, Module):
        raise TypeError(f"a network (a Module) was expected, not {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    return "None: is a `return` missing?" if value is None else f"a {type(value).__name__}"
