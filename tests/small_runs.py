"""Small runs over random numbers, with optimizers as students write them."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from byhand.grading.course.notebooks import reference, source_notebook
from byhand.nn import Scheduler
from byhand.training import InterruptedRunError, Run

COURSE = Path(__file__).parents[1]
LAYERS = reference(source_notebook(COURSE, "3-layers"))
FILE = Path("net.npz")
rng = np.random.default_rng(5)
X, Y = rng.normal(size=(60, 4)), rng.integers(3, size=60)


class OwnDropout(LAYERS.Dropout):
    """Dropout with a generator of its own."""

    def __init__(self, p=0.5, generator=np.random.default_rng):
        super().__init__(p)
        self.rng = generator(3)

    def compute_output(self, x):
        self.mask = (self.rng.random(x.shape) >= self.p) / (1 - self.p)
        return x * self.mask if self.training else x


class Cosine(Scheduler):
    """Down to 0 in so many steps, and up again."""

    def __init__(self, optimizer, steps):
        super().__init__(optimizer)
        self.steps = steps
        self.shape = lambda t: (1 + np.cos(np.pi * t)) / 2

    def get_lr(self):
        return self.base_lr * self.shape(self.last_epoch / self.steps)


class Moments:
    """What a student may keep for a parameter."""

    def __init__(self, like):
        self.first = np.zeros_like(like)


class ByObject(LAYERS.SGD):
    """Momentum in objects, under the ids of the parameters; and a count of NumPy's."""

    def step(self):
        self.count = getattr(self, "count", np.float32(0)) + np.float32(1)
        for p, g in zip(self.module.parameters(), self.module.parameters_grad(), strict=True):
            kept = self.state.setdefault(id(p), Moments(p))
            kept.first = 0.9 * kept.first + g
            p -= self.lr * kept.first


class Listed(LAYERS.SGD):
    """Holds on to the parameters; velocities in a list, steps in a defaultdict."""

    def __init__(self, module, lr):
        super().__init__(module, lr)
        self.held = module.parameters()
        self.velocities = [np.zeros_like(p) for p in self.held]
        self.seen = defaultdict(int)

    def step(self):
        for i, (p, v) in enumerate(zip(self.held, self.velocities, strict=True)):
            v[...] = 0.9 * v + self.module.parameters_grad()[i]
            p -= self.lr * v / (1 + self.seen[i])
            self.seen[i] += 0.01


OPTIMIZERS = {
    "Adam": lambda net: LAYERS.Adam(net, lr=0.01),
    "momentum": lambda net: LAYERS.SGD(net, lr=0.05, momentum=0.9),
    "objects": lambda net: ByObject(net, lr=0.05),
    "lists": lambda net: Listed(net, lr=0.05),
}


def parts(optimizer="Adam", size=8, generator=np.random.default_rng):
    network = LAYERS.Sequential(
        LAYERS.Linear(4, size),
        LAYERS.BatchNormalization(size),
        LAYERS.Sequential(OwnDropout(0.2, generator), LAYERS.ReLU(), LAYERS.Dropout(0.2)),
        LAYERS.Linear(size, 3),
    )
    made = OPTIMIZERS[optimizer](network)
    return network, made, Cosine(made, steps=50)


def make_a_folder():
    """What should never happen when a file is read."""
    Path("run").mkdir()


def train(stop=None, seed=0, epochs=5, made=None, watch=None, data="numbers", **options):
    """The loop of the notebooks; interrupted before step number `stop`."""
    np.random.seed(seed)
    network, optimizer, scheduler = made or parts(**options)
    criterion = LAYERS.CrossEntropyLoss()
    loader = LAYERS.DataLoader(X, Y, 10, shuffle=True)
    with Run(
        network, optimizer, scheduler, epochs=epochs, file=FILE, data=data, watch=watch
    ) as run:
        for _ in run.epochs():
            for x, y in run.batches(loader):
                if len(run.history.loss) + 1 == stop:
                    raise KeyboardInterrupt
                run.loss = LAYERS.train_step(network, criterion, optimizer, x, y)
                scheduler.step()
            run.validation_accuracy = np.mean(network.eval()(X).argmax(axis=1) == Y)
    return run


def interrupted(**options) -> str:
    with pytest.raises(InterruptedRunError) as caught:
        train(**options)
    return str(caught.value)
