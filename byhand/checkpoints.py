"""What a training run leaves behind: its history, and the file with the network's weights.

A checkpoint is an .npz archive without pickles: the arrays of state() in their order, the history,
the name of the data set, and the version of this format.
"""

import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from tokenize import TokenError

import numpy as np

from byhand.nn import Module

VERSION = 1
MARK = "byhand_checkpoint"  # the entry that holds the version; no other archive has it
LARGEST = 2**28  # bytes of a checkpoint in memory, a thousand times what the course needs
FIX = "Train again and save with training.save_checkpoint."
# What numpy.load raises for files that are no archives of arrays, or damaged ones.
UNREADABLE = (
    *(EOFError, KeyError, OSError, RuntimeError, SyntaxError, TokenError, TypeError, ValueError),
    *(MemoryError, OverflowError, struct.error, zipfile.BadZipFile, zlib.error),
)


@dataclass
class History:
    """What training measured: one entry per finished epoch, of lr one per step.

    train_loss: mean over the training samples, each batch measured in train mode just before
    its step; test_loss: mean over the test samples in eval mode, after the epoch's last step;
    train_accuracy, test_accuracy: the share of right answers, measured along with the losses
    where the targets are class numbers; lr: the learning rate of every step;
    seconds: wall-clock time of the epoch, testing included.
    """

    train_loss: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)


MEASURED = fields(History)


class CheckpointError(Exception):
    """A checkpoint cannot be written, read or used; the message is one line and says why."""


@dataclass(frozen=True)
class Checkpoint:
    """What stands in a file: arrays as state() lists them; data: the name of the data set."""

    arrays: list[np.ndarray]
    history: History
    data: str


def modules(network: Module) -> Iterator[Module]:
    """The network itself and every module in it, at whatever depth, in order of definition."""
    yield network
    for value in vars(network).values():
        for part in value if isinstance(value, list | tuple) else [value]:
            if isinstance(part, Module):
                yield from modules(part)


def state(network: Module) -> list[np.ndarray]:
    """What a network has learned: its parameters, then the running averages of its layers.

    A running average is an array attribute whose name begins with `running_`. The arrays
    themselves, not copies.
    """
    averages = [
        value
        for module in modules(network)
        for name, value in vars(module).items()
        if name.startswith("running_") and isinstance(value, np.ndarray)
    ]
    return [*network.parameters(), *averages]


def to_float32(network: Module) -> Module:
    """Make every parameter, gradient and running average float32, and return the network.

    Half the memory and about half the time, with digits enough for training. For a new network:
    an optimizer made before holds on to the old arrays.
    """
    for module in modules(network):
        for name, value in vars(module).items():
            if isinstance(value, np.ndarray) and value.dtype == np.float64:
                setattr(module, name, value.astype(np.float32))
    return network


def save_checkpoint(path: Path | str, network: Module, history: History, data: str) -> None:
    """Write the network's state to `path`, all of it or nothing.

    data: the name of the data set, as Digits has it. Raises CheckpointError when the file cannot
    be written, or when the state holds NaN or infinity.
    """
    path = Path(path)
    arrays = state(network)
    for number, array in enumerate(arrays):
        if not np.isfinite(array).all():
            raise CheckpointError(
                f"{path} was not written: array {number} of the network holds NaN or infinity. "
                "Train again from the start, with a lower learning rate."
            )
    entries = {f"array_{number}": array for number, array in enumerate(arrays)}
    entries |= {f"history_{f.name}": np.array(getattr(history, f.name), float) for f in MEASURED}
    entries |= {MARK: np.array(VERSION), "data": np.array(data)}
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".checkpoint-") as scratch:
            part = Path(scratch) / path.name
            with part.open("wb") as file:
                np.savez(file, **entries)
            os.replace(part, path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror or error}.") from error


def load_checkpoint(path: Path | str, network: Module) -> History:
    """Put the state in the file into a network built like the one that was saved.

    Raises CheckpointError when the file is missing, damaged, no checkpoint, of another version or
    of another network. The network changes only when all is well.
    """
    checkpoint = read_checkpoint(path)
    mine, stored = state(network), checkpoint.arrays
    differs = f"{path} is of another network: it holds"
    fix = "Build the network as it was when the file was saved, or train again."
    if len(mine) != len(stored):
        raise CheckpointError(
            f"{differs} {len(stored)} arrays, this one has {len(mine)} (parameters and running "
            f"averages). {fix}"
        )
    for number, (array, new) in enumerate(zip(mine, stored, strict=True)):
        if array.shape != new.shape:
            raise CheckpointError(
                f"{differs} {new.shape} as array {number}, here that has shape {array.shape}. {fix}"
            )
    for array, new in zip(mine, stored, strict=True):
        array[...] = new
    return checkpoint.history


def read_checkpoint(path: Path | str) -> Checkpoint:
    """What stands in a checkpoint. Nothing in it is executed, and it cannot fill the memory.

    Raises CheckpointError, in one line that names the file and says how to fix it.
    """
    path = Path(path)
    if not path.exists():
        raise CheckpointError(
            f"{path} is missing: run the cell that trains the network, and hand the file in "
            "beside the notebook."
        )
    entries = _entries(path)
    if MARK not in entries:
        raise CheckpointError(f"{path} holds arrays, but is no checkpoint of this course. {FIX}")
    version = entries[MARK]
    if version.shape != () or version != VERSION:
        raise CheckpointError(
            f"{path} has version {version!s:.20} of the format, this package reads version "
            f"{VERSION}. Use the package that wrote it, or train again."
        )
    try:
        arrays = [entries[f"array_{n}"] for n in range(sum("array_" in name for name in entries))]
        history = History(**{f.name: _numbers(entries[f"history_{f.name}"]) for f in MEASURED})
        data = str(entries["data"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is no whole checkpoint: {error}. {FIX}") from error
    for number, array in enumerate(arrays):
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise CheckpointError(
                f"{path}: array {number} holds values that are no finite numbers. {FIX}"
            )
    return Checkpoint(arrays, history, data[:200])


def _entries(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz archive. Raises CheckpointError."""
    try:
        with path.open("rb") as file:
            if file.read(2) != b"PK":
                raise CheckpointError(f"{path} is no .npz archive. {FIX}")
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > LARGEST:
            raise CheckpointError(
                f"{path} would unpack to {size / 2**20:,.0f} MiB; at most {LARGEST // 2**20} are "
                f"read. {FIX}"
            )
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except UNREADABLE as error:
        if "allow_pickle" in str(error):
            raise CheckpointError(f"{path} holds pickles, which are never read. {FIX}") from error
        raise CheckpointError(
            f"{path} is damaged or cut off ({type(error).__name__}). {FIX}"
        ) from error


def _numbers(array: np.ndarray) -> list[float]:
    """A series of the history; raises ValueError when it is none."""
    if array.ndim != 1 or array.dtype.kind != "f":
        raise ValueError(f"its history holds {array.dtype} of shape {array.shape}")
    return array.tolist()
