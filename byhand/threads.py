"""How many threads BLAS gets during a training run: measured, not guessed."""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

WARM_UP, FEWEST, MOST = 2, 2, 5  # steps before the comparison, and with each number of threads
LONG = 0.5  # seconds after which no more than the fewest steps are compared
CLEARLY = 0.9  # of the time with fewer threads: what more of them have to bring


class Threads:
    """The first steps try 1, 2, 4, ... threads in turn; the quickest number of them stays.

    On a busy machine, or for small matrices, threads wait for each other longer than they work.
    chosen: that number, None while the steps are still being measured.
    """

    def __init__(self) -> None:
        self._pools = ThreadpoolController().select(user_api="blas").lib_controllers
        self._before = [pool.num_threads for pool in self._pools]
        most = max(self._before, default=1)
        self._numbers = sorted({2**k for k in range(most.bit_length())} | {most})
        self._seconds: list[float] = []  # of every step so far
        self.chosen: int | None = None
        if most == 1:
            self.choose(1)

    @contextmanager
    def step(self) -> Iterator[None]:
        """One step of the training, measured; the last of them decides."""
        turn = max(0, len(self._seconds) - WARM_UP)
        self._set(self._numbers[turn % len(self._numbers)])
        began = time.perf_counter()
        yield
        self._seconds.append(time.perf_counter() - began)
        rounds, left = divmod(turn + 1, len(self._numbers))
        enough = rounds >= (FEWEST if sum(self._seconds) > LONG else MOST)
        if len(self._seconds) > WARM_UP and left == 0 and enough:
            measured = self._seconds[WARM_UP:]
            each = {n: measured[i :: len(self._numbers)] for i, n in enumerate(self._numbers)}
            self.choose(quickest(each))

    def choose(self, number: int) -> None:
        """Use so many threads from now on."""
        self.chosen = number
        self._set(number)

    @property
    def now(self) -> int:
        """How many threads there are at this moment."""
        return max((pool.num_threads for pool in self._pools), default=1)

    def restore(self) -> None:
        """As many threads as there were before."""
        for pool, number in zip(self._pools, self._before, strict=True):
            pool.set_num_threads(number)

    def _set(self, number: int) -> None:
        for pool in self._pools:
            pool.set_num_threads(number)


def quickest(seconds: Mapping[int, Sequence[float]]) -> int:
    """The number of threads to take, given how long steps took with each, fewest first."""
    chosen, *others = seconds
    for number in others:
        if statistics.median(seconds[number]) < CLEARLY * statistics.median(seconds[chosen]):
            chosen = number
    return chosen
