"""Known mistakes in Adam and its kin, and what the tables of all optimizers share."""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Adam, AdamW

from byhand.check import oracles

Row = tuple[str, dict[str, Any]]  # words, and what the oracle gets to make the mistake

ADAMWS = "This is AdamW's decay, apart from the moments; here it is added to the gradient."
ADAMS = "This is Adam's decay, added to the gradient; AdamW's stays apart from the moments."
INSIDE = "eps is added to the root, not under it."
NO_V = "v has no bias correction: v / (1 - beta2^t)."


def changed(**arguments: Any) -> dict[str, Any]:
    """Other arguments of the constructor."""
    return {"changed": arguments}


def after(value: Callable) -> dict[str, Any]:
    """After a step, every parameter becomes value(o, p, old, number of the parameter)."""

    def each(o: oracles.Optimizer, old: list[torch.Tensor]) -> None:
        for i, (p, before) in enumerate(zip(o.parameters, old, strict=True)):
            p.copy_(value(o, p.clone(), before, i))

    return {"after": each}


def _step(direction: Callable | None = None, count: Callable = lambda t, i, n: t) -> dict[str, Any]:
    """p = old - lr * direction(m, v, 1 - beta1^t, 1 - beta2^t, eps), from PyTorch's averages; the
    right one with a wrong count: t from the step, the number of the parameter and of all."""
    divided = direction or (lambda m, v, c, d, e: m / c / ((v / d).sqrt() + e))

    def value(o: oracles.Optimizer, p: torch.Tensor, old: torch.Tensor, i: int) -> torch.Tensor:
        state, t = o.twin.state[o.parameters[i]], count(o.steps, i, len(o.parameters))
        start = old * (1 - o.lr * o.weight_decay) if isinstance(o.twin, AdamW) else old
        moments = state["exp_avg"], state["exp_avg_sq"], *(1 - beta**t for beta in o.betas)
        return start - o.lr * divided(*moments, o.eps)

    return after(value)


MOMENTS: list[Row] = [
    ("The bias correction is missing.", _step(lambda m, v, c, d, e: m / (v.sqrt() + e))),
    (NO_V, _step(lambda m, v, c, d, e: m / c / (v.sqrt() + e))),
    ("m has no bias correction.", _step(lambda m, v, c, d, e: m / ((v / d).sqrt() + e))),
    (INSIDE, _step(lambda m, v, c, d, e: m / c / (v / d + e).sqrt())),
    ("The root of v is missing.", _step(lambda m, v, c, d, e: m / c / (v / d + e))),
    ("eps is added before the bias correction of v: first correct, then add eps.",
     _step(lambda m, v, c, d, e: m / c / ((v.sqrt() + e) / d**0.5))),
    ("The step counter goes up once a parameter: count before the loop over parameters.",
     _step(count=lambda t, i, n: (t - 1) * n + i + 1)),
    ("The first step has number 1; yours starts at 0.", _step(count=lambda t, i, n: t - 1)),
    ("The first step has number 1; yours starts at 2.", _step(count=lambda t, i, n: t + 1)),
    ("The step counter stands still.", _step(count=lambda t, i, n: 1)),
]  # fmt: skip


def adamw(make: dict[str, Any]) -> list[Row]:
    decay = make.get("weight_decay", 1e-2)
    return [
        *MOMENTS,
        (ADAMS, {"like": Adam} | changed(weight_decay=decay)),
        ("The decay has to be multiplied by the learning rate.",
         after(lambda o, p, old, i: p + (o.lr - 1) * decay * old)),
        ("The decay comes first, from the old value; then the step.", after(lambda o, p, old, i: (
            (p + o.lr * decay * old) * (1 - o.lr * decay)))),
    ]  # fmt: skip


def nadam(make: dict[str, Any]) -> list[Row]:
    def plain(parameters: Any, **how: Any) -> Adam:
        return Adam(parameters, **{"lr": 2e-3} | {k: how[k] for k in how if k != "momentum_decay"})

    def root(o: oracles.Optimizer, p: Any, old: Any, i: int, under: bool) -> Any:
        """With eps under the root of v, or else without the correction of v."""
        v = o.twin.state[o.parameters[i]]["exp_avg_sq"]
        hat = v / (1 - o.betas[1] ** o.steps)
        wrong = (hat + o.eps).sqrt() if under else v.sqrt() + o.eps
        return old + (p - old) * (hat.sqrt() + o.eps) / wrong

    return [
        ("This is Adam: the new gradient has no part of its own in the step.", {"like": plain}),
        ("It is as if momentum_decay were 0; the momentum grows.", changed(momentum_decay=0.0)),
        (INSIDE, after(lambda *step: root(*step, under=True))),
        (NO_V, after(lambda *step: root(*step, under=False))),
    ]  # fmt: skip
