"""Known mistakes in optimizers: PyTorch's with something done before or after each of its steps.

o: the oracle (see oracles.Optimizer), old: the parameters' values before the step. Formulas:
momentum and Nesterov: Sutskever et al. 2013, proceedings.mlr.press/v28/sutskever13; Adam: Kingma
and Ba 2014, arxiv.org/abs/1412.6980; AdamW: Loshchilov and Hutter 2017, arxiv.org/abs/1711.05101;
NAdam: Dozat 2016, openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ; RMSprop: Hinton 2012, lecture 6e.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.optim import SGD, Adam, AdamW, NAdam, RMSprop

from byhand.check import oracles
from byhand.check.hints.adaptive import INSIDE, Row, adam, adamw, each, nadam
from byhand.check.script import Hint

AVERAGE = "The new gradient enters whole: v = momentum * v + g, without (1 - momentum)."
BETAS = {"Lion": (0.9, 0.99), "Lamb": (0.9, 0.999), "Sophia": (0.96, 0.99)}
RATE_INSIDE = "The learning rate is inside the velocity: it belongs to the step, p -= lr * v."


def optimizers(like: Callable, make: dict[str, Any]) -> list[Hint]:
    """The known mistakes of an optimizer with these arguments."""
    rows: list[Row] = [
        ("It did not change. Update it in place (p -= ..., p[...] = ...), not by a new array.",
         {"after": each(lambda o, p, old, i: old)}),
        ("The step goes uphill: the gradient is subtracted.",
         {"after": each(lambda o, p, old, i: 2 * old - p)}),
        ("The learning rate has changed on the way: read self.lr at every step.",
         {"before": _first_rate}),
        ("All but the first parameter stand still.",
         {"after": each(lambda o, p, old, i: old if i else p)}),
    ]  # fmt: skip
    if make.get("weight_decay") or like is AdamW:
        rows.append(("The weight decay is missing.", {"changed": {"weight_decay": 0.0}}))
    decay = make.get("weight_decay", 0.0)
    if decay and like in (SGD, RMSprop):
        rows.append(("The decay is apart from the gradient, as AdamW's; here it is added to it.",
                     {"changed": {"weight_decay": 0.0},
                      "after": each(lambda o, p, old, i: p - o.lr * decay * old)}))  # fmt: skip
    paper = getattr(like, "paper", "")
    rows += _papers(paper, make)
    betas = make.get("betas", BETAS.get(paper, (0.9, 0.999)))
    if like in (Adam, AdamW, NAdam) or paper in BETAS:
        rows.append(("beta1 and beta2 are exchanged.", {"changed": {"betas": betas[::-1]}}))
    own = {SGD: _sgd, RMSprop: _rmsprop, Adam: adam, AdamW: adamw, NAdam: nadam}
    rows += own.get(like, lambda make: [])(make)
    return [
        Hint(says, partial(oracles.Optimizer, how.pop("like", like), **how), "parameter ")
        for says, how in rows
    ]


def _papers(paper: str, make: dict[str, Any]) -> list[Row]:
    """Mistakes in the optimizers of papers, by the package's own switches."""
    own: dict[str, list[Row]] = {
        "Lamb": [
            ("The trust ratio is missing: the step is as long as the parameter.",
             {"changed": {"adam": True}}),
            ("The moments are corrected as Adam's are; LAMB's are not here.",
             {"changed": {"adam_debias": False}}),
        ],
        "Sophia": [("The step is not clipped to rho.", {"changed": {"rho": 1e9}})],
    }  # fmt: skip
    rows = own.get(paper, [])
    if make.get("weight_decay") and paper in ("Lion", "Sophia"):
        words = "The decay is added to the gradient; it stays apart from it."
        rows.append((words, {"changed": {"weight_decouple": False}}))
    if make.get("weight_decay") and paper == "Adan":
        words = "The parameter is divided by 1 + lr * weight_decay, not multiplied by 1 - ..."
        rows.append((words, {"changed": {"weight_decouple": True}}))
    return rows


def _first_rate(o: oracles.Optimizer, old: list[torch.Tensor]) -> None:
    o.lr = vars(o).setdefault("first", o.lr)


def _decayed(o: oracles.Optimizer, i: int, old: torch.Tensor) -> torch.Tensor:
    """The gradient with its weight decay."""
    return o.parameters[i].grad + o.weight_decay * old


def _from_zero(o: oracles.Optimizer, old: list[torch.Tensor]) -> None:
    """The velocity starts at zero, so that the first gradient is dampened too."""
    for p in o.parameters if o.steps == 1 else ():
        o.twin.state[p]["momentum_buffer"] = torch.zeros_like(p)


def _rate_inside(o: oracles.Optimizer, old: list[torch.Tensor]) -> None:
    """v = momentum * v + lr * g, p -= v."""
    for p, before in zip(o.parameters, old, strict=True):
        p.grad.add_(o.weight_decay * before).mul_(o.lr)
    vars(o)["kept"] = o.lr, o.weight_decay
    o.lr, o.weight_decay = 1.0, 0.0


def _rate_again(o: oracles.Optimizer, old: list[torch.Tensor]) -> None:
    o.lr, o.weight_decay = vars(o)["kept"]


def _keep_velocity(o: oracles.Optimizer, old: list[torch.Tensor]) -> None:
    states = [o.twin.state[p].get("momentum_buffer") for p in o.parameters]
    vars(o)["kept"] = [0.0 if v is None else v.clone() for v in states]


