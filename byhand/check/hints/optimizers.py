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
from byhand.check.hints.adaptive import ADAMWS, INSIDE, MOMENTS, Row, adamw, after, changed, nadam
from byhand.check.script import Hint

AVERAGE = "The new gradient enters whole: v = momentum * v + g, without (1 - momentum)."
BETAS = {"Lion": (0.9, 0.99), "Lamb": (0.9, 0.999), "Sophia": (0.96, 0.99)}
NO_MOMENTUM = "The momentum is missing."
RATE_INSIDE = "The learning rate is inside the velocity: it belongs to the step, p -= lr * v."


def optimizers(like: Callable, make: dict[str, Any]) -> list[Hint]:
    """The known mistakes of an optimizer with these arguments."""
    paper, decay = getattr(like, "paper", ""), make.get("weight_decay", 0.0)
    betas = make.get("betas", BETAS.get(paper, (0.9, 0.999)))
    adams = like in (Adam, AdamW, NAdam) or paper in BETAS
    own = {SGD: _sgd, RMSprop: _rmsprop, Adam: lambda make: MOMENTS, AdamW: adamw, NAdam: nadam}
    rows = _where(
        (like is Adam and decay, ADAMWS, {"like": AdamW}),
        (like is NAdam and decay, ADAMWS, changed(decoupled_weight_decay=True)),
        (True, "It did not change. Update it in place (p -= ..., p[...] = ...): no new array.",
         after(lambda o, p, old, i: old)),
        (True, "The step goes uphill: subtract it.", after(lambda o, p, old, i: 2 * old - p)),
        (True, "The learning rate has changed on the way: read self.lr at every step.",
         {"before": _first_rate}),
        (decay or like is AdamW, "The weight decay is missing.", changed(weight_decay=0.0)),
        (decay and like in (SGD, RMSprop), "The decay is apart from the gradient, as AdamW's.",
         changed(weight_decay=0.0) | after(lambda o, p, old, i: p - o.lr * decay * old)),
        (adams, "beta1 and beta2 are exchanged.", changed(betas=betas[::-1])),
        # the optimizers of papers, by the package's own switches
        (paper == "Lamb", "The trust ratio is missing.", changed(adam=True)),
        (paper == "Sophia", "The step is not clipped to rho.", changed(rho=1e9)),
        (decay and paper in ("Lion", "Sophia"), "The decay is added to the gradient: keep it off.",
         changed(weight_decouple=False)),
        (decay and paper == "Adan", "The parameter is divided by 1 + lr * weight_decay.",
         changed(weight_decouple=True)),
    )  # fmt: skip
    return [
        Hint(says, partial(oracles.Optimizer, how.pop("like", like), **how), "parameter ")
        for says, how in rows + own.get(like, lambda make: [])(make)
    ]


def _where(*rows: tuple[Any, str, dict[str, Any]]) -> list[Row]:
    """The rows that apply: those that begin with something true."""
    return [(says, how) for applies, says, how in rows if applies]


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
    """v = momentum * v + lr * g, p -= v: the velocity so far keeps the learning rates it had."""
    before = vars(o).get("rate", o.lr)
    for p in o.parameters if o.steps > 1 else ():
        o.twin.state[p]["momentum_buffer"].mul_(before / o.lr)
    vars(o)["rate"] = o.lr


def _sgd(make: dict[str, Any]) -> list[Row]:
    momentum, dampening = make.get("momentum", 0.0), make.get("dampening", 0.0)
    nesterov = make.get("nesterov")
    plain, damped = momentum and not nesterov, momentum and dampening
    return _where(
        (dampening and not momentum, "Without momentum there is nothing to dampen.",
         after(lambda o, p, old, i: old + (1 - dampening) * (p - old))),
        (momentum, NO_MOMENTUM, changed(momentum=0.0, dampening=0.0, nesterov=False)),
        (momentum, RATE_INSIDE, {"before": _rate_inside}),
        (nesterov, "This is the plain momentum, not Nesterov's.", changed(nesterov=False)),
        (nesterov, "The gradient itself is missing: the step is g + momentum * v.",
         after(lambda o, p, old, i: p + o.lr * _decayed(o, i, old))),
        (nesterov, "The whole velocity is added to g: the step is g + momentum * v.", after(
            lambda o, p, old, i: old - o.lr * (
                _decayed(o, i, old) + o.twin.state[o.parameters[i]]["momentum_buffer"]))),
        (plain, "This is Nesterov's momentum.", changed(nesterov=True, dampening=0.0)),
        (damped, "The dampening is missing.", changed(dampening=0.0)),
        (damped, "The first step is not dampened: it is v = g.", {"before": _from_zero}),
        (damped, "dampening is the wrong way round.", changed(dampening=1 - dampening)),
        (plain, AVERAGE, {"before": _from_zero} | changed(dampening=momentum)),
        (plain, AVERAGE, changed(dampening=momentum)),
    )  # fmt: skip


def _rmsprop(make: dict[str, Any]) -> list[Row]:
    def direct(root: Callable) -> dict[str, Any]:
        """Divided by root(v, eps, 1 - alpha^t)."""

        def value(o: oracles.Optimizer, p: Any, old: torch.Tensor, i: int) -> torch.Tensor:
            state = o.twin.state[o.parameters[i]]
            v = state["square_avg"] - (state["grad_avg"] ** 2 if o.centered else 0)
            return old - o.lr * _decayed(o, i, old) / root(v, o.eps, 1 - o.alpha**o.steps)

        return after(value)

    momentum, centered = make.get("momentum"), make.get("centered")
    return _where(
        (True, "alpha is the wrong way round.", changed(alpha=1 - make.get("alpha", 0.99))),
        (momentum, NO_MOMENTUM, changed(momentum=0.0)),
        (momentum, RATE_INSIDE, {"before": _rate_inside}),
        (momentum, AVERAGE, after(lambda o, p, old, i: old + (1 - o.momentum) * (p - old))),
        (not momentum, INSIDE, direct(lambda v, eps, c: (v + eps).sqrt())),
        (not momentum, "Averages are not corrected here for having started at 0, as Adam's are.",
         direct(lambda v, eps, c: (v / c).sqrt() + eps)),
        (not momentum, "The root is missing.", direct(lambda v, eps, c: v + eps)),
        (centered, "The squared mean of the gradients is not taken off.", changed(centered=False)),
        (not centered, "This is the centred version, as if centered=True.", changed(centered=True)),
    )  # fmt: skip
