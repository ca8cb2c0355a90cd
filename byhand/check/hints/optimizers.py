"""What well-known mistakes make of an optimizer's steps, so that a failure can name them."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from byhand.check.compare import Suspect

Adam, AdamW, NAdam = torch.optim.Adam, torch.optim.AdamW, torch.optim.NAdam
RMSprop, SGD = torch.optim.RMSprop, torch.optim.SGD

Like = Callable[..., torch.optim.Optimizer]
Variant = tuple[str, Like, dict[str, Any]]  # words, what to build instead, changed arguments

WHOLE = "The new gradient enters whole: v = momentum * v + g, without (1 - momentum)."
BETAS = (0.9, 0.999)
DEFAULT_LR = {SGD: 1e-3, Adam: 1e-3, AdamW: 1e-3, RMSprop: 1e-2, NAdam: 2e-3}


def variants(like: Like, make: dict[str, Any]) -> list[Variant]:
    """An optimizer asked for something slightly different from the task, with words for it."""
    found: list[Variant] = []
    if _decay(like, make):
        found.append(("The weight decay is missing.", like, {"weight_decay": 0.0}))
    betas = make.get("betas", BETAS if like in (Adam, AdamW, NAdam) else ())
    if len(betas) == 2:
        words = "beta1 and beta2 are exchanged."
        found.append((words, like, {"betas": betas[::-1]}))
    own = {SGD: _sgd, RMSprop: _rmsprop, Adam: _adam, AdamW: _adamw, NAdam: _nadam}
    return found + own.get(like, lambda make: [])(make)


def _sgd(make: dict[str, Any]) -> list[Variant]:
    momentum, nesterov = make.get("momentum", 0.0), make.get("nesterov", False)
    dampening = make.get("dampening", 0.0)
    if not momentum:
        return []
    plain, without = {"nesterov": False}, {"momentum": 0.0, "dampening": 0.0, "nesterov": False}
    found = []
    if nesterov:
        found.append(("This is the plain momentum, not Nesterov's.", SGD, plain))
    found.append(("The momentum is missing.", SGD, without))
    if nesterov:
        return found
    if dampening:
        found.append(("The dampening is missing.", SGD, {"dampening": 0.0}))
    else:
        words = "This is Nesterov's momentum, not the plain one."
        found += [(words, SGD, {"nesterov": True}), (WHOLE, SGD, {"dampening": momentum})]
    return found


def _rmsprop(make: dict[str, Any]) -> list[Variant]:
    words = "alpha is the wrong way round: it is the weight of the old average."
    found = [(words, RMSprop, {"alpha": 1 - make.get("alpha", 0.99)})]
    if make.get("momentum"):
        found.append(("The momentum is missing.", RMSprop, {"momentum": 0.0}))
    if make.get("centered"):
        words = "The squared mean of the gradients is not taken off, as centered=True asks for."
        found.append((words, RMSprop, {"centered": False}))
    else:
        words = "This is the centred version; centered is False here."
        found.append((words, RMSprop, {"centered": True}))
    return found


def _adam(make: dict[str, Any]) -> list[Variant]:
    words = "This is AdamW's decay, apart from the moments; Adam adds it to the gradient."
    return [(words, AdamW, {})] if make.get("weight_decay") else []


def _adamw(make: dict[str, Any]) -> list[Variant]:
    decay, lr = _decay(AdamW, make), make.get("lr", DEFAULT_LR[AdamW])
    words = "This is Adam's decay, added to the gradient; AdamW's stays apart from the moments."
    bare = "The decay has to be multiplied by the learning rate."
    return [(words, Adam, {"weight_decay": decay}), (bare, AdamW, {"weight_decay": decay / lr})]


def _nadam(make: dict[str, Any]) -> list[Variant]:
    def adam(parameters: Iterable[torch.Tensor], **arguments: Any) -> Adam:
        arguments.pop("momentum_decay", None)
        return Adam(parameters, **{"lr": DEFAULT_LR[NAdam]} | arguments)

    words = "This is Adam: the new gradient has no part of its own in the step."
    fixed = "Yours is as if momentum_decay were 0: the momentum has to grow from step to step."
    found = [(words, adam, {}), (fixed, NAdam, {"momentum_decay": 0.0})]
    if make.get("weight_decay"):
        words = "This is AdamW's decay, apart from the moments; NAdam adds it to the gradient."
        found.append((words, NAdam, {"decoupled_weight_decay": True}))
    return found


def first_steps(
    like: Like, make: dict[str, Any], start: np.ndarray, grad: np.ndarray
) -> list[Suspect]:
    """Mistakes that show in the very first step, where the state is still empty.

    start, grad: a parameter and its gradient.
    """
    if like not in DEFAULT_LR:
        return []
    lr, decay = make.get("lr", DEFAULT_LR[like]), _decay(like, make)
    if like is SGD:
        return _sgd_first(make, start, lr * (grad + decay * start))
    if like is NAdam:
        return []
    start, grad = (
        (start - lr * decay * start, grad) if like is AdamW else (start, grad + decay * start)
    )
    eps = make.get("eps", 1e-8)
    inside = "eps is added to the root, not under it."
    if like is RMSprop:
        alpha = make.get("alpha", 0.99)
        square = grad**2 * (alpha if make.get("centered") else 1)  # over 1 - alpha
        words = "Averages are not corrected here for having started at 0, as Adam's are."
        return [
            (words, start - lr * grad / (np.sqrt(square) + eps)),
            (inside, start - lr * grad / np.sqrt((1 - alpha) * square + eps)),
        ]
    beta1, beta2 = make.get("betas", BETAS)
    root = np.sqrt(1 - beta2) * np.abs(grad) + eps
    words = "The bias correction is missing: m / (1 - beta1^t), v / (1 - beta2^t)."
    return [
        (words, start - lr * (1 - beta1) * grad / root),
        (inside, start - lr * grad / np.sqrt(grad**2 + eps)),
    ]


def _sgd_first(make: dict[str, Any], start: np.ndarray, step: np.ndarray) -> list[Suspect]:
    """step: what plain gradient descent would take off."""
    momentum, dampening = make.get("momentum", 0.0), make.get("dampening", 0.0)
    words = "The first step is not dampened: there the velocity is the gradient itself."
    found = [(words, start - (1 - dampening) * step)] if dampening else []
    if momentum:
        average = 1 - momentum
        share = 1 + momentum * average if make.get("nesterov") else average
        found.append((WHOLE, start - share * step))
    return found


def _decay(like: Like, make: dict[str, Any]) -> float:
    return make.get("weight_decay", 1e-2 if like is AdamW else 0.0)
