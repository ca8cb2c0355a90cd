"""check.generate: a network that writes token by token and keeps keys and values."""

from collections.abc import Callable
from functools import cache, partial
from operator import mul, truediv
from typing import Any

import numpy as np
import torch

from byhand.check.comparisons.attention import Part, given_attention, unguarded
from byhand.check.core import Check
from byhand.check.random_inputs import calm
from byhand.check.report import Report
from byhand.check.script import Hint, Script
from byhand.check.torch_attention import SelfAttention
from byhand.protocol.experiment import Given, Ref

LETTERS, LENGTH = 7, 12  # of the network: tokens, positions
MOST = 10**4  # numbers that a part of it is given at once
TRIES = 50  # of a seed for what is written
FROM = "Is something left of the first text? Every call begins with an empty cache."
DRAWN = "was asked too often or too seldom: rng.choice once for each token, at temperature 0 never"
CACHED = "Each token goes through a layer once: keep the keys and values of those before it."


@calm()
def generate(
    function: Any,
    prompt: int = 4,
    steps: int = 6,
    temperature: float = 1.0,
    blocks: int = 1,
    seed: int | None = None,
) -> Report | None:
    """Have a network that is given write `steps` tokens after a prompt of so many.

    function: called with network, tokens, steps, temperature and rng. Raises CheckFailed with what
    was found.
    """
    check = Check("generate", function, seed=seed)
    title = f"{check.name}: {steps} tokens after {prompt}, temperature {temperature:g}"
    check.report.title = f"{title}, {blocks} block{'s' * (blocks > 1)} of given parts"
    check.rules(loops=True)
    draw = check.draw
    heads, features = (int(draw.rng.integers(*ends)) for ends in ((1, 5), (3, 6)))
    makers = _Network(blocks, heads)
    mistakes = [m for m in MISTAKES.values() if _matters(m, prompt, steps, temperature, blocks)]
    apart = [{}, *mistakes]

    def make() -> tuple[dict[str, np.ndarray], np.ndarray, int]:
        arrays = _arrays(draw.normal, blocks, heads * features)
        return arrays, draw.tokens((prompt,), LETTERS), int(draw.rng.integers(2**31))

    def shows(made: tuple[dict[str, np.ndarray], np.ndarray, int]) -> bool:
        """Whether no two mistakes write the same."""
        write, rng = makers.of(made[0]).write, partial(np.random.default_rng, made[2])
        texts = {write(made[1], steps, temperature, rng(), **how).tobytes() for how in apart}
        return len(texts) == len(apart)

    arrays, tokens, number = draw.until(make, shows, TRIES)
    another = (tokens + 1 + draw.tokens((prompt,), LETTERS - 1)) % LETTERS

    def write(script: Script, dtype: type) -> None:
        network = makers.of(arrays)
        outputs = [[n, script.put(Given(unguarded(of)))] for n, of in network.outputs().items()]
        attend = script.put(Given(given_attention))
        writer = script.call("fixtures.Writer", arrays, outputs, attend, heads, blocks)
        own = script.find(check.name)

        def write_after(tokens: np.ndarray, which: str = "", hint: str = "") -> Ref:
            given = script.argument("tokens", tokens), steps, temperature
            written = script.method(writer, "written", own, *given, seed=number)
            script.look(f"tokens{which}", written, hint=hint)
            following = script.method(writer, "following")
            how = dict(quiet=True, otherwise=DRAWN, after=written)
            script.look("rng", following, "tokens", **how)
            return written

        written = write_after(tokens)
        passed = script.method(writer, "passed")
        script.expect("cache", passed, enough, after=written)
        write_after(another, ", another prompt", FROM)
        script.later("tokens", written)

    def enough(passed: Any) -> str:
        most = prompt + steps
        if type(passed) is not int:
            return "how many tokens went through a layer was not counted"
        text = f"{passed:,} tokens went through a layer for a text of {most}. {CACHED}"
        return "" if passed <= most else text

    def oracle(network: Any, tokens: np.ndarray, *args: Any, **how: Any) -> np.ndarray:
        return makers.of(network).write(tokens, *args, **how)

    hints = [Hint(says, partial(oracle, **how), "tokens") for says, how in MISTAKES.items()]
    return check.differential(oracle, write, hints, dtypes=[np.float64])


MISTAKES: dict[str, dict[str, Any]] = {
    "The scores are divided by the temperature, not multiplied with it.": {"scale": mul},
    "The temperature changes nothing.": {"scale": lambda s, t: s},
    "The positions are off by one: the first new token stands at place len(tokens).": {"shift": 1},
    "The positions are off by one: yours begin one too early.": {"shift": -1},
    "A new token stands at its own place, not at place 0.": {"shift": -LENGTH},
    "The prompt sees tokens that come later: inside it the attention is causal.":
        {"seen": True},
    "At temperature 0 it takes the least likely token.": {"least": True},
}  # fmt: skip


def _matters(how: dict[str, Any], prompt: int, steps: int, temperature: float, blocks: int) -> bool:
    """Whether a mistake can show in such a text: what earlier tokens of a prompt see tells the last
    one from the second block on, and a new token's place is used from the second step on."""
    hidden = {
        "least": temperature != 0,
        "seen": prompt == 1 or blocks == 1,
        "shift": steps == 1,
        "scale": temperature in (0, 1),
    }
    return not any(hidden[name] for name in how)


