"""check.self_attention and check.block; PyTorch's attention, and the formula of rotary positions.

The layers of a block, and the function in the middle of the heads, are given while a block or the
heads are tried: a mistake in one costs nothing in the other.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import numpy as np
import torch

from byhand.check import oracles, stand_ins
from byhand.check.comparisons.layer import layer
from byhand.check.comparisons.passes import AGAIN, KEPT, NEXT
from byhand.check.core import Check
from byhand.check.hints.transformer import BLOCK
from byhand.check.random_inputs import calm, sizes_of, written
from byhand.check.report import Report
from byhand.check.script import Hint, Script
from byhand.check.torch_attention import SelfAttention, scaled_dot_product_attention
from byhand.protocol.experiment import Ref

MOST = 10**7  # numbers in the table of scores of one call


@calm()
def self_attention(
    cls: Any, make: dict[str, Any], x: tuple[int, ...], look: str = "all", seed: int | None = None
) -> Report | None:
    """Compare a layer with torch.nn.MultiheadAttention(batch_first=True) on x, x, x.

    x: a shape (B, T, E), drawn at random; look: as in check.layer. The functions attention and
    attention_backward are PyTorch's meanwhile. Raises CheckFailed with what was found.
    """
    how: dict[str, Any] = dict(look=look, loops=True, seed=seed, called="self_attention")
    how["attention"] = given_attention, given_attention_backward
    return layer(cls, SelfAttention, make, x, **how)


def unguarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with PyTorch at work in it, also where a student's code may not use it."""

    @wraps(function)
    def work(*args: Any) -> Any:
        with torch._C.DisableTorchFunction():
            return oracles.numbers(function(*args))

    return work


@unguarded
def given_attention(*args: np.ndarray) -> torch.Tensor:
    """What stands for attention(q, k, v, causal) on the student's side. Raises ValueError."""
    return _attend(*map(_tensor, args[:3]), *args[3:])


@unguarded
def given_attention_backward(*args: np.ndarray) -> tuple[torch.Tensor, ...]:
    """What stands for attention_backward(q, k, v, grad_output, causal). Raises ValueError."""
    inputs, g = [_tensor(array).requires_grad_() for array in args[:3]], _tensor(args[3])
    y = _attend(*inputs, *args[4:])
    if y.shape != g.shape:
        raise ValueError(f"grad_output of shape {tuple(g.shape)} for {tuple(y.shape)}")
    return torch.autograd.grad(y, inputs, g)


def _tensor(array: np.ndarray) -> torch.Tensor:
    if array.ndim != 4 or array.dtype not in (np.float32, np.float64):
        raise ValueError(f"(B, H, T, d) of floats expected, not {array.dtype} {array.shape}")
    return torch.from_numpy(np.array(array))


def _attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: Any = False) -> torch.Tensor:
    shapes = f"q {tuple(q.shape)}, k {tuple(k.shape)}, v {tuple(v.shape)}"
    if k.shape[:-1] != v.shape[:-1] or q.shape[:2] != k.shape[:2] or q.shape[3] != k.shape[3]:
        raise ValueError(f"the shapes do not fit: {shapes}")
    if q.shape[:-1].numel() * k.shape[2] > MOST:
        raise ValueError(f"too many scores: {shapes}")
    return scaled_dot_product_attention(q, k, v, bool(np.asarray(causal)))


