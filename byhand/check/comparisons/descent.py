"""check.descent: functions that train the two-layer regression net by gradient descent."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check.comparisons.regression import (
    LATE_BIAS,
    SIZES,
    WEIGHTS,
    draw_problem,
    loss,
    shared_bias,
)
from byhand.check.core import Check, one_of
from byhand.check.random_inputs import calm
from byhand.check.report import Line, Report
from byhand.check.script import Hint, Script
from byhand.protocol.experiment import Ref, Tensor

LR = 2e-3  # not the default of torch.optim.SGD, so that a forgotten one shows
CALLS, STEPS = 2, 3  # how often a subject is called, and the steps that each call takes
WAYS = ("hand", "autograd", "optimizer")

OF_MEAN = partial(loss, reduction="mean")
MISTAKES: dict[str, dict[str, Any]] = {
    "It has not moved: change the tensors you are given in place.": {"lr": 0.0},
    "It goes uphill: the gradient is subtracted.": {"lr": -LR},
    "The gradients of earlier steps are still in it: set them to zero.": {"gather": True},
    "The loss is a sum over the batch, not a mean.": {"of": OF_MEAN},
    "lr is an argument: yours is another number.": {"lr": 1e-3},
}
BUGS: dict[str, dict[str, Any]] = {
    "Neither bug is fixed: this is the step as it was.": {"of": shared_bias(LATE_BIAS)},
    "Now look at the biases: what does each entry of b1 move?": {"of": shared_bias(loss)},
    "Now look at the mask: when is a hidden unit off?": {"of": LATE_BIAS},
}


@calm()
def descent(
    subject: Any,
    by: str,
    batch: int = 64,
    sizes: Sequence[int] = SIZES,
    seed: int | None = None,
) -> Report | None:
    """Compare the losses and the weights after some steps of gradient descent with PyTorch's.

    by: "hand": subject(x, y, w1, b1, w2, b2, lr) takes one step without autograd and returns the
    loss before it; "autograd" or "optimizer": subject(x, y, w1, b1, w2, b2, lr, steps) takes all
    of them, with or without torch.optim, and returns the losses. Raises CheckFailed with what was
    found.
    """
    one_of(WAYS, by, "by")
    check = Check("descent", subject, seed=seed)
    args = draw_problem(batch, sizes, check.draw)
    shown = f"inputs, hidden units and outputs {tuple(sizes)}, batch {batch}"
    check.report.title = f"{check.name} with {shown}"
    if by == "hand":
        check.rules(loops=True, torch=True, autograd=False)
    steps = 1 if by == "hand" else STEPS

    def write(script: Script, dtype: type, autograd: bool = True) -> list[Ref]:
        """Two calls with the same weights."""
        script.tensors, script.autograd = True, autograd and by != "hand"
        data = [script.argument(n, Tensor(args[n])) for n in ("x", "y")]
        # clones, because what is put must not change
        weights = [script.method(script.put(Tensor(args[n])), "clone") for n in WEIGHTS]
        counter = script.call("fixtures.OptimizerSteps")
        count = () if by == "hand" else (steps,)
        calls = [script.call(check.name, *data, *weights, LR, *count) for _ in range(CALLS)]
        number = 0
        for call in calls:
            for step in range(steps):
                value = call if by == "hand" else script.call("fixtures.part", call, step, steps)
                number += 1
                label = f"loss before step {number}"
                script.look(label, value, "loss before each step", after=call)
        for n, ref in zip(WEIGHTS, weights, strict=True):
            label = f"{n} after {CALLS * steps} steps"
            script.look(label, script.read(ref), after=calls[-1])
        script.expect("torch.optim", script.method(counter, "stop"), _counted(by, CALLS * steps),
                      quiet=by != "optimizer")  # fmt: skip
        return calls

    def oracle(x: Any, y: Any, *rest: Any, **mistake: Any) -> Any:
        weights, lr, count = rest[:4], rest[4], rest[5] if len(rest) > 5 else 1
        losses = _descend(x, y, list(weights), lr=lr, count=count, **mistake)
        return losses[0] if by == "hand" else losses

    mistakes = MISTAKES | (BUGS if by == "hand" else {})
    hints = [
        Hint(says, partial(_with, oracle, how), label)
        for says, how in mistakes.items()
        for label in WEIGHTS
    ]
    hints.append(Hint("These are the losses after each step.", partial(_with, oracle, {"late": 1}),
                      "loss"))  # fmt: skip
    if by == "autograd":
        check.report.lines += _needs_autograd(check, write)
    return check.differential(oracle, write, hints, dtypes=[np.float64])


def _with(oracle: Callable, mistake: dict[str, Any], *given: Any) -> Any:
    lr = mistake.get("lr", given[6])
    others = {key: value for key, value in mistake.items() if key != "lr"}
    return oracle(*given[:6], lr, *given[7:], **others)


def _descend(
    x: torch.Tensor, y: torch.Tensor, weights: list[torch.Tensor], lr: float, count: int,
    of: Callable = loss, gather: bool = False, late: bool = False,
) -> list[float]:  # fmt: skip
    """The losses before each step; the weights change in place.

    of: the loss whose gradients are followed; gather: whether they add up; late: losses after.
    """
    with torch.inference_mode(False):
        now = [torch.from_numpy(w.numpy().copy()) for w in weights]
        data = [torch.from_numpy(v.numpy().copy()) for v in (x, y)]
        slope = torch.func.grad_and_value(of, argnums=(2, 3, 4, 5))
        losses = []
        gathered = [getattr(w, "gathered", 0.0) for w in weights]  # in an earlier call
        for _ in range(count + late):
            grads, value = slope(*data, *now)
            losses.append(value.item())
            gathered = [g + (old if gather else 0) for g, old in zip(grads, gathered, strict=True)]
            if len(losses) <= count:
                now = [w - lr * g for w, g in zip(now, gathered, strict=True)]
    for weight, value, sum_ in zip(weights, now, gathered, strict=True):
        weight.numpy()[...] = value.numpy()
        weight.gathered = sum_
    return losses[late:]


def _counted(by: str, steps: int) -> Callable[[Any], str]:
    """Whether it was torch.optim that took the steps."""

    def rule(counted: Any) -> str:
        if by == "optimizer":
            words = f"took {counted} of {steps} steps: let the optimizer change the weights"
            return "" if counted == steps else words
        return "took the steps; here they are yours" if counted else ""

    return rule


def _needs_autograd(check: Check, write: Callable) -> list[Line]:
    """Whether the subject fails when PyTorch records nothing, as it should."""
    script = Script(seed=check.draw.seed)
    calls = write(script, np.float64, autograd=False)
    failure = check.runner.run(script)[calls[-1].index].failure
    if failure is not None:
        return []
    return [Line("autograd", False, "the gradients do not come from it: call backward()")]
