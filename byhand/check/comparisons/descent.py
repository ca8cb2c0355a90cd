"""check.descent: functions that train the two-layer regression net by gradient descent."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check.compare import same
from byhand.check.comparisons import regression
from byhand.check.comparisons.regression import LATE_BIAS, SIZES, WEIGHTS, loss, shared_bias
from byhand.check.core import Check, one_of
from byhand.check.random_inputs import calm
from byhand.check.report import Line, Report
from byhand.check.script import Hint, Script
from byhand.protocol.experiment import Ref, Tensor

LR = 2e-3  # not the default of torch.optim.SGD, so that a forgotten one shows
CALLS, STEPS = 2, 3  # how often a subject is called, and the steps that each call takes
MISTAKES: dict[str, dict[str, Any]] = {
    "It has not moved: change the tensors you are given in place.": {"lr": 0.0},
    "It goes uphill: the gradient is subtracted.": {"lr": -LR},
    "The gradients of earlier steps are still in it: set them to zero.": {"gather": True},
    "The loss is a sum over the batch, not a mean.": {"of": partial(loss, reduction="mean")},
    "lr is an argument: yours is another number.": {"lr": 1e-3},
}
BUGS: dict[str, dict[str, Any]] = {
    "Neither bug is fixed: this is the step as it was.": {"of": shared_bias(LATE_BIAS)},
    "Now look at the biases: what does each entry of b1 move?": {"of": shared_bias(loss)},
    "Now look at the mask: when is a hidden unit off?": {"of": LATE_BIAS},
}


@calm()
def descent(
    subject: Any, by: str, batch: int = 64, sizes: Sequence[int] = SIZES, seed: int | None = None
) -> Report | None:
    """Compare the losses and the weights after some steps of gradient descent with PyTorch's.

    by: "hand": subject(x, y, w1, b1, w2, b2, lr) takes one step without autograd and returns the
    loss before it; "autograd" or "optimizer": subject(x, y, w1, b1, w2, b2, lr, steps) takes all
    of them, with or without torch.optim, and returns the losses. Raises CheckFailed with what was
    found.
    """
    one_of(("hand", "autograd", "optimizer"), by, "by")
    check, by_hand = Check("descent", subject, seed=seed), by == "hand"
    args = regression.draw_problem(batch, sizes, check.draw)
    shown = f"inputs, hidden units and outputs {tuple(sizes)}, batch {batch}"
    check.report.title = f"{check.name} with {shown}"
    if by_hand:
        check.rules(loops=True, torch=True, autograd=False)
    steps = 1 if by_hand else STEPS
    taken = CALLS * steps

    def write(script: Script, dtype: type, autograd: bool = not by_hand) -> list[Ref]:
        """Two calls with the same weights."""
        script.tensors, script.autograd = True, autograd
        data = [script.argument(n, Tensor(args[n])) for n in ("x", "y")]
        # clones, because what is put must not change
        weights = [script.method(script.put(Tensor(args[n])), "clone") for n in WEIGHTS]
        counter = script.call("fixtures.OptimizerSteps")
        given = *data, *weights, LR, *(() if by_hand else (steps,))
        calls = [script.call(check.name, *given) for _ in range(CALLS)]
        for number in range(taken):
            call, step = calls[number // steps], number % steps
            value = call if by_hand else script.call("fixtures.part", call, step, steps)
            label = f"loss before step {number + 1}"
            script.look(label, value, "loss before each step", after=call)
        for n, ref in zip(WEIGHTS, weights, strict=True):
            script.look(f"{n} after {taken} steps", script.read(ref), after=calls[-1])
        counted = script.method(counter, "stop")
        script.expect("torch.optim", counted, took_them, quiet=by != "optimizer")
        return calls

    def took_them(counted: Any) -> str:
        """Whether it was torch.optim that took the steps."""
        if by != "optimizer":
            return "" if same(counted, 0) else "took the steps; here they are yours"
        words = f"took {counted} of {taken} steps: let the optimizer change the weights"
        return "" if same(counted, taken) else words

    def oracle(*given: Any, **mistake: Any) -> Any:
        losses = _descend(*given, **mistake)
        return losses[0] if by_hand else losses

    hints = [
        Hint(says, partial(oracle, **how), label)
        for says, how in (MISTAKES | (BUGS if by_hand else {})).items()
        for label in WEIGHTS
    ]
    hints.append(Hint("These are the losses after each step.", partial(oracle, late=True), "loss"))
    if by == "autograd":  # the subject should fail when PyTorch records nothing
        script = Script(seed=check.draw.seed)
        calls = write(script, np.float64, autograd=False)
        if check.runner.run(script)[calls[-1].index].failure is None:
            text = "the gradients do not come from it: call backward()"
            check.report.lines.append(Line("autograd", False, text))
    return check.differential(oracle, write, hints, dtypes=[np.float64])


def _descend(
    x: torch.Tensor, y: torch.Tensor, w1: torch.Tensor, b1: torch.Tensor, w2: torch.Tensor,
    b2: torch.Tensor, given_lr: float, steps: int = 1,
    lr: float | None = None, of: Callable = loss, gather: bool = False, late: bool = False,
) -> list[float]:  # fmt: skip
    """The losses before each step; the weights change in place.

    lr: another learning rate than the one given; of: the loss whose gradients are followed;
    gather: whether they add up; late: losses after each step.
    """
    weights, lr = (w1, b1, w2, b2), given_lr if lr is None else lr
    with torch.inference_mode(False):
        x, y, *now = [torch.from_numpy(v.numpy().copy()) for v in (x, y, *weights)]
        slope = torch.func.grad_and_value(of, argnums=(2, 3, 4, 5))
        losses = []
        gathered = [getattr(w, "gathered", 0.0) for w in weights]  # in an earlier call
        for _ in range(steps + late):
            grads, value = slope(x, y, *now)
            losses.append(value.item())
            gathered = [g + (old if gather else 0) for g, old in zip(grads, gathered, strict=True)]
            if len(losses) <= steps:
                now = [w - lr * g for w, g in zip(now, gathered, strict=True)]
    for weight, value, sum_ in zip(weights, now, gathered, strict=True):
        weight.numpy()[...] = value.numpy()
        weight.gathered = sum_
    return losses[late:]
