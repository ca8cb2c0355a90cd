"""Known mistakes in optimizers: PyTorch's with other arguments, or with something done before or
after each of its steps. A row that changes nothing in an optimizer is never named.

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

from byhand.check.oracles import Optimizer
from byhand.check.script import Hint

Row = tuple[str, dict[str, Any]]  # words, and what the oracle gets to make the mistake
Tensors = list[torch.Tensor]


def optimizers(like: Callable) -> list[Hint]:
    """The known mistakes of every optimizer; its own, if it is of PyTorch or of a paper."""
    rows = ANY + OWN.get(getattr(like, "paper", like), [])
    return [Hint(says, partial(Optimizer, like, **how), "parameter ") for says, how in rows]


def changed(**arguments: Any) -> dict[str, Any]:
    """Other arguments of the constructor: numbers, or functions of all the right arguments."""
    return {"changed": arguments}


def after(value: Callable) -> dict[str, Any]:
    """After a step, every parameter becomes value(o, p, old, number of the parameter)."""

    def each(o: Optimizer, old: Tensors) -> None:
        for i, (p, before) in enumerate(zip(o.parameters, old, strict=True)):
            p.copy_(value(o, p.clone(), before, i))

    return {"after": each}


def _first_rate(o: Optimizer, old: Tensors) -> None:
    o.lr = vars(o).setdefault("first", o.lr)


def _from_zero(o: Optimizer, old: Tensors) -> None:
    """The velocity starts at zero, so that the first gradient is dampened too."""
    for p in o.parameters if o.steps == 1 else ():
        o.twin.state[p]["momentum_buffer"] = torch.zeros_like(p)


def _from_rest(o: Optimizer, old: Tensors) -> None:
    """A velocity of zero is taken for none."""
    for p in o.parameters if o.steps > 1 and o.momentum else ():
        if not o.twin.state[p]["momentum_buffer"].any():
            del o.twin.state[p]["momentum_buffer"]


def _rate_inside(o: Optimizer, old: Tensors) -> None:
    """v = momentum * v + lr * g, p -= v: the velocity so far keeps the learning rates it had."""
    before = vars(o).get("rate", o.lr)
    for p in o.parameters if o.steps > 1 and o.momentum else ():
        o.twin.state[p]["momentum_buffer"].mul_(before / o.lr)
    vars(o)["rate"] = o.lr


def _remember(o: Optimizer, old: Tensors) -> None:
    """What is kept for each parameter, before a step."""
    vars(o)["kept"] = [{k: v.clone() for k, v in _averages(o, p)} for p in o.parameters]


def _left_out(o: Optimizer, p: torch.Tensor, old: torch.Tensor, i: int) -> torch.Tensor:
    """A gradient of zero leaves the parameter, and what is kept for it, as they were."""
    if o.parameters[i].grad.any():
        return p
    for key, value in _averages(o, o.parameters[i]):
        value.copy_(o.kept[i].get(key, torch.zeros_like(value)))
    return old


def _averages(o: Optimizer, p: torch.Tensor) -> list[tuple[str, torch.Tensor]]:
    return [(k, v) for k, v in o.twin.state[p].items() if getattr(v, "shape", ()) == p.shape]


def _state(o: Optimizer, i: int, name: str) -> Any:
    """What PyTorch keeps for a parameter; 0 if it does not."""
    return o.twin.state[o.parameters[i]].get(name, 0)


def _decayed(o: Optimizer, i: int, old: torch.Tensor) -> torch.Tensor:
    """The gradient with its weight decay."""
    return o.parameters[i].grad + o.weight_decay * old


def _direct(root: Callable) -> dict[str, Any]:
    """RMSprop's step, divided by root(v, eps, 1 - alpha^t)."""

    def value(o: Optimizer, p: Any, old: torch.Tensor, i: int) -> torch.Tensor:
        v = _state(o, i, "square_avg") - _state(o, i, "grad_avg") ** 2
        return old - o.lr * _decayed(o, i, old) / root(v, o.eps, 1 - o.alpha**o.steps)

    return after(value)


def _step(
    divided: Callable = lambda m, v, c, d, e: m / c / ((v / d).sqrt() + e),
    count: Callable = lambda t, i, n: t,
) -> dict[str, Any]:
    """p = old - lr * divided(m, v, 1 - beta1^t, 1 - beta2^t, eps), from PyTorch's averages, with
    t = count(number of the step, of the parameter, of all parameters)."""

    def value(o: Optimizer, p: torch.Tensor, old: torch.Tensor, i: int) -> torch.Tensor:
        t = count(o.steps, i, len(o.parameters))
        start = old * (1 - o.lr * o.weight_decay) if isinstance(o.twin, AdamW) else old
        moments = _state(o, i, "exp_avg"), _state(o, i, "exp_avg_sq")
        return start - o.lr * divided(*moments, *(1 - beta**t for beta in o.betas), o.eps)

    return after(value)


def _unsigned(o: Optimizer, p: torch.Tensor, old: torch.Tensor, i: int) -> torch.Tensor:
    """Lion's step without the sign: what stood under it, from the average after the step."""
    (beta1, beta2), g = o.betas, o.parameters[i].grad
    m = (_state(o, i, "exp_avg") - (1 - beta2) * g) / beta2
    return old * (1 - o.lr * o.weight_decay) - o.lr * (beta1 * m + (1 - beta1) * g)


def _rooted(root: Callable) -> dict[str, Any]:
    """NAdam's step, divided by root(v, 1 - beta2^t, eps)."""

    def value(o: Optimizer, p: torch.Tensor, old: torch.Tensor, i: int) -> torch.Tensor:
        v, d = _state(o, i, "exp_avg_sq"), 1 - o.betas[1] ** o.steps
        return old + (p - old) * ((v / d).sqrt() + o.eps) / root(v, d, o.eps)

    return after(value)


