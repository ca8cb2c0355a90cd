"""Numbers that are drawn each for itself, and others that only look so."""

import numpy as np
import pytest

from byhand.check.properties.independence import PASSES, dependence

SHAPES = [(201, 50), (101, 20, 5), (64, 32)]


def found(draw, shape, p, seeds):
    """What is said of several passes that draw(rng, shape) gives, by seed."""
    generators = map(np.random.default_rng, range(seeds))
    return [dependence([draw(rng, shape) < p for _ in range(PASSES)]) for rng in generators]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("shape", SHAPES)
def test_independent_entries_pass(shape, p):
    assert set(found(np.random.Generator.random, shape, p, seeds=20)) == {""}


def halves(second):
    """The first half of the entries, flattened, then what `second` makes of it."""

    def draw(rng, shape):
        size = int(np.prod(shape))
        first = rng.random(-(-size // 2))
        return np.append(first, second(first))[:size].reshape(shape)

    return draw


def pool(share):
    """The first entries over and over."""

    def draw(rng, shape):
        return np.resize(rng.random(int(share * np.prod(shape))), shape)

    return draw


def rows_of_a_pool(rng, shape):
    return rng.random((20, *shape[1:]))[rng.integers(0, 20, shape[0])]


def columns_of_a_pool(rng, shape):
    return rng.random((shape[0], 9, *shape[2:]))[:, rng.integers(0, 9, shape[1])]


def a_fixed_count(rng, shape):
    return rng.permuted(np.linspace(0, 1, int(np.prod(shape)))).reshape(shape)


def rolled_passes(rng, shape):
    """The numbers of a fixed generator, rolled by another number of places in every pass."""
    return np.roll(np.random.default_rng(0).random(shape), rng.integers(1000), axis=None)


WRONG = {
    "the same twice": halves(lambda u: u),
    "opposites": halves(lambda u: 1 - u),
    "mirrored": halves(lambda u: u[::-1]),
    "a small pool": pool(0.1),
    "a large pool": pool(0.8),
    "rows of a pool": rows_of_a_pool,
    "columns of a pool": columns_of_a_pool,
    "a fixed count": a_fixed_count,
    "rolled": rolled_passes,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("p", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("wrong", WRONG)
def test_entries_that_depend_on_others_are_told(wrong, p, shape):
    assert all(found(WRONG[wrong], shape, p, seeds=5))
