"""check.network, check.network_gradients, check.descent: assignment 1's two-layer regression net.

h = relu(x w1 + b1), y = h w2 + b2, loss = sum((y - t)^2). x: (batch, inputs),
t: (batch, outputs), w1: (inputs, hidden), b1: (hidden,), w2: (hidden, outputs), b2: (outputs,).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from byhand.check.compare import same
from byhand.check.comparisons.function import function, gradient
from byhand.check.core import Check, one_of
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Line, Report
from byhand.check.script import Hint, Script
from byhand.protocol import experiment

SIZES = (3, 2, 1)  # inputs, hidden units, outputs
WEIGHTS = ("w1", "b1", "w2", "b2")
LR = 2e-3  # not the default of torch.optim.SGD, so that a forgotten one shows
STEPS = 3, 2  # that the calls of check.descent take
KINK = 1e-3  # no hidden unit is nearer to ReLU's kink, where rounding would decide


def network(
    subject: Any, batch: int = 64, sizes: Sequence[int] = SIZES, seed: int | None = None
) -> Report | None:
    """Compare a forward pass, which returns (h, y, loss), with PyTorch's own layers.

    sizes: inputs, hidden units, outputs. Raises CheckFailed with what was found.
    """
    how = dict(tensors=True, recorded=WEIGHTS, suspects=FORWARD, seed=seed, called="network")
    args = partial(draw_problem, batch, sizes)
    return function(subject, outputs, args, ["h", "y", "loss"], **how)


def network_gradients(
    subject: Any, look: str, own: Any = None, batch: int = 64, sizes: Sequence[int] = SIZES,
    seed: int | None = None,
) -> Report | None:  # fmt: skip
    """Compare one of the four gradients that the subject returns with PyTorch's.

    look: "w1", "b1", "w2" or "b2"; own: the student's own forward pass, whose last result is the
    loss. Raises CheckFailed with what was found.
    """
    args = partial(draw_problem, batch, sizes)
    how = dict(tensors=True, suspects=BACKWARD, seed=seed, called="network_gradients")
    if own is not None:
        how |= dict(longest=_shapes(batch, sizes))
    return gradient(subject, loss, WEIGHTS, args, own=own, look=look, **how)


@calm()
def descent(
    subject: Any, by: str, batch: int = 64, sizes: Sequence[int] = SIZES, seed: int | None = None
) -> Report | None:
    """Compare the losses and the weights after some steps of gradient descent with PyTorch's.

    by: "hand": subject(x, t, w1, b1, w2, b2, lr) takes one step without autograd and returns the
    loss before it; "autograd" or "optimizer": subject(x, t, w1, b1, w2, b2, lr, steps) takes all
    of them, with or without torch.optim, and returns the losses. Raises CheckFailed with what was
    found.
    """
    one_of(("hand", "autograd", "optimizer"), by, "by")
    if by == "optimizer":  # the first one loads hundreds of modules: not in the subject's time
        torch.optim.SGD([torch.zeros(1, requires_grad=True)])
    check, by_hand = Check("descent", subject, seed=seed), by == "hand"
    args = draw_problem(batch, sizes, check.draw)
    shown = f"inputs, hidden units and outputs {tuple(sizes)}, batch {batch}"
    check.report.title = f"{check.name} with {shown}"
    if by_hand:
        check.rules(loops=True, torch=True, autograd=False)
    steps = (1, 1) if by_hand else STEPS
    taken = sum(steps)

    def write(script: Script, dtype: type, autograd: bool = not by_hand) -> list[experiment.Ref]:
        """Two calls with the same weights, the second with x and t laid out otherwise."""
        script.tensors, script.autograd = True, autograd
        data = [script.argument(n, experiment.Tensor(args[n])) for n in ("x", "t")]
        # clones, because what is put must not change
        weights = [script.method(script.put(experiment.Tensor(args[n])), "clone") for n in WEIGHTS]
        counter = script.call("fixtures.OptimizerSteps")
        otherwise = [script.call("fixtures.laid_out_otherwise", ref) for ref in data]
        calls, number = [], 0
        for count, given in zip(steps, (data, otherwise), strict=True):
            more = [] if by_hand else [count]
            calls.append(script.call(check.name, *given, *weights, LR, *more))
        for call, count in zip(calls, steps, strict=True):
            for step in range(count):
                value = call if by_hand else script.call("fixtures.part", call, step, count)
                label = f"loss before step {(number := number + 1)}"
                how = dict(family="loss before each step", after=call)
                script.look(label, value, **how)
                script.later(label, value, **how)
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

    mistakes = [(says, how, n) for says, how in DESCENT.items() for n in WEIGHTS]
    mistakes += [(says, dict(of=of), n) for says, of in BUGS.items() for n in WEIGHTS if by_hand]
    mistakes.append(("These are the losses after each step.", dict(late=True), "loss"))
    hints = [Hint(says, partial(oracle, **how), label) for says, how, label in mistakes]
    if by == "autograd":  # the subject should fail when PyTorch records nothing
        script = Script(seed=check.draw.seed)
        calls = write(script, np.float64, autograd=False)
        if check.runner.run(script)[calls[-1].index].failure is None:
            text = "the gradients do not come from it: call backward()"
            check.report.lines.append(Line("autograd", False, text))
    return check.differential(oracle, write, hints, dtypes=[np.float64])


def draw_problem(batch: int, sizes: Sequence[int], draw: Draw) -> dict[str, np.ndarray]:
    """x, t and the four weights, random, on which every mistake in ReLU's mask shows.

    Each hidden unit is on for some samples and off for others (for one sample: some units are), and
    so are outputs; the bias decides for one unit at least; gradients of both signs come back.
    """
    x, t, *weights = _shapes(batch, sizes).values()
    n_hidden = sizes[1]

    def one() -> list[np.ndarray]:
        drawn = [draw.rng.choice([-1, 1], s) * draw.rng.uniform(0.2, 1, s) for s in weights]
        return [draw.normal(x), draw.normal(t), *drawn]

    def telling(drawn: list[np.ndarray]) -> bool:
        x, t, w1, b1, w2, b2 = drawn
        z = x @ w1 + b1
        on, y = z > 0, np.maximum(z, 0) @ w2 + b2
        back, positive = (y - t) @ w2.T, (y > 0).any(axis=1)
        axis = None if batch == 1 else 0
        both = n_hidden * batch == 1 or (on.any(axis).all() and (~on).any(axis).all())
        both &= batch == 1 or 0 < positive.sum() < batch
        decided, signs = (on != (z > b1)).any(), (on != (back > 0)).any()
        return bool(np.abs(z).min() > KINK and both and decided and signs)

    return dict(zip(_shapes(batch, sizes), draw.until(one, telling), strict=True))


def _shapes(batch: int, sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    n_in, n_hidden, n_out = sizes
    shapes = (batch, n_in), (batch, n_out), (n_in, n_hidden), (n_hidden,), (n_hidden, n_out)
    return dict(zip(("x", "t", *WEIGHTS), (*shapes, (n_out,)), strict=True))


def outputs(
    x: Tensor, t: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor,
    activation: Callable = torch.relu, last: Callable = Tensor.clone, reduction: str = "sum",
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """(h, y, loss) of PyTorch's own layers with these numbers in them."""
    h = activation(F.linear(x, w1.mT, b1))
    y = last(F.linear(h, w2.mT, b2))
    return h, y, F.mse_loss(y, t, reduction=reduction)


