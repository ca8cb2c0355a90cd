"""check.network and check.network_gradients: the two-layer regression net of assignment 1.

h = relu(x w1 + b1), out = h w2 + b2, loss = sum((out - y)^2). x: (batch, inputs),
y: (batch, outputs), w1: (inputs, hidden), b1: (hidden,), w2: (hidden, outputs), b2: (outputs,).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from byhand.check.comparisons.function import function, gradient
from byhand.check.random_inputs import Draw
from byhand.check.report import Report

SIZES = (3, 2, 1)  # inputs, hidden units, outputs
WEIGHTS = ("w1", "b1", "w2", "b2")
KINK = 1e-3  # no hidden unit is nearer to ReLU's kink, where rounding would decide


def network(
    subject: Any, batch: int = 64, sizes: Sequence[int] = SIZES, seed: int | None = None
) -> Report | None:
    """Compare a forward pass, which returns (h, out, loss), with PyTorch's own layers.

    sizes: inputs, hidden units, outputs. Raises CheckFailed with what was found.
    """
    args, how = partial(draw_problem, batch, sizes), dict(seed=seed, called="network")
    parts = ["h", "out", "loss"]
    return function(subject, outputs, args, parts, tensors=True, suspects=FORWARD, **how)


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
    return gradient(subject, loss, WEIGHTS, args, own=own, look=look, **how)


def draw_problem(batch: int, sizes: Sequence[int], draw: Draw) -> dict[str, np.ndarray]:
    """x, y and the four weights, random, on which every mistake in ReLU's mask shows.

    Each hidden unit is on for some samples and off for others (for one sample: some units are), the
    bias decides for one of them at least, and gradients of both signs come back to both.
    """
    n_in, n_hidden, n_out = sizes
    shapes = (n_in, n_hidden), (n_hidden,), (n_hidden, n_out), (n_out,)

    def one() -> list[np.ndarray]:
        weights = [draw.rng.choice([-1, 1], s) * draw.rng.uniform(0.2, 1, s) for s in shapes]
        return [draw.normal((batch, n_in)), draw.normal((batch, n_out)), *weights]

    def telling(drawn: list[np.ndarray]) -> bool:
        x, y, w1, b1, w2, b2 = drawn
        z = x @ w1 + b1
        on, back = z > 0, (np.maximum(z, 0) @ w2 + b2 - y) @ w2.T
        axis = None if batch == 1 else 0
        both = n_hidden * batch == 1 or (on.any(axis).all() and (~on).any(axis).all())
        decided, signs = (on != (z > b1)).any(), (on != (back > 0)).any()
        return bool(np.abs(z).min() > KINK and both and decided and signs)

    return dict(zip(("x", "y", *WEIGHTS), draw.until(one, telling), strict=True))


def outputs(
    x: Tensor, y: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor,
    activation: Callable = torch.relu, last: Callable = Tensor.clone, reduction: str = "sum",
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """(h, out, loss) of PyTorch's own layers with these numbers in them."""
    # layers without numbers of their own: none are drawn, and the student's generator stands still
    first, second = (nn.Linear(*w.shape, device="meta") for w in (w1, w2))
    h = activation(functional_call(first, {"weight": w1.mT, "bias": b1}, x))
    out = last(functional_call(second, {"weight": w2.mT, "bias": b2}, h))
    return h, out, nn.MSELoss(reduction=reduction)(out, y)


def loss(*args: Tensor, **changes: Any) -> Tensor:
    """The loss alone; arguments as those of `outputs`."""
    return outputs(*args, **changes)[2]


def masked(mask: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The loss with a mistake: forwards all is well, backwards ReLU passes on where `mask` says.

    mask: gets z, out and all that `outputs` gets; returns what g is multiplied with at ReLU.
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

    return lambda x, y, w1, b1, w2, b2: of(x, y, w1, summed(b1), w2, summed(b2))


FORWARD: dict[str, Callable] = {
    "The bias b1 is missing.": lambda x, y, w1, b1, *more: outputs(x, y, w1, 0 * b1, *more),
    "The bias b2 is missing.": lambda *args: outputs(*args[:-1], 0 * args[-1]),
    "ReLU is missing between the layers.": partial(outputs, activation=lambda z: z),
    "The loss is a sum over the batch, not a mean.": partial(outputs, reduction="mean"),
    "ReLU comes after the bias: relu(x w1 + b1).":
        lambda x, y, w1, b1, *more: outputs(
            x, y, w1, 0 * b1, *more, activation=lambda z: torch.relu(z) + b1),
    "ReLU stands between the layers only, not at the output.": partial(outputs, last=torch.relu),
    "w2 is transposed.": lambda *args: outputs(*args[:4], args[4].mT, args[5]),
    "Square each error first, then add them up.":
        lambda *args: (*outputs(*args)[:2], (outputs(*args)[1] - args[1]).sum() ** 2),
}  # fmt: skip
LATE_BIAS = masked(lambda z, out, x, y, w1, b1, *_: z - b1 > 0)
BACKWARD: dict[str, Callable] = {
    "Where ReLU was off no gradient comes back: its mask is missing.":
        masked(lambda z, *_: torch.ones_like(z)),
    "ReLU's mask comes from its own input, not from the gradient.":
        masked(lambda z, out, x, y, w1, b1, w2, b2: (out - y) @ w2.mT > 0),
    "ReLU's mask comes from the hidden layer, not from the output of the second.":
        masked(lambda z, out, *_: out.amax(dim=-1, keepdim=True) > 0),
    "ReLU's mask comes from x w1 + b1, after the bias.": LATE_BIAS,
    "ReLU's mask is the wrong way round.": masked(lambda z, *_: z <= 0),
    "ReLU's derivative is 0 or 1; yours multiplies by h.": masked(lambda z, *_: torch.relu(z)),
    "It is summed over everything, not over the batch alone.": shared_bias(loss),
}  # fmt: skip
