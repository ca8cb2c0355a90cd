"""What stands in a student's cells while something else is tried, so that a mistake in one task
costs nothing in the next: functions of the checker's, and small layers in place of the student's.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import numpy as np

from byhand.nn import Module
from byhand.protocol.runner import Told

KINDS = {"LayerNorm": 2, "MultiHeadAttention": 1, "Linear": 2, "GELU": 1}  # parts of a block


@contextmanager
def standing_in(owner: Any, others: Mapping[str, Any]) -> Iterator[None]:
    """While it is open, the cells that define `owner`, a class or function, find `others` under
    these names."""
    own = [owner, *vars(owner).values()] if isinstance(owner, type) else [owner]
    homes = [part.__globals__ for part in own if isinstance(part, FunctionType)]
    home = next(iter(homes), None) or vars(sys.modules[owner.__module__])
    before = {name: home[name] for name in others if name in home}
    home.update(others)
    try:
        yield
    finally:
        for name in others:
            home.pop(name, None)
        home.update(before)


def attention(of: Callable) -> dict[str, Callable]:
    """attention(), with its own arguments, computed by the checker."""
    return {"attention": lambda q, k, v, causal=False: of(q, k, v, causal)}


def attention_backward(of: Callable) -> dict[str, Callable]:
    """attention_backward(), likewise."""

    def backward(q: Any, k: Any, v: Any, grad_output: Any, causal: Any = False) -> Any:
        return of(q, k, v, grad_output, causal)

    return {"attention_backward": backward}


class Surrounded:
    """An object of the student's class; whatever is called of it runs while others stand in.

    forward, backward: what computes attention() and attention_backward().
    """

    def __init__(self, cls: type, forward: Callable, backward: Callable, **make: Any):
        others = attention(forward) | attention_backward(backward)
        vars(self).update(_cls=cls, _others=others)
        with standing_in(cls, self._others):
            vars(self).update(_own=cls(**make))

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._own, name)
        if not callable(value):
            return value

        def call(*args: Any) -> Any:
            with standing_in(self._cls, self._others):
                return value(*args)

        return call

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._own, name, value)


class Part(Module):
    """A small layer that mixes features, or tokens: y = weight · sin(x) + x from elsewhere / 2.

    weight: (N,), N the features of the output, which the input's are repeated to fill; tokens:
    whether the other half comes from the token before, else from the feature to the left; causal:
    then the first token has none before it, else that is the last one. seen: how many tokens went
    through, pass by pass.
    """

    def __init__(self, weight: np.ndarray, tokens: bool = False, causal: bool = False):
        super().__init__()
        self.weight, self.grad_weight = np.array(weight), np.zeros_like(weight)
        self.tokens, self.causal, self.seen = tokens, causal, []

    def compute_output(self, x):
        """(B, T, M) -> (B, T, N)"""
        self.seen.append(int(np.prod(x.shape[:-1])))
        x = x[..., self._places(x)]
        return self.weight * np.sin(x) + self._moved(x, 1) / 2

    def compute_grad_input(self, x, grad_output):
        """dl/dx: (B, T, N) -> (B, T, M)"""
        places, grad = self._places(x), np.zeros_like(x)
        slopes = grad_output * self.weight * np.cos(x[..., places])
        np.add.at(grad, (..., places), slopes + self._moved(grad_output, -1) / 2)
        return grad

    def update_grad_parameters(self, x, grad_output):
        """Add dl/dweight: (N,)"""
        slopes = grad_output * np.sin(x[..., self._places(x)])
        self.grad_weight += slopes.reshape(-1, len(self.weight)).sum(axis=0)

    def _places(self, x: np.ndarray) -> np.ndarray:
        return np.arange(len(self.weight)) % x.shape[-1]

    def _moved(self, values: np.ndarray, by: int) -> np.ndarray:
        moved = np.roll(values, by, axis=-2 if self.tokens else -1)
        if self.tokens and self.causal:
            moved[..., 0 if by > 0 else -1, :] = 0
        return moved


class Assembled:
    """A block of the student's, built of Parts. weights: for each of KINDS, those of its parts.

    block: the block; parts: kind by kind, in the order in which the block has built them.
    """

    def __init__(self, cls: type, weights: dict[str, list[np.ndarray]], **make: Any):
        made: dict[str, list[Part]] = {kind: [] for kind in weights}

        def builder(kind: str) -> Callable[..., Part]:
            def build(*args: Any, **kwargs: Any) -> Part:
                number = len(made[kind])
                if number == len(weights[kind]):
                    raise Told(f"a block has {number} {kind}, this one builds more")
                causal = kwargs.get("causal", args[2] if len(args) > 2 else False)
                part = Part(weights[kind][number], kind == "MultiHeadAttention", bool(causal))
                made[kind].append(part)
                return part

            return build

        with standing_in(cls, {kind: builder(kind) for kind in weights}):
            self.block = cls(**make)
        for kind, parts in made.items():
            if len(parts) < len(weights[kind]):
                raise Told(f"a block has {len(weights[kind])} {kind}, this one builds {len(parts)}")
        self.parts = [part for parts in made.values() for part in parts]

    def gradients(self) -> list[np.ndarray]:
        """Those of the parts' weights."""
        return [part.grad_weight for part in self.parts]

    def weights(self) -> list[np.ndarray]:
        """The weights themselves."""
        return [part.weight for part in self.parts]

    def outputs(self) -> list[np.ndarray]:
        """What each part keeps of its last forward pass."""
        return [part.output for part in self.parts]

    def modes(self) -> list[bool]:
        """Whether each part is in train mode."""
        return [part.training for part in self.parts]


