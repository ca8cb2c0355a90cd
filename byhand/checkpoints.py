"""What a training run leaves behind: its history, and the file with the network's weights.

A checkpoint is an .npz archive without pickles: the arrays of state() in their order, the history,
the name of the data set, the version of this format, and what a run needs to go on (resume.py).
"""

import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from tokenize import TokenError

import numpy as np

from byhand.nn import Module

VERSION = 2
MARK = "byhand_checkpoint"  # the entry that holds the version; no other archive has it
LARGEST = 2**28  # bytes of a checkpoint in memory, a thousand times what the course needs
OF_A_RUN = "run_"  # begins the names of the entries that only a run reads
FIX = "Train again: run the cell that trains the network."
# What numpy.load raises for files that are no archives of arrays, or damaged ones.
UNREADABLE = (
    *(EOFError, KeyError, OSError, RuntimeError, SyntaxError, TokenError, TypeError, ValueError),
    *(MemoryError, OverflowError, struct.error, zipfile.BadZipFile, zlib.error),
)


@dataclass
class History:
    """What a training run has measured.

    An entry for every finished epoch: train_loss and train_accuracy are means over the training
    samples, each batch measured in train mode just before its step; validation_loss and
    validation_accuracy are what the loop measured after the last step of the epoch; seconds is
    wall-clock time, validation included, and threads how many of them BLAS had in the end. An entry
    for every step: loss, and lr, the learning rate.
    An accuracy is a share of right answers. What was not measured is an empty list.
    """

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    threads: list[float] = field(default_factory=list)

    @property
    def best(self) -> int:
        """The index of the best epoch, -1 before there is one.

        The highest validation accuracy decides, without one the lowest validation loss, without
        both it is the last epoch; of equals it is the first.
        """
        if self.validation_accuracy:
            return int(np.argmax(self.validation_accuracy))
        if self.validation_loss:
            return int(np.argmin(self.validation_loss))
        return len(self.seconds) - 1

    def validated(self, epoch: int) -> str:
        """What was measured on the validation data after an epoch, in a word; "" if nothing."""
        if 0 <= epoch < len(self.validation_accuracy):
            return f"{self.validation_accuracy[epoch]:.2%}"
        if 0 <= epoch < len(self.validation_loss):
            return f"{self.validation_loss[epoch]:.4g}"
        return ""


MEASURED = fields(History)


class CheckpointError(Exception):
    """A checkpoint cannot be written, read or used; one line: what is wrong, and how to fix it."""

    def __init__(self, what: str, fix: str):
        super().__init__(f"{what} {fix}")
        self.what = what

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


@dataclass(frozen=True)
class Checkpoint:
    """What stands in a file.

    arrays: as state() lists them; data: the name of the data set; of_a_run: the entries that a
    run has added.
    """

    arrays: list[np.ndarray]
    history: History
    data: str
    of_a_run: dict[str, np.ndarray] = field(default_factory=dict)


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


def save_checkpoint(
    path: Path | str,
    network: Module | Sequence[np.ndarray],
    history: History,
    data: str,
    of_a_run: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write the state of a network to `path`, all of it or nothing.

    network: a Module, or the arrays of its state(); data: the name of the data set, as Digits has
    it; of_a_run: what Checkpoint has under this name. Raises CheckpointError when the file cannot
    be written, or when the state holds NaN or infinity: what was at `path` before is still there.
    """
    path = Path(path)
    arrays = state(network) if isinstance(network, Module) else network
    for number, array in enumerate(arrays):
        if not np.isfinite(array).all():
            raise CheckpointError(
                f"{path} was not written: array {number} of the network holds NaN or infinity.",
                "Train again from the start, with a lower learning rate.",
            )
    entries = {f"array_{number}": array for number, array in enumerate(arrays)}
    entries |= {f"history_{f.name}": np.array(getattr(history, f.name), float) for f in MEASURED}
    entries |= {MARK: np.array(VERSION), "data": np.array(data)} | dict(of_a_run or {})
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".checkpoint-") as scratch:
            part = Path(scratch) / path.name
            with part.open("wb") as file:
                np.savez(file, **entries)
                file.flush()
                os.fsync(file.fileno())  # the new content is on the disk before the old one goes
            os.replace(part, path)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written: {error.strerror or error}.",
            "Make room, or write to a folder that is yours.",
        ) from error


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
            "averages).",
            fix,
        )
    for number, (array, new) in enumerate(zip(mine, stored, strict=True)):
        if array.shape != new.shape:
            raise CheckpointError(
                f"{differs} {new.shape} as array {number}, here that has shape {array.shape}.", fix
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
            f"{path} is missing:",
            "run the cell that trains the network, and hand the file in beside the notebook.",
        )
    entries = _entries(path)
    if MARK not in entries:
        raise CheckpointError(f"{path} holds arrays, but is no checkpoint of this course.", FIX)
    version = entries[MARK]
    if version.shape != () or version != VERSION:
        raise CheckpointError(
            f"{path} has version {version!s:.20} of the format, this package reads version "
            f"{VERSION}.",
            "Use the package that wrote it, or train again.",
        )
    try:
        arrays = [entries[f"array_{n}"] for n in range(sum("array_" in name for name in entries))]
        history = History(**{f.name: _numbers(entries[f"history_{f.name}"]) for f in MEASURED})
        data = str(entries["data"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is no whole checkpoint: {error}.", FIX) from error
    for number, array in enumerate(arrays):
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise CheckpointError(
                f"{path}: array {number} holds values that are no finite numbers.", FIX
            )
    of_a_run = {name: array for name, array in entries.items() if name.startswith(OF_A_RUN)}
    return Checkpoint(arrays, history, data[:200], of_a_run)


def _entries(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz archive. Raises CheckpointError."""
    try:
        with path.open("rb") as file:
            if file.read(2) != b"PK":
                raise CheckpointError(f"{path} is no .npz archive.", FIX)
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > LARGEST:
            raise CheckpointError(
                f"{path} would unpack to {size / 2**20:,.0f} MiB; at most {LARGEST // 2**20} are "
                "read.",
                FIX,
            )
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except UNREADABLE as error:
        if "allow_pickle" in str(error):
            raise CheckpointError(f"{path} holds pickles, which are never read.", FIX) from error
        raise CheckpointError(
            f"{path} is damaged or cut off ({type(error).__name__}).", FIX
        ) from error


def _numbers(array: np.ndarray) -> list[float]:
    """A series of the history; raises ValueError when it is none."""
    if array.ndim != 1 or array.dtype.kind != "f":
        raise ValueError(f"its history holds {array.dtype} of shape {array.shape}")
    return array.tolist()