def _arrays(draw: Callable, blocks: int, width: int) -> dict[str, np.ndarray]:
    """What a network holds, by name."""
    arrays = {"Embedding": draw((LETTERS, width)), "Positions": draw((LENGTH, width))}
    for n in range(blocks):
        arrays |= {f"{n}.{part}": draw((width,)) for part in ("norm1", "norm2", "mlp")}
        arrays[f"{n}.in_proj_weight"] = draw((3 * width, width)) / 2
        arrays[f"{n}.in_proj_bias"] = draw((3 * width,))
        arrays[f"{n}.out_proj_weight"] = draw((width, width)) / 2
        arrays[f"{n}.out_proj_bias"] = draw((width,))
    return arrays | {"norm": draw((width,)), "linear": 2 * draw((LETTERS,))}


@cache
def _attention(*make: Any) -> SelfAttention:
    """A layer whose own numbers are of no account."""
    return SelfAttention(*make).double()


class _Network:
    """The whole of it in PyTorch. blocks, num_heads: how many there are.

    kept: the outputs of its parts in the order in which they were computed.
    """

    def __init__(self, blocks: int, num_heads: int):
        self.blocks, self.num_heads, self.kept = blocks, num_heads, []

    def of(self, arrays: dict[str, np.ndarray]) -> "_Network":
        """A network that holds these arrays."""
        made = _Network(self.blocks, self.num_heads)
        made.arrays = {name: torch.from_numpy(np.array(a)) for name, a in arrays.items()}
        made.parts = {
            name: Part(a) for name, a in arrays.items() if a.ndim == 1 and "_" not in name
        }
        return made

    def heads(self, x: torch.Tensor, number: int, seen: int = 0) -> torch.Tensor:
        """Self-attention of a block. seen: so many tokens see each other, the later ones too."""
        layers = [_attention(x.shape[-1], self.num_heads, causal) for causal in (True, False)]
        names = [name for name, _ in layers[0].named_parameters()]
        mine = {name: self.arrays[f"{number}.{name}"] for name in names}
        with torch.no_grad():
            right = torch.func.functional_call(layers[0], mine, (x,))
            first = torch.func.functional_call(layers[1], mine, (x[:, :seen],)) if seen else right
        return torch.cat([first[:, :seen], right[:, seen:]], 1)

    def block(self, x: torch.Tensor, number: int, seen: int = 0) -> torch.Tensor:
        """(B, T, width) -> (B, T, width)"""
        norm1, norm2, mlp = (self.parts[f"{number}.{p}"] for p in ("norm1", "norm2", "mlp"))
        a = self.heads(norm1(x), number, seen)
        h = x + a
        m = mlp(norm2(h))
        self.kept += [norm1.output, a, norm2.output, m, h + m]
        return h + m

    def scores(
        self, tokens: torch.Tensor, shift: int = 0, prompt: int = LENGTH, seen: bool = False
    ) -> torch.Tensor:
        """(B, T) -> (B, T, LETTERS). shift: of the places behind the prompt; seen: in the prompt
        nothing is masked."""
        places = torch.arange(tokens.shape[1])
        places[prompt:] += shift
        e = self.arrays["Embedding"][tokens]
        x = e + self.arrays["Positions"][places.clamp(0, LENGTH - 1)]
        self.kept += [e, x]
        for number in range(self.blocks):
            x = self.block(x, number, prompt if seen else 0)
        x = self.parts["norm"](x)
        y = self.parts["linear"](x)
        self.kept += [x, y]
        return y

    def outputs(self) -> dict[str, Callable]:
        """Part -> what computes its output, and those of the parts inside, from an array."""
        found: dict[str, Callable] = {
            "Embedding": lambda x: self.arrays["Embedding"][x],
            "Positions": lambda x: x + self.arrays["Positions"][: x.shape[1]],
            "network": self.scores,
        }
        for n in range(self.blocks):
            found[f"{n}.attention"] = partial(self.heads, number=n)
            found[f"{n}"] = partial(self.block, number=n)
        return {name: partial(self._of_array, name, of) for name, of in found.items()}

    def _of_array(self, name: str, of: Callable, x: np.ndarray) -> list[torch.Tensor]:
        if x.size > MOST:
            raise ValueError(f"the layer got an array of shape {x.shape}")
        self.kept = []
        y = of(torch.from_numpy(np.array(x))).detach()
        inside = self.kept if name == "network" else self.kept[:-1]  # a block's last is its own
        return [y, *(part.detach() for part in inside)]

    def write(
        self, tokens: np.ndarray, steps: int, temperature: float, rng: np.random.Generator,
        scale: Callable = truediv, least: bool = False, **mistakes: Any,
    ) -> np.ndarray:  # fmt: skip
        """Tokens (T,) -> the `steps` that follow, each from the whole text before it."""
        text, prompt = list(tokens), len(tokens)
        for _ in range(steps):
            scores = self.scores(torch.tensor([text]), prompt=prompt, **mistakes)[0, -1].detach()
            if temperature:
                p = scale(scores, temperature).softmax(-1).numpy()
                text.append(int(rng.choice(LETTERS, p=p)))
            else:
                text.append(int((-scores if least else scores).argmax()))
        return np.array(text[prompt:])
