"""check.criterion: a loss and its gradient beside PyTorch's."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.special import softmax

from byhand.check import oracles
from byhand.check.compare import SINGLE
from byhand.check.core import Check, one_of
from byhand.check.hints.functions import losses
from byhand.check.random_inputs import (
    calm,
    is_shape,
    longer,
    other_size,
    sizes_of,
    written,
)
from byhand.check.report import Report
from byhand.check.script import PLACES, Script

CLIP = 1e-9
KEPT = "A new object gets this batch right: yours keeps something of the batch before."
GRADIENT = "gradient for prediction"
LOOKS = ("all", "output", "gradient")
TARGETS = ("real", "classes", "one-hot")


class OneHotNLLLoss(torch.nn.Module):
    """Minus the mean log of the probability, no smaller than 1e-9, at the 1 of each target.

    Where it is smaller, the gradient is 0, the derivative of the clipped number.
    """

    def forward(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """(B, C), (B, C) -> one number"""
        log = self.clip(prediction).log()
        return torch.nn.functional.nll_loss(log, target.argmax(dim=-1))

    def clip(self, prediction: torch.Tensor) -> torch.Tensor:
        """No number smaller than 1e-9"""
        return prediction.clamp(min=CLIP)


class OpenClip(OneHotNLLLoss):
    """The same loss with the other gradient: the clip lets it through."""

    def clip(self, prediction: torch.Tensor) -> torch.Tensor:
        """No number smaller than 1e-9; back as if nothing had been clipped"""
        return prediction + (super().clip(prediction) - prediction).detach()


@calm()
def criterion(
    cls: Any,
    like: Callable[..., torch.nn.Module],
    make: dict[str, Any] | None = None,
    prediction: Sequence = (5, 3),
    target: str = "real",
    look: str = "all",
    seed: int | None = None,
) -> Report | None:
    """Compare a loss with PyTorch's: its value, its gradient, its side effects.

    prediction: a shape, drawn at random, or the numbers themselves;
    target: "real" (numbers of the same shape), "classes" (one class number a row) or "one-hot"
    (rows of 0 with a single 1; predictions that are drawn are then probabilities).
    look: "all", or "output" or "gradient" alone. Raises CheckFailed with what was found.
    """
    one_of(TARGETS, target, "target")
    one_of(LOOKS, look, "look")
    check, make = Check("criterion", cls, seed=seed), make or {}
    drawn, draw = is_shape(prediction), check.draw
    values = draw.input(prediction)
    check.report.title = f"{written(check.name, **make)} on predictions of shape {values.shape}"
    check.rules()

    def batch(shape: tuple[int, ...], dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
        """Predictions, and targets for them."""
        p, classes = draw.batch(shape), draw.rng.integers(0, shape[-1], shape[:-1])
        if not drawn:
            p = np.resize(values, shape)
        elif target == "one-hot":  # a tenth spread evenly: near 0, central differences fail
            p = 0.9 * softmax(p, axis=-1) + 0.1 / shape[-1]
        t = np.eye(shape[-1])[classes] if target == "one-hot" else draw.normal(shape)
        return p.astype(dtype), classes if target == "classes" else t.astype(dtype)

    def write(script: Script, dtype: type) -> None:
        """Four batches, the second of another size and memory order, the last two of one size."""
        loss, found = script.build(check.name, **make), []
        near = dict(tolerance=SINGLE) if dtype is np.float32 else {}
        first = len(values)
        for number, size in enumerate((first, other_size(first), first, first)):
            which = ["", ", second batch", ", third batch", ", fourth batch"][number]
            p, t = batch((size, *values.shape[1:]), dtype)
            p = np.asfortranarray(p) if number == 1 else p
            how, fresh = dict(sizes=sizes_of(p.shape), hint=KEPT if number else ""), [None, None]
            pair = script.argument("prediction", p), script.argument("target", t)
            if number:
                with script.aside():
                    alone = script.call(check.name, **make)
                    fresh = [script.method(alone, m, *pair) for m in ("forward", "backward")]
            with script.aside(look == "gradient"):
                value = script.method(loss, "forward", *pair)
            if look != "gradient":
                script.look(f"loss{which}", value, fresh=fresh[0], **how, **near)
                kept = script.get(loss, "output")
                script.look(f"self.output{which}", kept, "loss", quiet=True, **near)
            for again in ("", ", called again") if look != "output" else ():
                found.append(script.method(loss, "backward", *pair))
                label = f"{GRADIENT}{which}{again}"
                script.look(label, found[-1], fresh=fresh[1], **how)
        for result in found[1:6:4]:  # the first batch's and the third's
            script.later(GRADIENT, result)
        if look == "all" and drawn and dtype is np.float64:
            places = draw.rng.permutation(p.size)[:PLACES]
            forward = script.method(loss, "__getattribute__", "forward")
            script.central_differences(GRADIENT, found[-1], places, forward, [p, t], 0, 1.0)
        if drawn and dtype is np.float64:
            large = [loss, *batch(longer(p.shape))]
            script.no_loops([loss, p, t], large, forward=2, backward=2)

    also = partial(oracles.Criterion, OpenClip) if like is OneHotNLLLoss else None
    return check.differential(
        partial(oracles.Criterion, like), write, losses(like(**make)), also=also
    )