@calm()
def block(
    cls: Any, make: dict[str, Any], x: tuple[int, ...], seed: int | None = None
) -> Report | None:
    """Compare a block with torch.nn.TransformerEncoderLayer(norm_first=True), the same parts in
    both.

    make: embed_dim, num_heads, hidden and causal; x: a shape (B, T, embed_dim). In the student's
    cell LayerNorm, MultiHeadAttention, Linear and GELU are small layers that are given. Raises
    CheckFailed with what was found.
    """
    check, width, hidden = Check("block", cls, seed=seed), make["embed_dim"], make["hidden"]
    check.report.title = f"{written(check.name, **make)} of given parts on x of shape {x}"
    check.rules(loops=True)
    features = [width, width, width, hidden, width, hidden]  # as stand_ins.KINDS has the parts
    drawn, changes = ([check.draw.normal((n,)) for n in features] for _ in range(2))
    sizes = x[0], x[0] + 1, x[0] + 2, x[0] + 2  # the last two: the same shape in a row
    batches = [check.draw.batch((size, *x[1:])) for size in sizes]
    upstream = [check.draw.normal(batch.shape) for batch in batches]
    batches[1], upstream[1] = map(np.asfortranarray, (batches[1], upstream[1]))

    def write(script: Script, dtype: type) -> None:
        weights, left = {}, [weight.astype(dtype) for weight in drawn]
        for kind, count in stand_ins.KINDS.items():
            weights[kind], left = left[:count], left[count:]
        given = script.find(check.name), weights
        made = script.build("fixtures.Assembled", *given, **make)
        own, found = script.get(made, "block"), {}
        with script.aside():
            beside = script.get(script.call("fixtures.Assembled", *given, **make), "block")

        def of_parts(label: str, method: str, of: Ref = made) -> dict[str, Ref]:
            values = script.method(of, method)
            items = (script.call("fixtures.item", values, n) for n in range(len(PARTS)))
            return dict(zip([label.format(part) for part in PARTS], items, strict=True))

        def look_at_modes(mode: str, words: str, after: Ref) -> None:
            how = dict(quiet=True, otherwise=words, after=after)
            script.look(f"{mode}()", script.method(made, "modes"), **how)

        for (which, hint), batch, g in zip(PASSES, batches, upstream, strict=True):
            mode = "eval" if which == EVAL else "train"
            if which in (EVAL, NEXT):
                called = script.method(own, mode)
                look_at_modes(mode, f"{mode}() does not reach every part", called)
            if which == NEXT:
                arrays = of_parts("{}", "weights").values()
                for array, change in zip(arrays, changes, strict=True):
                    script.method(array, "__iadd__", change.astype(dtype))
                script.method(own, "zero_grad")
            x_ref = script.argument("x", batch.astype(dtype))
            g_ref = script.argument("grad_output", g.astype(dtype))
            with script.aside():
                new = script.call("fixtures.Assembled", *given, **make)
                alone = script.get(new, "block")
                fresh = {"output": script.method(alone, "forward", x_ref)}
                fresh[IN_X] = script.method(alone, "backward", x_ref, g_ref)
                fresh |= of_parts(IN_PART, "gradients", new)
            how = dict(hint=hint, sizes=sizes_of(batch.shape))
            y = script.method(own, "forward", x_ref)
            found[f"output{which}"] = script.look(f"output{which}", y, fresh=fresh["output"], **how)
            script.look(f"self.output{which}", script.get(own, "output"), "output", quiet=True)
            for label, ref in of_parts("{}.output", "outputs").items():
                script.look(label + which, ref, "output", quiet=True, after=y, hint=LEFT_ALONE)
            with script.aside():
                script.method(beside, "forward", script.method(x_ref, "__add__", 1.0))
            grad = script.method(own, "backward", x_ref, g_ref)
            found[IN_X + which] = script.look(IN_X + which, grad, fresh=fresh[IN_X], **how)
            for label, ref in of_parts(IN_PART, "gradients").items():
                added = ", added up" * (which not in ("", NEXT))
                how |= dict(after=grad, fresh=fresh[label])
                script.look(f"{label}{added}{which}", ref, **how)
            look_at_modes(mode, "a pass changes the mode of a part", grad)
        for label, ref in found.items():
            script.later(label, ref)
        script.method(own, "zero_grad")
        for label, ref in of_parts(IN_PART, "gradients").items():
            script.look(f"{label} after zero_grad", ref, "zero_grad()", quiet=True)
        listed = script.call("fixtures.length", script.method(own, "parameters"))
        words = f"should list the arrays of all {len(PARTS)} parts"
        script.look("parameters()", listed, quiet=True, otherwise=words)
        if dtype is np.float64:
            places = check.draw.rng.permutation(batches[-1].size)[:60]
            with script.aside():
                forward = script.get(own, "forward")
                how = forward, [batches[-1]], 0, upstream[-1]
                script.central_differences("gradient for x", grad, places, *how)

    hints = [
        Hint(says, partial(_Block, forward=wrong), label)
        for says, labels, wrong in BLOCK
        for label in labels
    ]
    return check.differential(_Block, write, hints)


IN_X, IN_PART, EVAL = "gradient for x", "gradient in {}", ", eval mode"
BESIDE = "A second block went forward meanwhile: keep what you need in self, not for all blocks."
BOTH_MODES = "It was right in train mode: a block does the same in eval mode."
LEFT_ALONE = (
    "A part keeps its output: call the part, and change nothing of what it returns in place."
)
PASSES = ("", BESIDE), (", second pass", KEPT), (EVAL, BOTH_MODES), (NEXT, AGAIN)
PARTS = "norm1 norm2 attention linear1 linear2 gelu".split()
INSIDE = "norm1 norm2 self_attn linear1 linear2 activation".split()  # PyTorch's names


class Part(torch.nn.Module):
    """PyTorch's side of stand_ins.Part."""

    batch_first = False  # no short cut through its own attention in eval mode

    def __init__(self, weight: np.ndarray, tokens: bool = False, causal: bool = False):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(weight))
        self.tokens, self.causal, self.output = tokens, causal, None

    def forward(self, x: torch.Tensor, *others: Any, **how: Any) -> Any:
        x = x[..., torch.arange(len(self.weight)) % x.shape[-1]]
        moved = torch.roll(x, 1, 1 if self.tokens else -1)
        if self.tokens and self.causal:
            moved = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1)
        self.output = y = self.weight * torch.sin(x) + moved / 2
        return (y,) if self.tokens else y


class _Block(oracles.Layer):
    """PyTorch's layer with such parts, as stand_ins.Assembled."""

    def __init__(self, weights: dict, forward: Any = None, **make: Any):
        super().__init__(partial(_encoder, weights), forward=forward, **make)

    @property
    def block(self) -> "_Block":
        return self

    def gradients(self) -> list[np.ndarray]:
        return [getattr(self.twin, name).weight.grad.numpy() for name in INSIDE]

    def weights(self) -> list[np.ndarray]:
        return [getattr(self.twin, name).weight.detach().numpy() for name in INSIDE]

    def outputs(self) -> list[np.ndarray | None]:
        return [oracles.numbers(getattr(self.twin, name).output) for name in INSIDE]

    def modes(self) -> list[bool]:
        return [getattr(self.twin, name).training for name in INSIDE]

    def train(self) -> None:
        self.twin.train()

    def eval(self) -> None:
        self.twin.eval()


def _encoder(
    weights: dict, embed_dim: int, num_heads: int, hidden: int, causal: bool = True
) -> torch.nn.Module:
    layer = torch.nn.TransformerEncoderLayer(
        embed_dim, num_heads, hidden, dropout=0, norm_first=True, batch_first=True
    )
    kinds = [(w, k == "MultiHeadAttention") for k, arrays in weights.items() for w in arrays]
    for name, (weight, tokens) in zip(INSIDE, kinds, strict=True):
        setattr(layer, name, Part(weight, tokens, causal))
    return layer