class Asked(Module):
    """A layer that has arrays and other parts, and whose output the checker computes.

    of: gives the output for x, and those of the parts; parts: those that x goes through inside, in
    this order; the rest become attributes. seen: how many tokens went through, pass by pass.
    """

    def __init__(self, of: Callable, parts: list[Module] | tuple = (), **attributes: Any):
        super().__init__()
        self.of, self.parts, self.seen = of, parts, []
        vars(self).update(attributes)

    def compute_output(self, x):
        """Whatever the checker says; the parts keep theirs."""
        output, *inside = self.of(x)
        for part, kept in zip([self, *self.parts], [output, *inside], strict=True):
            part.seen.append(int(np.prod(np.shape(x)[:2])))
            part.output = kept
        return output


class Writes:
    """Has a function write. network: what it is given; PyTorch's side of Writer is no more."""

    def __init__(self, network: Any):
        self.network = network

    def written(self, function: Callable, tokens: np.ndarray, *args: Any, seed: int) -> Any:
        """What the function returns for the network, these and a new generator."""
        self.rng = np.random.default_rng(seed)
        return function(self.network, tokens, *args, self.rng)

    def following(self) -> float:
        """The number that comes next from the generator."""
        return self.rng.random()

    def passed(self) -> int:
        """How many tokens have gone through that part of the network which has seen most."""
        return 0


class Writer(Writes):
    """A network that writes, made of parts that are given, as comparisons/generate.py has it.

    arrays: name -> array, of all parts; outputs: name -> what computes a part's output; attend:
    what computes attention(); num_heads, blocks: of the network.
    """

    def __init__(self, arrays: dict, outputs: list, attend: Callable, num_heads: int, blocks: int):
        of, self.attention = dict(outputs), attention(attend)
        asked = "Embedding", "Positions", "MultiHeadAttention", "TransformerBlock"
        self.kinds = {name: type(name, (Asked,), {}) for name in asked}
        self.kinds |= {"LayerNorm": Part, "Linear": Part}

        def table(kind: str) -> Module:
            weight = np.array(arrays[kind])
            sizes = dict(num_embeddings=len(weight), embedding_dim=weight.shape[1])
            return self.kinds[kind](of[kind], weight=weight, **sizes)

        def block(number: int) -> Module:
            mine = {n.split(".")[1]: a for n, a in arrays.items() if n.startswith(f"{number}.")}
            norm1, norm2, mlp = (Part(mine.pop(n)) for n in ("norm1", "norm2", "mlp"))
            heads = dict(num_heads=num_heads, embed_dim=len(mine["out_proj_bias"]), causal=True)
            heads = self.kinds["MultiHeadAttention"](of[f"{number}.attention"], **mine, **heads)
            parts = dict(norm1=norm1, attention=heads, norm2=norm2, mlp=mlp)
            return self.kinds["TransformerBlock"](of[f"{number}"], [*parts.values()], **parts)

        modules = [table("Embedding"), table("Positions"), *map(block, range(blocks))]
        modules += [Part(arrays["norm"]), Part(arrays["linear"])]
        inside = [part for m in modules for part in (*vars(m).get("parts", ()), m)]
        super().__init__(Asked(of["network"], inside, modules=modules))

    def written(self, function: Callable, *args: Any, **how: Any) -> Any:
        """The same, with what is given in place of the student's."""
        with standing_in(function, self.kinds | self.attention):
            return super().written(function, *args, **how)

    def passed(self) -> int:
        """Counted in all parts."""
        return max(sum(part.seen) for part in (self.network, *self.network.parts))
