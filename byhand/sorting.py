"""Sequences to sort: given to students in 6-attention.

A sequence holds DIGITS digits, the token SEPARATOR, and then the same digits in order. A network
reads all but the last of these tokens; at the separator and after it, it has to say which token
comes next.
"""

from collections.abc import Iterator

import numpy as np

from byhand.nn import Module

NAME = "digits to sort"  # of the data, in a checkpoint
DIGITS = 8  # of a sequence
SEPARATOR = 10  # the token behind the digits; 0 to 9 are the digits themselves
VOCABULARY = 11
LENGTH = 2 * DIGITS  # tokens that the network reads


def sequences(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random digits: tokens (count, LENGTH) to read and targets (count, DIGITS), as integers."""
    return asked(rng.integers(0, 10, (count, DIGITS)))


def asked(digits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tokens (B, LENGTH) and targets (B, DIGITS) for digits (B, DIGITS)."""
    targets = np.sort(digits, axis=1)
    separator = np.full((len(digits), 1), SEPARATOR)
    return np.concatenate([digits, separator, targets[:, :-1]], axis=1), targets


def write(network: Module, digits: np.ndarray) -> np.ndarray:
    """What a network writes behind digits (B, DIGITS), each time the digit with the largest score.

    network: tokens (B, T) -> scores (B, T, 10) for the token that comes next. The same shape.
    """
    network.eval()
    separator = np.full((len(digits), 1), SEPARATOR)
    tokens = np.concatenate([digits, separator], axis=1)
    for _ in range(DIGITS):
        best = network(tokens)[:, -1:, :10].argmax(axis=2)
        tokens = np.concatenate([tokens, best], axis=1)
    return tokens[:, -DIGITS:]


class Batches:
    """New random sequences in every epoch: `count` batches of `size`, drawn from np.random."""

    def __init__(self, count: int, size: int = 64):
        self.count, self.size = count, size

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for _ in range(self.count):
            yield asked(np.random.randint(0, 10, (self.size, DIGITS)))
