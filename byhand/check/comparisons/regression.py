"""check.network and check.network_gradients: the two-layer regression net of assignment 1.

h = relu(x w1 + b1), out = h w2 + b2, loss = sum((out - y)^2). x: (batch, inputs),
y: (batch, outputs), w1: (inputs, hidden), b1: (hidden,), w2: (hidden, outputs), b2: (outputs,).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.func import functional_call

from byhand.check.comparisons.function import function, gradient
from byhand.check.random_inputs import Draw
from byhand.check.report import Report

SIZES = (3, 2, 1)  # inputs, hidden units, outputs
WEIGHTS = ("w1", "b1", "w2", "b2")
KINK = 1e-3  # no hidden unit is nearer to ReLU's kink, where rounding would decide
Mask = Callable[..., torch.Tensor]


def network(
    subject: Any, batch: int = 64, sizes: Sequence[int] = SIZES, seed: int | None = None
) -> Report | None:
    """Compare a forward pass, which returns (h, out, loss), with PyTorch's own layers.

    sizes: inputs, hidden units, outputs. Raises CheckFailed with what was found.
    """
    parts = ["h", "out", "loss"]
    args = partial(draw_problem, batch, sizes)
    return function(
        subject, outputs, args, parts, tensors=True, suspects=FORWARD, seed=seed, called="network"
    )


def network_gradients(
    subject: Any,
    look: str,
    own: Any = None,
    batch: int = 64,
    sizes: Sequence[int] = SIZES,
    seed: int | None = None,
) -> Report | None:
    """Compare one of the four gradients that the subject returns with PyTorch's.

    look: "w1", "b1", "w2" or "b2"; own: the student's own forward pass, whose last result is the
    loss. Raises CheckFailed with what was found.
    """
    return gradient(
        subject,
        loss,
        WEIGHTS,
        partial(draw_problem, batch, sizes),
        own=own,
        look=look,
        tensors=True,
        suspects=BACKWARD,
        seed=seed,
        called="network_gradients",
    )


def draw_problem(batch: int, sizes: Sequence[int], draw: Draw) -> dict[str, np.ndarray]:
    """x, y and the four weights, random, on which every mistake in ReLU's mask shows.

    Each hidden unit is on for some samples and off for others (for one sample: some units are), the
    bias decides for one of them at least, and gradients of both signs come back to both.
    """
    n_in, n_hidden, n_out = sizes
    shapes = (n_in, n_hidden), (n_hidden,), (n_hidden, n_out), (n_out,)

    def telling(x: np.ndarray, y: np.ndarray, w1: Any, b1: Any, w2: Any, b2: Any) -> bool:
        z = x @ w1 + b1
        on, back = z > 0, (np.maximum(z, 0) @ w2 + b2 - y) @ w2.T
        axis = None if batch == 1 else 0
        both = on.any(axis).all() and (~on).any(axis).all()
        decided = (on != (z > b1)).any()
        return bool(
            np.abs(z).min() > KINK
            and (n_hidden * batch == 1 or both)
            and decided
            and (on != (back > 0)).any()
        )

    def one() -> list[np.ndarray]:
        weights = [draw.rng.choice([-1, 1], s) * draw.rng.uniform(0.2, 1, s) for s in shapes]
        return [draw.normal((batch, n_in)), draw.normal((batch, n_out)), *weights]

    return dict(zip(("x", "y", *WEIGHTS), draw.until(one, lambda v: telling(*v)), strict=True))


def outputs(
    x: torch.Tensor,
    y: torch.Tensor,
    w1: torch.Tensor,
    b1: torch.Tensor,
    w2: torch.Tensor,
    b2: torch.Tensor,
    activation: Callable | None = None,
    reduction: str = "sum",
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(h, out, loss) of PyTorch's own layers with these numbers in them."""
    # layers without numbers of their own: none are drawn, and the student's generator stands still
    first, second = (torch.nn.Linear(*w.shape, device="meta") for w in (w1, w2))
    z = functional_call(first, {"weight": w1.mT, "bias": b1}, x)
    h = (activation or torch.nn.ReLU())(z)
    out = functional_call(second, {"weight": w2.mT, "bias": b2}, h)
    return h, out, torch.nn.MSELoss(reduction=reduction)(out, y)


