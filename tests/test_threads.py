"""The number of BLAS threads is measured on the first steps of a run."""

from types import SimpleNamespace

import pytest

from byhand.threads import FEWEST, LONG, MOST, WARM_UP, Threads, quickest


def test_the_quickest_number_of_threads_is_taken_fewer_if_more_bring_little():
    assert quickest({1: [1.0, 1.0], 2: [0.6, 0.5], 4: [0.55, 0.55]}) == 2
    assert quickest({1: [1.0, 9.0, 1.0], 2: [6.0, 6.0, 0.1]}) == 1
    assert quickest({1: [1.0], 2: [0.95]}) == 1


class Pool:
    """A BLAS whose steps take as long as `costs` says for its number of threads."""

    def __init__(self, costs, clock):
        self.costs, self.clock, self.num_threads, self.set = costs, clock, max(costs), []

    def set_num_threads(self, number):
        self.num_threads = number
        self.set.append(number)

    def work(self):
        self.clock.now += self.costs[self.num_threads]


def measured(monkeypatch, costs):
    """Threads after their steps, and the pool that they chose for."""
    clock = SimpleNamespace(now=0.0)
    pool = Pool(costs, clock)
    found = SimpleNamespace(select=lambda user_api: SimpleNamespace(lib_controllers=[pool]))
    monkeypatch.setattr("byhand.threads.ThreadpoolController", lambda: found)
    monkeypatch.setattr("byhand.threads.time.perf_counter", lambda: clock.now)
    threads, steps = Threads(), 0
    while threads.chosen is None:
        with threads.step():
            pool.work()
        steps += 1
    return threads, pool, steps


@pytest.mark.parametrize(
    ("costs", "best"),
    [({1: 0.01, 2: 0.06}, 1), ({1: 0.02, 2: 0.011}, 2), ({1: 4e-3, 2: 3e-3, 4: 2e-3, 6: 8e-3}, 4)],
)
def test_the_first_steps_choose_the_threads(monkeypatch, costs, best):
    threads, pool, steps = measured(monkeypatch, costs)
    assert threads.chosen == pool.num_threads == best
    assert steps == WARM_UP + MOST * len(costs)
    threads.restore()
    assert pool.num_threads == max(costs)


def test_slow_steps_are_not_compared_for_long(monkeypatch):
    threads, pool, steps = measured(monkeypatch, {1: LONG / 8, 2: LONG})
    assert threads.chosen == 1
    assert steps == WARM_UP + FEWEST * 2
    assert sorted(pool.set[WARM_UP:-1]) == [1, 1, 2, 2]


def test_one_thread_needs_no_measuring(monkeypatch):
    assert measured(monkeypatch, {1: 1.0})[2] == 0