ADAMWS = "This is AdamW's decay, apart from the moments; here it is added to the gradient."
APART = changed(weight_decay=0.0) | after(
    lambda o, p, old, i: p - o.lr * o.make.get("weight_decay", 0) * old
)
AVERAGE = "The new gradient enters whole: v = momentum * v + g, without (1 - momentum)."
INSIDE = "eps is added to the root, not under it."
NO_V = "v has no bias correction: v / (1 - beta2^t)."
TURNED = changed(decoupled_weight_decay=lambda g: not g["decoupled_weight_decay"])

ANY: list[Row] = [
    ("It did not change. Update it in place (p -= ..., p[...] = ...): no new array.",
     after(lambda o, p, old, i: old)),
    ("It is laid out column by column, where reshape and ravel copy: update the array itself.",
     after(lambda o, p, old, i: p if o.parameters[i].is_contiguous() else old)),
    ("It is left out where its gradient is 0; decay, averages and velocities go on all the same.",
     {"before": _remember} | after(_left_out)),
    ("The step goes uphill: subtract it.", after(lambda o, p, old, i: 2 * old - p)),
    ("The learning rate has changed on the way: read self.lr at every step.",
     {"before": _first_rate}),
    ("The weight decay is missing.", changed(weight_decay=0.0)),
    ("beta1 and beta2 are exchanged.", changed(betas=lambda g: g.get("betas", ())[::-1])),
]  # fmt: skip
VELOCITY: list[Row] = [
    ("The decay is apart from the gradient, as AdamW's.", APART),
    ("The momentum is missing.", changed(momentum=0.0)),
    ("The learning rate is inside the velocity: it belongs to the step, p -= lr * v.",
     {"before": _rate_inside}),
]  # fmt: skip
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
DECAY_ADDED: list[Row] = [
    ("The decay is added to the gradient: keep it off.", changed(weight_decouple=False)),
]
OWN: dict[Any, list[Row]] = {}
OWN[SGD] = [
    *VELOCITY,
    ("Without momentum there is nothing to dampen.", after(lambda o, p, old, i: (
        p if o.momentum else old + (1 - o.dampening) * (p - old)))),
    ("This is the plain momentum, not Nesterov's.", changed(nesterov=False)),
    ("The gradient itself is missing: the step is g + momentum * v.",
     after(lambda o, p, old, i: p + o.nesterov * o.lr * _decayed(o, i, old))),
    ("The whole velocity is added to g: the step is g + momentum * v.",
     after(lambda o, p, old, i: (
         p - o.nesterov * o.lr * (1 - o.momentum) * _state(o, i, "momentum_buffer")))),
    ("This is Nesterov's momentum.", changed(nesterov=True, dampening=0.0)),
    ("The dampening is missing.", changed(dampening=0.0)),
    ("A velocity of 0 is no sign of a first step.", {"before": _from_rest}),
    ("The first step is not dampened: it is v = g.", {"before": _from_zero}),
    ("dampening is the wrong way round.",
     changed(dampening=lambda g: g["dampening"] and 1 - g["dampening"])),
    (AVERAGE, {"before": _from_zero} | changed(dampening=lambda g: g["momentum"])),
    (AVERAGE, changed(dampening=lambda g: g["momentum"])),
]  # fmt: skip
OWN[RMSprop] = [
    *VELOCITY,
    ("alpha is the wrong way round.", changed(alpha=lambda g: 1 - g["alpha"])),
    (AVERAGE, after(lambda o, p, old, i: old + (1 - o.momentum) * (p - old))),
    (INSIDE, _direct(lambda v, eps, c: (v + eps).sqrt())),
    ("Averages are not corrected here for having started at 0, as Adam's are.",
     _direct(lambda v, eps, c: (v / c).sqrt() + eps)),
    ("The root is missing.", _direct(lambda v, eps, c: v + eps)),
    ("The squared mean of the gradients is not taken off.", changed(centered=False)),
    ("This is the centred version, as if centered=True.", changed(centered=True)),
]  # fmt: skip
OWN[Adam] = [(ADAMWS, TURNED), *MOMENTS]
OWN[AdamW] = [
    *MOMENTS,
    ("This is Adam's decay, added to the gradient; AdamW's stays apart from the moments.", TURNED),
    ("The decay has to be multiplied by the learning rate.",
     after(lambda o, p, old, i: p + (o.lr - 1) * o.weight_decay * old)),
    ("The decay comes first, from the old value; then the step.", after(lambda o, p, old, i: (
        (p + o.lr * o.weight_decay * old) * (1 - o.lr * o.weight_decay)))),
]  # fmt: skip
OWN[NAdam] = [
    (ADAMWS, TURNED),
    ("This is Adam: the new gradient has no part of its own in the step.", _step()),
    ("It is as if momentum_decay were 0; the momentum grows.", changed(momentum_decay=0.0)),
    (INSIDE, _rooted(lambda v, d, e: (v / d + e).sqrt())),
    (NO_V, _rooted(lambda v, d, e: v.sqrt() + e)),
]
# The optimizers of papers, by the package's own switches.
OWN["Lion"] = [
    *DECAY_ADDED,
    ("The average is kept with beta2; beta1 is for the step alone.",
     changed(betas=lambda g: 2 * g["betas"][:1])),
    ("The sign is missing.", after(_unsigned)),
]  # fmt: skip
OWN["Lamb"] = [("The trust ratio is missing.", changed(adam=True))]
OWN["Sophia"] = [("The step is not clipped to rho.", changed(p=1e9)), *DECAY_ADDED]
OWN["Adan"] = [
    ("The parameter is divided by 1 + lr * weight_decay.", changed(weight_decouple=True)),
]
