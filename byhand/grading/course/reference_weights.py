"""The weights that students hand in beside their notebook, made by the reference solutions."""

import importlib
import io
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from byhand import data, training
from byhand.grading.course.notebooks import given_beside, reference, source_notebook


@dataclass(frozen=True)
class Task:
    """build: the function that builds the network; flat: whether it takes images as rows."""

    build: str
    file: str
    flat: bool


TASKS = {
    "4-optimizers": Task("build_mlp", "mnist_mlp.npz", flat=True),
    "5-convnet": Task("build_convnet", "mnist_convnet.npz", flat=False),
}


def write_weights(
    course: Path, assignment: str, folder: Path, seed: int = 0
) -> training.History | None:
    """Train the reference of an assignment on the data at hand; put its checkpoint into `folder`.

    Returns the history, or None for an assignment without such a file: nothing is done for it.
    """
    if assignment not in TASKS:
        return None
    task, path, digits = TASKS[assignment], source_notebook(course, assignment), data.at_hand()
    solution = reference(path)
    with given_beside(path):
        given = importlib.import_module("given")

    def loader(part: str, *options: int | bool) -> object:
        images = getattr(digits, f"{part}_images")
        images = images.reshape(len(images), -1) if task.flat else images
        return given.DataLoader(images, getattr(digits, f"{part}_labels"), *options)

    np.random.seed(seed)
    network = getattr(solution, task.build)()
    train_loader, test_loader = loader("train", 64, True), loader("validation", 500)
    epochs = solution.EPOCHS
    optimizer, scheduler = solution.build_optimizer(network, epochs * len(train_loader))
    parts = network, given.CrossEntropyLoss(), optimizer, train_loader, test_loader
    # On a busy machine more threads wait for each other; the progress bar is for notebooks.
    with threadpool_limits(1), redirect_stderr(io.StringIO()):
        history = training.fit(*parts, epochs, scheduler)
    training.save_checkpoint(folder / task.file, network, history, digits.name)
    return history