def loss(*args: Tensor, **changes: Any) -> Tensor:
    """The loss alone; arguments as those of `outputs`."""
    return outputs(*args, **changes)[2]


def _descend(
    x: Tensor, t: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, lr: float, steps: int = 1,
    times: float = 1.0, of: Callable = loss, gather: bool = False, late: bool = False,
) -> list[float]:  # fmt: skip
    """The losses before each step; the weights change in place.

    times: what the learning rate is multiplied with; of: the loss whose gradients are followed;
    gather: whether they add up; late: losses after each step.
    """
    weights, losses = (w1, b1, w2, b2), []
    gathered = [getattr(w, "gathered", 0.0) for w in weights]  # in an earlier call
    with torch.inference_mode(False), torch.enable_grad():
        x, t, *now = map(Tensor.clone, (x, t, *weights))
        for number in range(steps + late):
            now = [w.detach().requires_grad_() for w in now]
            value = of(x, t, *now)
            grads = torch.autograd.grad(value, now, materialize_grads=True)
            losses.append(value.item())
            gathered = [g + gather * old for g, old in zip(grads, gathered, strict=True)]
            if number < steps:
                now = [w - lr * times * g for w, g in zip(now, gathered, strict=True)]
    for weight, value, total in zip(weights, now, gathered, strict=True):
        weight.copy_(value.detach())
        weight.gathered = total
    return losses[late:]


