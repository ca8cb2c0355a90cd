"""A training run that can be watched, interrupted and taken up again.

The loop is the student's; a Run keeps what is no lesson: the bar, the history, the checkpoint.
"""

import math
import operator
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from byhand.checkpoints import (  # noqa: F401 - some are for the notebooks only
    CheckpointError,
    History,
    load_checkpoint,
    read_checkpoint,
    save_checkpoint,
    state,
    to_float32,
)
from byhand.measures import NotFiniteError, check_finite, number, right_answers
from byhand.nn import Module, Optimizer, Scheduler
from byhand.resume import ResumeError, difference, kept, put_back, settings_in, settings_of
from byhand.threads import Threads

Batches = Iterable[tuple[np.ndarray, np.ndarray]]

BAR = "{desc} {percentage:3.0f}%|{bar}| {remaining} left{postfix}"
# Seconds of work between two changes of the bar and of the picture, at least: on a busy machine
# they come as seldom as the work does.
PAUSE = 0.5


class InterruptedRunError(KeyboardInterrupt):
    """A run was interrupted: one calm line in a notebook, and the cells that wait do not start."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Run:
    """A training run that can be watched, interrupted and taken up again.

    with training.Run(network, optimizer, scheduler, epochs=8, file="net.npz") as run:
        for epoch in run.epochs():
            for X, y in run.batches(loader):
                run.loss = train_step(network, criterion, optimizer, scheduler, X, y)
            run.validation_accuracy = np.mean(predict(network, images) == labels)

    file: where every epoch leaves a checkpoint, with the network of the best one. A run that was
    interrupted goes on where it stopped; of one that was finished the best network is loaded, and
    the loop has nothing to do. data: the name of the data set; watch: called with the run now and
    then, and in the end, to show how it is going.
    history: what was measured so far; planned: the number of epochs; steps: how many an epoch has,
    0 before that is known; over: whether the run has ended.
    """

    def __init__(
        self,
        network: Module,
        optimizer: Optimizer,
        scheduler: Scheduler | None = None,
        *,
        epochs: int,
        file: Path | str | None = None,
        data: str = "",
        watch: Callable[["Run"], None] | None = None,
    ):
        self.network, self.optimizer, self.scheduler = network, optimizer, scheduler
        self.planned, self.data, self.watch = epochs, data, watch
        self.file = None if file is None else Path(file)
        self.history, self.steps, self.over = History(), 0, False
        self._parts = network, optimizer, scheduler
        self._settings = settings_of(self._parts, epochs=epochs, data=data)
        self._best: list[np.ndarray] = []  # state() after the best epoch
        self._safe = 0  # epochs that are in the file
        self._found = ""  # what to say of a file that leaves nothing to do
        self._bar = None
        self._threads, self._next = Threads(), 0.0
        self._new_epoch()

    def __enter__(self) -> Self:
        if self.file is not None:
            self._take_up(self.file)
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.restore()
        if self._bar is not None:
            self._bar.close()
        self.over = True
        if self.watch is not None and self.history.loss:
            self.watch(self)
        if kind is KeyboardInterrupt:
            raise InterruptedRunError(self._interrupted()) from None
        if kind is None:
            print(self._found or self._finished())

    def epochs(self) -> Iterator[int]:
        """The numbers of the epochs that are left, from 0; each ends with a checkpoint."""
        while not self._found and len(self.history.seconds) < self.planned:
            began = time.perf_counter()
            self._new_epoch()
            yield len(self.history.seconds)
            self._finish_epoch(began)

    def batches(self, loader: Batches) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The batches of a loader, once; after the step on each the loop sets `loss`."""
        if self._bar is None:
            from tqdm.auto import tqdm  # every kernel loads this module, few of them train

            self.steps = operator.length_hint(loader)
            total, done = self.planned * self.steps or None, len(self.history.loss)
            look = dict(desc=self._at(), bar_format=BAR, mininterval=0, leave=False)
            self._bar = tqdm(total=total, initial=done, **look)
        for X, y in loader:
            rate = float(self.optimizer.lr)
            self._batch, self._loss = (X, y), None
            if self._threads.chosen is None:
                with self._threads.step():
                    yield X, y
            else:
                yield X, y
            if self._loss is None:
                raise ValueError("a run has to know the loss of every step: run.loss = ...")
            self._note(rate)

    @property
    def loss(self) -> float | None:
        """The loss of the batch at hand, measured before its step; has to be finite."""
        return self._loss

    @loss.setter
    def loss(self, value: float) -> None:
        self._loss = number("loss", value, "Does your step end with `return loss`?")
        try:
            check_finite(self._loss, *self._batch, self.network.output)
        except NotFiniteError as error:
            raise self._stopped(str(error)) from None

    @property
    def validation_loss(self) -> float | None:
        """The loss on the validation data after this epoch."""
        return self._validation.get("validation_loss")

    @validation_loss.setter
    def validation_loss(self, value: float) -> None:
        loss = number("validation_loss", value, "A loss was expected.")
        if not math.isfinite(loss):
            raise self._stopped(f"the validation loss is {loss}. Look for NaN in its data.")
        self._validation["validation_loss"] = loss

    @property
    def validation_accuracy(self) -> float | None:
        """The share of right answers on the validation data after this epoch, from 0 to 1."""
        return self._validation.get("validation_accuracy")

    @validation_accuracy.setter
    def validation_accuracy(self, value: float) -> None:
        expected = "The share of right answers was expected, from 0 to 1."
        share = number("validation_accuracy", value, expected)
        if not 0 <= share <= 1:
            raise ValueError(f"run.validation_accuracy is {share:g}. {expected}")
        self._validation["validation_accuracy"] = share

    @property
    def train_accuracy(self) -> float:
        """The share of right answers in this epoch so far, NaN if the targets are no classes."""
        return self._right / max(1, self._samples)

    def _new_epoch(self) -> None:
        self._samples, self._sum, self._right = 0, 0.0, 0
        self._validation: dict[str, float] = {}

    def _note(self, rate: float) -> None:
        X, y = self._batch
        self.history.loss.append(self._loss)
        self.history.lr.append(rate)
        self._samples += len(X)
        self._sum += self._loss * len(X)
        self._right += right_answers(self.network.output, y)
        if time.thread_time() >= self._next:
            self._show()

    def _finish_epoch(self, began: float) -> None:
        if self._samples == 0:
            raise ValueError(
                "the training loader gave no batches: is its data empty, "
                "or does it give its batches only the first time it is iterated over?"
            )
        history = self.history
        history.train_loss.append(self._sum / self._samples)
        if math.isfinite(self._right):
            history.train_accuracy.append(self.train_accuracy)
        for name, value in self._validation.items():
            getattr(history, name).append(value)
        history.seconds.append(time.perf_counter() - began)
        history.threads.append(float(self._threads.now))
        if history.best == len(history.seconds) - 1:
            self._best = [array.copy() for array in state(self.network)]
        if self.file is not None:
            self._keep(self.file)
        if time.thread_time() >= self._next or len(history.seconds) == self.planned:
            self._show()

    def _show(self) -> None:
        """Move the bar and the picture."""
        history = self.history
        done, epochs = len(history.loss), len(history.seconds)
        self._bar.set_description_str(self._at(), False)
        validation = f", validation {text}" if (text := history.validated(epochs - 1)) else ""
        self._bar.set_postfix_str(f"loss {history.loss[-1]:.4g}{validation}", False)
        self._bar.update(done - self._bar.n)
        if self.watch is not None:
            self.watch(self)
        self._next = time.thread_time() + PAUSE

    def _at(self) -> str:
        return f"epoch {min(len(self.history.seconds) + 1, self.planned)}/{self.planned}"

    def _take_up(self, file: Path) -> None:
        """Load what is finished, go on with what is not, put aside what is something else."""
        graded = os.environ.get("NBGRADER_EXECUTION") == "autograde"
        if not file.exists() and not graded:
            return
        try:
            found = read_checkpoint(file)
            was = settings_in(found.of_a_run)
            other, done = difference(was, self._settings), len(found.history.seconds)
            if graded or done >= int(was.get("epochs", 0)):
                self.history = load_checkpoint(file, self.network)
                self._found = f"{file} holds {done} epochs{self._best_epoch()}: nothing is trained."
                if not graded:
                    changed = f" It had other settings: {other}." if was and other else ""
                    self._found += f"{changed} Delete or rename the file to train anew."
            elif other:
                raise CheckpointError(f"{file} is of another run: {other}.", "")
            else:
                more = put_back(found.of_a_run, self._parts)
                self.history, self._best, self._safe = found.history, found.arrays, done
                if more["threads"] is not None:
                    self._threads.choose(more["threads"])
                print(f"{file} holds {done} of {self.planned} epochs: the run goes on from there.")
        except (CheckpointError, ResumeError) as error:
            if graded:
                self._found = f"{error} Nothing is trained while a notebook is graded."
            else:
                self._put_aside(file, error)

    def _put_aside(self, file: Path, error: CheckpointError | ResumeError) -> None:
        names = (file.with_stem(f"{file.stem}-{n}") for n in range(1, 1000))
        free = next(name for name in names if not name.exists())
        try:
            file.rename(free)
        except OSError as problem:
            why = f"{error} {file} cannot be renamed: {problem.strerror}."
            raise CheckpointError(why, "Move it away to train anew.") from None
        what = getattr(error, "what", f"{file} cannot be taken up again: {error}.")
        print(f"{what} It is called {free} now, and the training starts anew.")

    def _keep(self, file: Path) -> None:
        """Write the checkpoint. Where that fails, the training goes on."""
        entries = kept(self._parts, self._settings, threads=self._threads.chosen)
        try:
            save_checkpoint(file, self._best, self.history, self.data, entries)
            self._safe = len(self.history.seconds)
        except CheckpointError as error:
            self._bar.write(f"{error} The training goes on.")

    def _finished(self) -> str:
        done = len(self.history.seconds)
        where = f" {self.file} holds the best." if self.file and self._safe == done else ""
        return f"{done} epochs in {sum(self.history.seconds):.0f} s{self._best_epoch()}.{where}"

    def _interrupted(self) -> str:
        text = f"Interrupted in epoch {min(len(self.history.seconds) + 1, self.planned)}."
        if self._safe:
            epochs = "epoch 1" if self._safe == 1 else f"epochs 1 to {self._safe}"
            return f"{text} {self.file} holds {epochs}: run the cell again to go on from there."
        return f"{text} Nothing of it is kept: run the cell again to begin anew."

    def _best_epoch(self) -> str:
        best = self.history.best
        text = self.history.validated(best)
        return f", the best epoch {best + 1} with {text} on the validation data" if text else ""

    def _stopped(self, why: str) -> NotFiniteError:
        epoch = len(self.history.seconds) + 1
        safe = f"; {self.file} holds the epochs before" if self._safe else ""
        rate = f"(Learning rate {self.optimizer.lr:g}{safe}.)"
        return NotFiniteError(f"Training stopped in epoch {epoch} of {self.planned}: {why} {rate}")