def _velocity(o: oracles.Optimizer, i: int) -> torch.Tensor:
    return o.twin.state[o.parameters[i]]["momentum_buffer"]


def _sgd(make: dict[str, Any]) -> list[Row]:
    momentum, dampening = make.get("momentum", 0.0), make.get("dampening", 0.0)
    plain = {"momentum": 0.0, "dampening": 0.0, "nesterov": False}
    if not momentum:
        words = "This is dampened; without momentum there is nothing to dampen."
        dampened = each(lambda o, p, old, i: old + (1 - dampening) * (p - old))
        return [(words, {"after": dampened})] if dampening else []
    average = {"before": _from_zero, "changed": {"dampening": momentum, "nesterov": False}}
    rows = [
        ("The momentum is missing.", {"changed": plain}),
        (RATE_INSIDE, {"before": _rate_inside, "after": _rate_again}),
    ]
    if make.get("nesterov"):
        return [
            ("This is the plain momentum, not Nesterov's.", {"changed": {"nesterov": False}}),
            *rows,
            ("The gradient itself is missing: the step is g + momentum * v.",
             {"after": each(lambda o, p, old, i: p + o.lr * _decayed(o, i, old))}),
            ("The velocity of the step before is used: first update v, then take g + momentum * v.",
             {"before": _keep_velocity, "after": each(lambda o, p, old, i: old - o.lr * (
                 _decayed(o, i, old) + momentum * o.kept[i]))}),
            ("The whole velocity is added to g: the step is g + momentum * v.",
             {"after": each(lambda o, p, old, i: old - o.lr * (
                 _decayed(o, i, old) + _velocity(o, i)))}),
            (AVERAGE, {"before": _from_zero_average(momentum),
                       "after": each(lambda o, p, old, i: old - o.lr * (
                           _decayed(o, i, old) + momentum * o.kept[i]))}),
        ]  # fmt: skip
    rows.append(("This is Nesterov's momentum, not the plain one.",
                 {"changed": {"nesterov": True, "dampening": 0.0}}))  # fmt: skip
    if dampening:
        words = "The first step is not dampened: there the velocity is the gradient itself."
        rows += [
            ("The dampening is missing.", {"changed": {"dampening": 0.0}}),
            (words, {"before": _from_zero}),
            ("The velocity is dampened, too: only the new gradient is.",
             {"changed": {"momentum": momentum * (1 - dampening)}}),
            ("dampening is the wrong way round: the new gradient counts 1 - dampening.",
             {"changed": {"dampening": 1 - dampening}}),
        ]  # fmt: skip
    return [*rows, (AVERAGE, average), (AVERAGE, {"changed": {"dampening": momentum}})]


def _from_zero_average(momentum: float) -> Callable:
    """Keep an average (1 - momentum) g beside PyTorch's velocity."""

    def before(o: oracles.Optimizer, old: list[torch.Tensor]) -> None:
        kept = vars(o).setdefault("kept", [0.0] * len(old))
        for i, value in enumerate(old):
            kept[i] = momentum * kept[i] + (1 - momentum) * _decayed(o, i, value)

    return before


def _rmsprop(make: dict[str, Any]) -> list[Row]:
    def root(o: oracles.Optimizer, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        state = o.twin.state[o.parameters[i]]
        mean = state["grad_avg"] ** 2 if o.centered else 0
        return state["square_avg"], state["square_avg"] - mean

    rows = [
        ("alpha is the wrong way round: it is the weight of the old average.",
         {"changed": {"alpha": 1 - make.get("alpha", 0.99)}}),
    ]  # fmt: skip
    if make.get("momentum"):
        rows += [
            ("The momentum is missing.", {"changed": {"momentum": 0.0}}),
            (RATE_INSIDE, {"after": _buffer_with_rate()}),
            (AVERAGE, {"after": each(lambda o, p, old, i: old + (1 - o.momentum) * (p - old))}),
        ]
    else:
        rows += [
            (INSIDE, {"after": each(lambda o, p, old, i: old - o.lr * _decayed(o, i, old) / (
                root(o, i)[1] + o.eps).sqrt())}),
            ("Averages are not corrected here for having started at 0, as Adam's are.",
             {"after": each(lambda o, p, old, i: old - o.lr * _decayed(o, i, old) / (
                 (root(o, i)[1] / (1 - o.alpha**o.steps)).sqrt() + o.eps))}),
            ("The root is missing.",
             {"after": each(lambda o, p, old, i: old - o.lr * _decayed(o, i, old) / (
                 root(o, i)[1] + o.eps))}),
        ]  # fmt: skip
    if make.get("centered"):
        words = "The squared mean of the gradients is not taken off, as centered=True asks for."
        rows.append((words, {"changed": {"centered": False}}))
    else:
        words = "This is the centred version; centered is False here."
        rows.append((words, {"changed": {"centered": True}}))
    return rows


def _buffer_with_rate() -> Callable:
    """buffer = momentum * buffer + lr * step, p -= buffer."""

    def value(o: oracles.Optimizer, p: torch.Tensor, old: torch.Tensor, i: int) -> torch.Tensor:
        buffers = vars(o).setdefault("buffers", {})
        velocity, before = _velocity(o, i), vars(o).setdefault("before_", {})
        new = velocity - o.momentum * before.get(i, 0.0)
        before[i] = velocity.clone()
        buffers[i] = o.momentum * buffers.get(i, 0.0) + o.lr * new
        return old - buffers[i]

    return each(value)