def loss(*args: torch.Tensor, **changes: Any) -> torch.Tensor:
    """The loss alone; arguments as those of `outputs`."""
    return outputs(*args, **changes)[2]


def masked(mask: Mask) -> Callable[..., torch.Tensor]:
    """The loss with a mistake: forwards all is well, backwards ReLU passes on where `mask` says.

    mask: gets z, out and all that `outputs` gets; returns what g is multiplied with at ReLU.
    """

    def wrong(*args: torch.Tensor) -> torch.Tensor:
        detached = [value.detach() for value in args]

        def activation(z: torch.Tensor) -> torch.Tensor:
            passed = mask(z.detach(), outputs(*detached)[1], *detached)
            return torch.relu(z).detach() + passed * (z - z.detach())

        return loss(*args, activation=activation)

    return wrong


def shared_bias(of: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """The loss with a mistake: each bias gradient is summed over everything, not the batch."""

    def summed(b: torch.Tensor) -> torch.Tensor:
        return b.detach() + b.sum() - b.sum().detach()

    return lambda x, y, w1, b1, w2, b2: of(x, y, w1, summed(b1), w2, summed(b2))


def _sign_of_gradient(z, out, x, y, w1, b1, w2, b2) -> torch.Tensor:
    return (out - y) @ w2.mT > 0


def _from_hidden(h, y, w2, b2, last=lambda out: out) -> tuple[torch.Tensor, ...]:
    out = last(h @ w2 + b2)
    return h, out, ((out - y) ** 2).sum()


FORWARD = {
    "The bias b1 is missing.": lambda x, y, w1, b1, *more: outputs(x, y, w1, 0 * b1, *more),
    "The bias b2 is missing.": lambda *args: outputs(*args[:-1], 0 * args[-1]),
    "ReLU is missing between the layers.": partial(outputs, activation=lambda z: z),
    "The loss is a sum over the batch, not a mean.": partial(outputs, reduction="mean"),
    "ReLU comes after the bias: relu(x w1 + b1).": lambda x, y, w1, b1, w2, b2: _from_hidden(
        torch.relu(x @ w1) + b1, y, w2, b2
    ),
    "ReLU stands between the layers only, not at the output.": lambda x, y, w1, b1, w2, b2: (
        _from_hidden(torch.relu(x @ w1 + b1), y, w2, b2, torch.relu)
    ),
    "w2 is transposed.": lambda x, y, w1, b1, w2, b2: _from_hidden(
        torch.relu(x @ w1 + b1), y, w2.mT, b2
    ),
    "Square each error first, then add them up.": lambda *args: (
        *outputs(*args)[:2],
        (outputs(*args)[1] - args[1]).sum() ** 2,
    ),
}
LATE_BIAS = masked(lambda z, out, x, y, w1, b1, *_: z - b1 > 0)
BACKWARD = {
    "Where ReLU was off no gradient comes back: its mask is missing.": masked(
        lambda z, *_: torch.ones_like(z)
    ),
    "ReLU's mask comes from its own input, not from the gradient.": masked(_sign_of_gradient),
    "ReLU's mask comes from the hidden layer, not from the output of the second.": masked(
        lambda z, out, *_: out.amax(dim=-1, keepdim=True) > 0
    ),
    "ReLU's mask comes from x w1 + b1, after the bias.": LATE_BIAS,
    "ReLU's mask is the wrong way round.": masked(lambda z, *_: z <= 0),
    "ReLU's derivative is 0 or 1; yours multiplies by h.": masked(lambda z, *_: torch.relu(z)),
    "It is summed over everything, not over the batch alone.": shared_bias(loss),
}
