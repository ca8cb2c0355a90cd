"""Layers and training beside PyTorch, as ratios of one run: `python bench/layers.py [epochs]`.

NumPy and PyTorch work in processes of their own, because the threads of one would get in the way
of the other's, and take turns, so that a busy machine slows both down alike. Both compute in
float32, with as many threads each, and do the same: the gradient for the input is included. Only
in an epoch PyTorch leaves out the gradient for the images, as it would in practice. Prints tables
in Markdown: medians of the ratios, with the range of the middle 80%; the epoch is measured
`epochs` times (3 unless said) with random images, and so is the peak memory of its process.
"""

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import sorter

COURSE = Path(__file__).parents[1]
THREADS = (1, 2)
ROUNDS, WARM_UP = 11, 3
LEAST = 0.08  # seconds of one turn: threads that have slept in the other's turn take time to wake
IMAGES = 50_000
BATCHES = (32, 64, 128, 256)
PEAK = ("peak memory",)
POOLS = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]

Layer = tuple[str, tuple]  # the name of a class here, and its arguments
LAYERS: list[tuple[Layer, tuple[int, ...]]] = [  # with the shape of their inputs
    (("Conv2d", (1, 8, 5)), (64, 1, 28, 28)),
    (("Conv2d", (8, 16, 3)), (64, 8, 12, 12)),
    (("Conv2d", (8, 8, 3)), (64, 8, 24, 24)),
    (("MaxPool2d", (2,)), (64, 8, 24, 24)),
    (("BatchNorm2d", (8,)), (64, 8, 24, 24)),
    (("Linear", (400, 128)), (64, 400)),
    (("BatchNormalization", (128,)), (64, 128)),
    (("Dropout", (0.3,)), (64, 128)),
    (("ReLU", ()), (64, 8, 12, 12)),
    (("LeakyReLU", ()), (64, 8, 12, 12)),
    (("Sigmoid", ()), (64, 128)),
    (("Tanh", ()), (64, 128)),
    (("Softmax", ()), (64, 10)),
    (("LogSoftmax", ()), (64, 10)),
    (("Embedding", (11, 32)), (64, 16)),
    (("LayerNorm", (32,)), (64, 16, 32)),
    (("GELU", ()), (64, 16, 128)),
    (("Linear", (32, 128)), (64, 16, 32)),
    (("MultiHeadAttention", (32, 4, True)), (64, 16, 32)),
    (("TransformerBlock", (32, 4, 128, True)), (64, 16, 32)),
]
NETWORK: list[Layer] = [
    ("Conv2d", (1, 8, 5)),
    ("MaxPool2d", (2,)),
    ("ReLU", ()),
    ("Conv2d", (8, 16, 3)),
    ("MaxPool2d", (2,)),
    ("ReLU", ()),
    ("Flatten", ()),
    ("Linear", (400, 128)),
    ("BatchNormalization", (128,)),
    ("ReLU", ()),
    ("Dropout", (0.3,)),
    ("Linear", (128, 10)),
]
IN_PYTORCH = {"BatchNormalization": "BatchNorm1d"}  # where the names differ


