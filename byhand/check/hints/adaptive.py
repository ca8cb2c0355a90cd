"""Known mistakes in Adam and its kin, and what the tables of all optimizers share."""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Adam, AdamW

from byhand.check import oracles

Row = tuple[str, dict[str, Any]]  # words, and what the oracle gets to make the mistake

INSIDE = "eps is added to the root, not under it."
NO_CORRECTION = "The bias correction is missing: m / (1 - beta1^t), v / (1 - beta2^t)."


def each(value: Callable) -> Callable:
    """After a step, every parameter becomes value(o, p, old, number of the parameter)."""

    def after(o: oracles.Optimizer, old: list[torch.Tensor]) -> None:
        for i, (p, before) in enumerate(zip(o.parameters, old, strict=True)):
            p.copy_(value(o, p.clone(), before, i))

    return after


def _formula(direction: Callable) -> dict[str, Any]:
    """p = old - lr * direction(m, v, t, beta1, beta2, eps, g), from PyTorch's own averages.

    t: the step, from 1, with the number of the parameter and of all parameters.
    """

    def value(o: oracles.Optimizer, p: torch.Tensor, old: torch.Tensor, i: int) -> torch.Tensor:
        state = o.twin.state[o.parameters[i]]
        start = old * (1 - o.lr * o.weight_decay) if isinstance(o.twin, AdamW) else old
        count = o.steps, i, len(o.parameters)
        averages = state["exp_avg"], state["exp_avg_sq"]
        return start - o.lr * direction(*averages, count, *o.betas, o.eps, o.parameters[i].grad)

    return {"after": each(value)}


def _hats(m: Any, v: Any, b1: float, b2: float, t: float) -> tuple[Any, Any]:
    return m / (1 - b1**t), v / (1 - b2**t)


def _counted(t: Callable) -> Callable:
    """Bias corrections with another step count, t(count)."""

    def direction(m: Any, v: Any, count: Any, b1: float, b2: float, eps: float, g: Any) -> Any:
        if t(count) <= 0:
            return torch.full_like(m, torch.nan)
        first, second = _hats(m, v, b1, b2, t(count))
        return first / (second.sqrt() + eps)

    return direction


def _moments(make: dict[str, Any]) -> list[Row]:
    """Mistakes that Adam and AdamW have in common."""
    return [
        (NO_CORRECTION, _formula(lambda m, v, t, b1, b2, e, g: m / (v.sqrt() + e))),
        ("v has no bias correction: v / (1 - beta2^t).",
         _formula(lambda m, v, t, b1, b2, e, g: m / (1 - b1 ** t[0]) / (v.sqrt() + e))),
        ("m has no bias correction: m / (1 - beta1^t).",
         _formula(lambda m, v, t, b1, b2, e, g: m / ((v / (1 - b2 ** t[0])).sqrt() + e))),
        (INSIDE, _formula(lambda m, v, t, b1, b2, e, g: _hats(m, v, b1, b2, t[0])[0] / (
            _hats(m, v, b1, b2, t[0])[1] + e).sqrt())),
        ("The root of v is missing.", _formula(lambda m, v, t, b1, b2, e, g: (
            _hats(m, v, b1, b2, t[0])[0] / (_hats(m, v, b1, b2, t[0])[1] + e)))),
        ("The gradient alone is divided; its average m belongs there.",
         _formula(lambda m, v, t, b1, b2, e, g: g / ((v / (1 - b2 ** t[0])).sqrt() + e))),
        ("The step counter goes up once a parameter: count before the loop over parameters.",
         _formula(_counted(lambda count: (count[0] - 1) * count[2] + count[1] + 1))),
        ("The first step has number 1; yours starts at 0.", _formula(_counted(lambda c: c[0] - 1))),
        ("The first step has number 1; yours starts at 2.", _formula(_counted(lambda c: c[0] + 1))),
        ("The step counter stands still.", _formula(_counted(lambda c: 1))),
        ("eps is added before the bias correction of v: first correct, then add eps.",
         _formula(lambda m, v, t, b1, b2, e, g: m / (1 - b1 ** t[0]) / (
             (v.sqrt() + e) / (1 - b2 ** t[0]) ** 0.5))),
    ]  # fmt: skip


def adam(make: dict[str, Any]) -> list[Row]:
    rows = _moments(make)
    if make.get("weight_decay"):
        words = "This is AdamW's decay, apart from the moments; Adam adds it to the gradient."
        rows.append((words, {"like": AdamW}))
    return rows


def _bare(o: oracles.Optimizer, old: list[torch.Tensor]) -> None:
    """The decay takes off weight_decay itself, without the learning rate."""
    decay = vars(o).setdefault("decay", o.weight_decay)
    o.weight_decay = decay / o.lr


def adamw(make: dict[str, Any]) -> list[Row]:
    decay = make.get("weight_decay", 1e-2)
    return [
        *_moments(make),
        ("This is Adam's decay, added to the gradient; AdamW's stays apart from the moments.",
         {"like": Adam, "changed": {"weight_decay": decay}}),
        ("The decay has to be multiplied by the learning rate.", {"before": _bare}),
        ("The decay comes first, from the old value; then the step.",
         {"after": each(lambda o, p, old, i: (
             p + o.lr * o.weight_decay * old) * (1 - o.lr * o.weight_decay))}),
        ("The decay has the wrong sign: weights shrink.",
         {"changed": {"weight_decay": 0.0},
          "after": each(lambda o, p, old, i: p + o.lr * decay * old)}),
    ]  # fmt: skip


def nadam(make: dict[str, Any]) -> list[Row]:
    def plain(parameters: Any, **arguments: Any) -> Adam:
        arguments.pop("momentum_decay", None)
        return Adam(parameters, **{"lr": 2e-3} | arguments)

    rows = [
        ("This is Adam: the new gradient has no part of its own in the step.", {"like": plain}),
        ("Yours is as if momentum_decay were 0: the momentum has to grow from step to step.",
         {"changed": {"momentum_decay": 0.0}}),
        (INSIDE, {"after": each(_nadam_inside)}),
        ("v has no bias correction: v / (1 - beta2^t).", {"after": each(_nadam_uncorrected)}),
    ]  # fmt: skip
    if make.get("weight_decay"):
        words = "This is AdamW's decay, apart from the moments; NAdam adds it to the gradient."
        rows.append((words, {"changed": {"decoupled_weight_decay": True}}))
    return rows


def _nadam_inside(o: oracles.Optimizer, p: torch.Tensor, old: torch.Tensor, i: int) -> torch.Tensor:
    v = o.twin.state[o.parameters[i]]["exp_avg_sq"] / (1 - o.betas[1] ** o.steps)
    return old + (p - old) * (v.sqrt() + o.eps) / (v + o.eps).sqrt()


def _nadam_uncorrected(o: oracles.Optimizer, p: Any, old: torch.Tensor, i: int) -> torch.Tensor:
    v = o.twin.state[o.parameters[i]]["exp_avg_sq"]
    right = (v / (1 - o.betas[1] ** o.steps)).sqrt() + o.eps
    return old + (p - old) * right / (v.sqrt() + o.eps)