def masked(mask: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The loss with a mistake: forwards all is well, backwards ReLU passes on where `mask` says.

    mask: gets z, y and all that `outputs` gets; returns what g is multiplied with at ReLU.
    """

    def wrong(*args: Tensor) -> Tensor:
        detached = [value.detach() for value in args]

        def activation(z: Tensor) -> Tensor:
            passed = mask(z.detach(), outputs(*detached)[1], *detached)
            return torch.relu(z).detach() + passed * (z - z.detach())

        return loss(*args, activation=activation)

    return wrong


def shared_bias(of: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The loss with a mistake: each bias gradient is summed over everything, not the batch."""

    def summed(b: Tensor) -> Tensor:
        return b.detach() + b.sum() - b.sum().detach()

    return lambda x, t, w1, b1, w2, b2: of(x, t, w1, summed(b1), w2, summed(b2))


FORWARD: dict[str, Callable] = {
    "The bias b1 is missing.": lambda x, t, w1, b1, *more: outputs(x, t, w1, 0 * b1, *more),
    "The bias b2 is missing.": lambda *args: outputs(*args[:-1], 0 * args[-1]),
    "ReLU is missing between the layers.": partial(outputs, activation=lambda z: z),
    "The loss is a sum over the batch, not a mean.": partial(outputs, reduction="mean"),
    "ReLU comes after the bias: relu(x w1 + b1).":
        lambda x, t, w1, b1, *more: outputs(
            x, t, w1, 0 * b1, *more, activation=lambda z: torch.relu(z) + b1),
    "ReLU stands between the layers only, not at the output.": partial(outputs, last=torch.relu),
    "w2 is transposed.": lambda *args: outputs(*args[:4], args[4].mT, args[5]),
    "Square each error first, then add them up.":
        lambda *args: (*outputs(*args)[:2], (outputs(*args)[1] - args[1]).sum() ** 2),
}  # fmt: skip
LATE_BIAS = masked(lambda z, y, x, t, w1, b1, *_: z - b1 > 0)
BACKWARD: dict[str, Callable] = {
    "Where ReLU was off no gradient comes back: its mask is missing.":
        masked(lambda z, *_: torch.ones_like(z)),
    "ReLU's mask comes from its own input, not from the gradient.":
        masked(lambda z, y, x, t, w1, b1, w2, b2: (y - t) @ w2.mT > 0),
    "ReLU's mask comes from the hidden layer, not from the output of the second.":
        masked(lambda z, y, *_: y.amax(dim=-1, keepdim=True) > 0),
    "ReLU's mask comes from x w1 + b1, after the bias.": LATE_BIAS,
    "ReLU's mask is the wrong way round.": masked(lambda z, *_: z <= 0),
    "ReLU's derivative is 0 or 1; yours multiplies by h.": masked(lambda z, *_: torch.relu(z)),
    "It is summed over everything, not over the batch alone.": shared_bias(loss),
}  # fmt: skip
DESCENT: dict[str, dict[str, Any]] = {
    "It has not moved: change the tensors you are given in place.": dict(times=0.0),
    "It goes uphill: the gradient is subtracted.": dict(times=-1.0),
    "The gradients of earlier steps are still in it: set them to zero.": dict(gather=True),
    "The loss is a sum over the batch, not a mean.": dict(of=partial(loss, reduction="mean")),
    "lr is an argument: yours is another number.": dict(times=0.5),  # 1e-3, PyTorch's default
}
BUGS: dict[str, Callable] = {
    "Nothing is fixed: this is the step as it was.": shared_bias(LATE_BIAS),
    "Now look at the biases: what does each entry of b1 move?": shared_bias(loss),
    "Now look at the mask: when is a hidden unit off?": LATE_BIAS,
}