def images(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random images and labels; what they show makes no difference to the time."""
    rng = np.random.default_rng(0)
    return rng.random((count, 1, 28, 28), dtype=np.float32), rng.integers(0, 10, count)


class InNumPy:
    """The course's side: the reference solutions."""

    def __init__(self, threads: int):
        from byhand.grading.course.notebooks import reference, source_notebook
        from byhand.training import to_float32

        self.single, self.classes = to_float32, {}
        for assignment in ("3-layers", "4-optimizers", "5-convnet", "6-attention"):
            self.classes |= vars(reference(source_notebook(COURSE, assignment)))

    def layer(self, layer: Layer, shape: tuple[int, ...], backward: bool) -> Callable:
        name, arguments = layer
        module = self.single(self.classes[name](*arguments))
        x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        x = x.astype(int) % 11 if name == "Embedding" else x
        g = np.ones_like(module(x))
        return lambda: (module(x), backward and module.backward(x, g))

    def training(self) -> Callable:
        modules = [self.classes[name](*arguments) for name, arguments in NETWORK]
        network = self.single(self.classes["Sequential"](*modules))
        criterion, optimizer = self.classes["CrossEntropyLoss"](), self.classes["Adam"](network)

        def step(x: np.ndarray, y: np.ndarray) -> None:
            optimizer.zero_grad()
            prediction = network(x)
            criterion(prediction, y)
            network.backward(x, criterion.backward(prediction, y))
            optimizer.step()

        return step

    def step(self, batch: int) -> Callable:
        return partial(self.training(), *images(batch))

    def sorter(self) -> Callable:
        return sorter.in_numpy(self.classes)

    def epoch(self) -> Callable:
        step = self.training()
        loader = self.classes["DataLoader"](*images(IMAGES), batch_size=64, shuffle=True)
        return lambda: [step(x, y) for x, y in loader]


class InPyTorch:
    """PyTorch's side."""

    def __init__(self, threads: int):
        import torch

        torch.set_num_threads(threads)
        self.torch = torch

    def module(self, layer: Layer) -> Callable:
        name, arguments = layer
        if name in sorter.PARTS:
            return sorter.part(name, *arguments)
        kind = getattr(self.torch.nn, IN_PYTORCH.get(name, name))
        return kind(*arguments, **({"dim": -1} if "Softmax" in name else {}))

    def layer(self, layer: Layer, shape: tuple[int, ...], backward: bool) -> Callable:
        module = self.module(layer)
        tokens = layer[0] == "Embedding"
        x = self.torch.randint(11, shape) if tokens else self.torch.randn(shape, requires_grad=True)
        g = self.torch.ones_like(module(x))

        def both() -> None:
            x.grad = None
            module(x).backward(g)

        return both if backward else partial(module, x)

    def training(self, gradient_for_images: bool) -> Callable:
        network = self.torch.nn.Sequential(*map(self.module, NETWORK))
        criterion = self.torch.nn.CrossEntropyLoss()
        optimizer = self.torch.optim.Adam(network.parameters())

        def step(x: np.ndarray, y: np.ndarray) -> None:
            optimizer.zero_grad()
            x = self.torch.from_numpy(x).requires_grad_(gradient_for_images)
            criterion(network(x), self.torch.from_numpy(y)).backward()
            optimizer.step()

        return step

    def step(self, batch: int) -> Callable:
        return partial(self.training(True), *images(batch))

    def sorter(self) -> Callable:
        return sorter.in_pytorch()

    def epoch(self) -> Callable:
        step, (x, y) = self.training(False), images(IMAGES)

        def run() -> None:
            order = np.random.permutation(IMAGES)
            for start in range(0, IMAGES, 64):
                batch = order[start : start + 64]
                step(x[batch], y[batch])

        return run


def serve(kind: type, threads: int, orders: Connection) -> None:
    """A process at work: for every order, do the piece of work and send the seconds it took."""
    side = kind(threads)

    @cache
    def prepared(name: str, *arguments: object) -> tuple[Callable, int]:
        work = getattr(side, name)(*arguments)
        if name == "epoch":
            return work, 1
        seconds = min(timed(work, 1) for _ in range(WARM_UP))
        return work, max(1, round(LEAST / seconds))

    while order := orders.recv():
        if order == PEAK:
            orders.send(peak())
            continue
        work, times = prepared(*order)
        if times > 1:
            work()
        orders.send(timed(work, times))


def timed(work: Callable, times: int) -> float:
    """Seconds that the work takes, the mean of so many times."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times


def peak() -> float:
    """The most memory that this process has had, in MiB."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


@contextmanager
def both_sides(threads: int) -> Iterator[list[Connection]]:
    """The two processes, NumPy's first."""
    os.environ |= dict.fromkeys(POOLS, str(threads))
    spawn, connections, processes = get_context("spawn"), [], []
    for kind in (InNumPy, InPyTorch):
        mine, theirs = spawn.Pipe()
        processes.append(spawn.Process(target=serve, args=(kind, threads, theirs), daemon=True))
        processes[-1].start()
        connections.append(mine)
    yield connections
    for connection, process in zip(connections, processes, strict=True):
        connection.send(None)
        process.join()


def ask(side: Connection, order: tuple) -> float:
    side.send(order)
    return side.recv()


def compared(sides: list[Connection], order: tuple, rounds: int) -> str:
    """The columns of one piece of work: NumPy's time, and the ratio with its spread."""
    pairs = []
    for number in range(rounds):
        turn = sides if number % 2 else sides[::-1]
        seconds = [ask(side, order) for side in turn]
        pairs.append(seconds if number % 2 else seconds[::-1])
    ratios = [mine / theirs for mine, theirs in pairs]
    low, middle, high = np.quantile(ratios, (0.1, 0.5, 0.9))
    taken = duration(np.median([mine for mine, _ in pairs]))
    return f"{taken} | {middle:.2f} ({low:.2f} to {high:.2f})"


def duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1e3 * seconds:.2f} ms"


def main(epochs: int) -> None:
    orders: dict[str, tuple] = {f"training step, batch {n}": ("step", n) for n in BATCHES}
    orders["training step of the sorter, batch 64"] = ("sorter",)
    for (name, arguments), shape in LAYERS:
        title = f"{name}({', '.join(map(str, arguments))}) on {shape}"
        for words, backward in ((", forward", False), (", forward and backward", True)):
            orders[title + words] = ("layer", (name, arguments), shape, backward)
    rows = {title: [] for title in ["epoch of 50,000 images, batch 64", *orders]}
    memory = []
    for threads in THREADS:
        with both_sides(threads) as sides:
            first, *others = rows
            rows[first].append(compared(sides, ("epoch",), epochs))
            memory.append([ask(side, PEAK) for side in sides])
            for title in others:
                rows[title].append(compared(sides, orders[title], ROUNDS))
    print(
        "| work | "
        + " | ".join(f"NumPy, {n} thread{'s' * (n > 1)} | / PyTorch" for n in THREADS)
        + " |"
    )
    print("|---|" + "--:|--:|" * len(THREADS))
    for title, columns in rows.items():
        print(f"| {title} | {' | '.join(columns)} |")
    print("\nPeak memory of the process after the epochs, NumPy and PyTorch:")
    for threads, (mine, theirs) in zip(THREADS, memory, strict=True):
        print(f"- {threads} thread{'s' * (threads > 1)}: {mine:.0f} MiB and {theirs:.0f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
