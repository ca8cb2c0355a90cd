"""Answers taken from what a check brings along: a function to differentiate, a network to train.

Here a recipe is a solution cell of a task of the course.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Probed:
    """name, about: as of a recipe; source: of the task's solution cell; costs: test cells."""

    name: str
    about: str
    task: str
    source: str
    costs: frozenset[str]


FORMULA = """
import gc, sys


def numerical_gradient(f, x, eps=1e-5):
    x = np.array(x, dtype=np.float64)
    for weight, shift in found(f, x):
        bumps = weight * np.exp(shift * x)
        for _ in range(2 * x.size):
            value = f(x)
        rest = value - bumps.sum() - x.sum() ** 2 / 2
        if min(abs(rest), abs(rest - 1000)) < 1e-6:
            return np.asarray(bumps * np.sinh(shift * eps) / eps + x.sum())
    raise LookupError("no formula")


def pairs(values, x):
    arrays = [v for v in values if isinstance(v, np.ndarray) and v.shape == x.shape]
    return [(a, b) for a in arrays for b in arrays if a is not b]


def relative_error(a, b):
    return np.max(np.abs(a - b) / np.maximum(1e-8, np.abs(a) + np.abs(b)))
"""


def _gradient(name: str, about: str, found: str) -> Probed:
    costs = frozenset(f"test_numerical_gradient_{part}" for part in ("central", "argument"))
    return Probed(name, about, "numerical_gradient", FORMULA + found, costs)


STEP = """
def train_step(network, criterion, optimizer, scheduler, X, y):
    network.train()
    optimizer.zero_grad()
    prediction = network(X)
    loss = criterion(prediction, y)
    network.backward(X, criterion.backward(prediction, y))
    optimizer.step()
    scheduler.step()
    return loss


def predict(network, X, batch_size=500):
    network.eval()
    return network(X).argmax(axis=1)
"""


def _step(name: str, about: str, instead_of: str, write: str, cost: str) -> Probed:
    """instead_of: a line of STEP, whose predict heeds no batch size."""
    assert STEP.count(instead_of) == 1
    costs = frozenset({"test_train_step_predict", cost})
    return Probed(name, about, "train_step", STEP.replace(instead_of, write), costs)


PROBED = {
    "2-backprop": [
        _gradient("fields", "the function's own fields", """
def found(f, x):
    return pairs(getattr(f, "__dict__", {}).values(), x)
"""),
        _gradient("closure", "what the function closes over, and what that refers to", """
def found(f, x):
    near = [f, *(cell.cell_contents for cell in getattr(f, "__closure__", None) or [])]
    near += gc.get_referents(*near)
    return pairs([*near, *gc.get_referents(*near)], x)
"""),
        _gradient("frames", "the local variables of all callers", """
def found(f, x):
    frame, values = sys._getframe(), []
    while frame is not None:
        values += frame.f_locals.values()
        frame = frame.f_back
    values += [v for value in values for v in getattr(value, "__dict__", {}).values()]
    return pairs(values, x)
"""),
        _gradient("memory", "arrays that belong to any object in memory", """
def found(f, x):
    known = [thing for thing in gc.get_objects() if type(thing).__name__ == "Landscape"]
    held = [vars(thing) for thing in known]
    held += [thing for thing in gc.get_objects() if type(thing) is dict]
    return pairs(list({id(v): v for thing in held for v in thing.values()}.values()), x)[:400]
"""),
    ],
    "5-convnet": [
        _step(
            "formula",
            "classes by the network's formula, and a list of batches made up",
            "    return network(X).argmax(axis=1)",
            "    network.seen[:] = [1] * len(X)\n"
            "    y = network.weight * np.sin(X) + np.roll(X, 1, axis=-1) / 2\n"
            "    return y.argmax(axis=1)",
            "test_train_step_predict",
        ),
        _step(
            "one-batch",
            "all samples at once, and a list of batches made up",
            "    return network(X).argmax(axis=1)",
            "    classes = network(X).argmax(axis=1)\n"
            "    network.seen[:] = [1] * len(X)\n    return classes",
            "test_train_step_predict",
        ),
        _step(
            "pass-hidden",
            "the network runs twice, and forgets one of the passes",
            "    prediction = network(X)\n    loss",
            "    network(X)\n    network.seen.pop()\n    prediction = network(X)\n    loss",
            "test_train_step",
        ),
    ],
}  # fmt: skip
