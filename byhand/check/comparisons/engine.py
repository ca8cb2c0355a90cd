"""check.engine: a student's scalar autograd engine beside PyTorch, on programs given as text."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check import fixtures
from byhand.check.core import Check
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Report, passed_so_far
from byhand.check.script import Script

SECONDS = 5.0  # each node once takes milliseconds; each path of a doubled node, years
LEAVES = "abc"
LINES = 9  # of a random program
FORMS = (
    "{p} + {q}", "{p} - {q}", "{p} * {q}", "{p} / {q}", "{p} * {q} + {p}", "{c} + {p}", "{p} + {c}",
    "{c} - {p}", "{p} - {c}", "{c} * {p}", "{c} / {p}", "{p} / {c}", "-{p}", "{p} ** 2",
    "{p} ** 3", "{p} ** -1", "({p} ** 2 + 1) ** 0.5", "{p}.relu()", "(0.3 * {p}).exp()",
    "({p} * {p} + {q} * {q} + 0.5).log()",
)  # fmt: skip
NEAR, FAR = 1e-3, 1e3  # between these lie the numbers of a random program


@calm()
def engine(
    subject: Any, program: str = "", hint: str = "", seed: int | None = None, **leaves: float
) -> Report | None:
    """Compare a class Value(data) with PyTorch: the value of y, and backward()'s gradients.

    program: lines of Python that compute y from the leaves, which are Values; a random program of
    random leaves if it is empty; leaves: name -> number; hint: for a wrong answer, unless a
    check before it in the cell has failed. Raises CheckFailed with what was found.
    """
    hint = hint if passed_so_far() else ""
    check = Check("engine", subject, seed=seed)
    check.rules(loops=True)
    if not program:
        program, leaves = check.draw.until(partial(_random, check.draw), _telling)
    where = ", ".join(f"{name} = {number:.4g}" for name, number in leaves.items())
    check.report.title = f"{check.name}: {program.strip()}   at {where}".replace("\n", "; ")

    def write(script: Script, dtype: type) -> None:
        script.tensors, script.autograd, script.seconds = True, False, SECONDS
        nodes = script.call("fixtures.computed", script.find(check.name), program, leaves)
        y, *inputs = (script.call("fixtures.item", nodes, name) for name in ("y", *leaves))
        script.look("value of y", script.get(y, "data"), hint=hint)
        done = script.method(y, "backward")
        for name, leaf in zip(leaves, inputs, strict=True):
            script.look(f"gradient for {name}", script.get(leaf, "grad"), after=done, hint=hint)

    return check.differential(_leaf, write, dtypes=[np.float64])


def _leaf(data: float) -> torch.Tensor:
    return torch.tensor(data, dtype=torch.float64, requires_grad=True)


def _random(draw: Draw) -> tuple[str, dict[str, float]]:
    """A program whose nodes are used several times or once, and its leaves."""
    names, lines = list(LEAVES), []
    for number in range(LINES):
        p, q = draw.rng.choice(names, 2)
        c = round(float(draw.rng.uniform(0.5, 3)), 1)
        form = FORMS[draw.rng.integers(len(FORMS))]
        lines.append(f"n{number} = {form.format(p=p, q=q, c=c)}")
        names.append(f"n{number}")
    lines.append("y = " + " + ".join(names))
    signs = draw.rng.choice([-1, 1], len(LEAVES))
    numbers = (signs * draw.positive((len(LEAVES),))).round(3).tolist()
    return "\n".join(lines), dict(zip(LEAVES, numbers, strict=True))


def _telling(drawn: tuple[str, Mapping[str, float]]) -> bool:
    """Whether no number is huge or, but for what a relu has cut off, nearly 0: relu has its kink
    there, and rounding would decide."""
    program, leaves = drawn
    with torch.inference_mode(False), torch.enable_grad():
        nodes = fixtures.computed(_leaf, program, leaves)
        nodes["y"].backward()
    cut = {line.split(" = ")[0] for line in program.splitlines() if line.endswith(".relu()")}
    sizes = [abs(node.item()) for name, node in nodes.items() if name not in cut or node]
    sizes += [size for leaf in leaves if (size := abs(nodes[leaf].grad.item()))]
    return all(NEAR < size < FAR for size in sizes)
