"""What check.layer does to a layer, as a script: what a training run does to it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from byhand.check.compare import described
from byhand.check.core import Check, UsageError
from byhand.check.random_inputs import is_shape, longer, other_size, sizes_of
from byhand.check.script import PLACES, Script, Slopes
from byhand.protocol.experiment import Given, Ref

LOOKS = {  # what counts: the gradients for x and for the parameters, the output, running averages
    "all": "output x parameters",
    "output": "output",
    "backward": "x parameters",
    "grad_input": "x",
    "grad_parameters": "parameters",
    "statistics": "averages",
}
OTHER = {"train": "eval", "eval": "train"}
KEPT = "A new layer gets this batch right: yours keeps something of the batch before."
MODES = "It was right until a pass in the other mode came between: keep nothing of earlier passes."
STEPPED = "The parameters have changed in place, as an optimizer changes them: keep no copy."
AGAIN = "The same shape with other numbers: yours keeps something of the batch before."
NEXT = ", next step"  # a pass after an optimizer's step and zero_grad
HELD = "leaves new arrays behind; an optimizer still holds the old ones"
IN_PLACE = "Change gradients in place: +=, [...] ="


class Passes:
    """The script: what a training run does to a layer.

    Batches of different sizes, the other mode in between, another object of the class beside it;
    earlier results keep their values, gradients add up in the arrays that an optimizer holds.
    """

    def __init__(
        self, check: Check, like: Callable, make: dict, x: Sequence, mode: str, look: str,
        tokens: int, attention: Sequence[Callable],
    ):  # fmt: skip
        self.name, self.draw, self.like = check.name, check.draw, like
        self.make, self.mode, self.tokens, self.attention = make, mode, tokens, attention
        self.wanted, self.drawn = LOOKS[look].split(), is_shape(x)
        self.x = self._input(x) if self.drawn else check.draw.input(x)
        self.twin = like(**make).double().train(mode == "train")
        self.names = [n for n, _ in self.twin.named_parameters()]
        self.averages = [n for n, b in self.twin.named_buffers() if b.is_floating_point()]
        self._output_shape(self.x)

    def write(self, script: Script, dtype: type) -> None:
        """Build, set the numbers, passes in both modes, zero_grad, central differences."""
        self.script, self.dtype = script, dtype
        self.standing_in = [script.put(Given(of)) for of in self.attention]
        self.layer = self._new(self.make)
        script.built.append(self.layer)
        halved = {n: v / 2 if isinstance(v, float) else v for n, v in self.make.items()}
        with script.aside():
            self.alone = self._new(self.make)
            self.beside = self._new(halved)
            script.method(self.alone, self.mode)
        for n in self.names + self.averages:
            shape = script.get(script.get(self.layer, n), "shape")
            script.look(n, shape, f"shape of {n}", quiet=True, otherwise=shape_differs)
        new = "averages" in self.wanted and self.mode == "train"  # averages start as they are made
        self._set(self.names + self.averages * (not new))
        held = script.method(self.layer, "parameters_grad")
        script.method(self.layer, self.mode)
        batches = self._batches()
        first = self._pass(batches[0])
        self._pass(batches[1], ", second pass", KEPT, beside_new=True)
        self._other_mode()
        third = self._pass(batches[2], ", third pass", MODES if self.averages else "")
        self._step()
        before, x = self._grads(self.layer), batches[-1]
        here = self._pass(x, NEXT, AGAIN)
        after = self._grads(self.layer)
        for label, ref in [*first.items(), *third.items()]:
            script.later(label, ref)
        if "parameters" in self.wanted:
            self._side_effects(held)
        if self.drawn and dtype is np.float64:
            self._central_differences(x, here, before, after)
            if not script.loops:
                self._no_loops(x)

    def _new(self, make: dict) -> Ref:
        """An object of the class."""
        if not self.standing_in:
            return self.script.call(self.name, **make)
        cls = self.script.find(self.name)
        return self.script.call("fixtures.Surrounded", cls, *self.standing_in, **make)

    def _input(self, shape: Sequence[int], *spread: float) -> np.ndarray:
        """A random batch."""
        if self.tokens:
            return self.draw.tokens(shape, self.tokens)
        return self.draw.batch(shape, *spread)

    def _cast(self, x: np.ndarray) -> np.ndarray:
        return x if self.tokens else x.astype(self.dtype)

    def _set(self, names: list[str], in_place: bool = False) -> None:
        """New numbers for parameters, a zero among them as in a new bias, and for averages."""
        for n in names:
            size = tuple(getattr(self.twin, n).shape)
            numbers = self.draw.positive(size) if "var" in n else self.draw.normal(size)
            numbers.flat[: n in self.names and numbers.size > 1] = 0
            for layer in (self.layer, self.alone):
                if in_place:
                    kept = self.script.get(layer, n)
                    self.script.method(kept, "put", list(range(len(numbers))), numbers)
                    continue
                self.script.set(layer, n, numbers.astype(self.dtype))
                if n in self.names:
                    self.script.set(layer, f"grad_{n}", np.zeros(size, self.dtype))

    def _grads(self, layer: Ref) -> dict[str, Ref]:
        return {n: self.script.get(layer, f"grad_{n}") for n in self.names}

    def _batches(self) -> list[np.ndarray]:
        """The input, a batch of another size and order in memory, and two like the first."""
        if self.drawn:
            size, *rest = shape = self.x.shape
            other = other_size(size), *rest
            if len(shape) == 4 and self._shape(larger := (*other[:2], *np.add(rest[1:], 1))):
                other = larger  # images of another size, where the layer takes them
            others = [self._input(s, 1.5, 0.5) for s in (other, shape, shape)]
        else:
            others = [np.concatenate([self.x[-1:], self.x]), self.x, self.x[::-1].copy()]
        turned = 1 if self.x.flags.c_contiguous else len(others)
        others[:turned] = map(np.asfortranarray, others[:turned])
        return [self._cast(x) for x in [self.x, *others]]

    def _other_mode(self) -> None:
        """A pass in the other mode; it and its averages count where they are looked at."""
        script, other = self.script, OTHER[self.mode]
        x = self._cast(self._input((len(self.x) + 2, *self.x.shape[1:])))
        script.method(self.layer, other)
        if not self.averages:
            self._pass(x, f", {other} mode")
        else:
            g = self.draw.normal(self._output_shape(x)).astype(self.dtype)
            with script.aside():
                y = script.method(self.layer, "forward", x)
                script.method(self.layer, "compute_grad_input", x, g)
            if "averages" not in self.wanted:
                self._set(self.averages, in_place=self.dtype is np.float32)  # they stay float32
            elif self.mode == "train":
                for n in self.averages:
                    kept, label = script.get(self.layer, n), f"{n}, {other} mode"
                    script.look(label, kept, quiet=True, after=y)
        script.method(self.layer, self.mode)

    def _step(self) -> None:
        """What a step of an optimizer does to a layer: the output follows, gradients start anew."""
        script = self.script
        for n in self.names:
            change = self.draw.normal(tuple(getattr(self.twin, n).shape)).astype(self.dtype)
            script.method(script.get(self.layer, n), "__iadd__", change)
        if self.names and "output" in self.wanted:
            y = script.method(self.layer, "forward", self.given)
            script.look("output, after a step", y, quiet=True, hint=STEPPED)
        script.method(self.layer, "zero_grad")

    def _pass(
        self, x: np.ndarray, which: str = "", hint: str = "", beside_new: bool = False
    ) -> dict[str, Ref]:
        """Forward and back; the labels and results of both that are looked at."""
        script, layer, wanted = self.script, self.layer, self.wanted
        g = self.draw.normal(self._output_shape(x))
        self.g = g.astype(self.dtype, order="C" if x.flags.c_contiguous else "F")
        given = script.argument("x", x), script.argument("grad_output", self.g)
        self.given, found, fresh = given[0], {}, {}
        if beside_new:
            with script.aside():
                fresh["output"] = script.method(self.alone, "forward", x)
                fresh["gradient for x"] = script.method(self.alone, "backward", x, self.g)
                fresh |= {n: fresh["output"] for n in self.averages} | self._grads(self.alone)

        def look(label: str, ref: Ref, name: str = "", **how: Any) -> Ref:
            how |= dict(fresh=fresh.get(name or label), sizes=sizes_of(x.shape), hint=hint)
            return script.look(f"{label}{which}", ref, **how)

        in_steps = wanted in (["x"], ["parameters"])  # one may fail without the other
        with script.aside(in_steps):
            y = script.method(layer, "forward", given[0])
        if "output" in wanted:
            found["output"] = look("output", y)
            script.look(f"self.output{which}", script.get(layer, "output"), "output", quiet=True)
        with script.aside():
            script.method(self.beside, "forward", self._input(x.shape))
        steps = {"x": "backward"}
        if in_steps:
            steps = {"x": "compute_grad_input", "parameters": "update_grad_parameters"}
        for what, method in steps.items():
            with script.aside(what not in wanted):
                back = steps[what] = script.method(layer, method, *given)
        if "x" in wanted:
            found["gradient for x"] = look("gradient for x", steps["x"])
        for n, ref in self._grads(layer).items() if "parameters" in wanted else ():
            look(f"gradient for {n}{', added up' * (which not in ('', NEXT))}", ref, n, after=back)
        for n in self.averages if "averages" in wanted else ():
            look(n, script.get(layer, n), after=y)
        return found

    def _output_shape(self, x: np.ndarray) -> tuple[int, ...]:
        try:
            with torch.no_grad():
                x = x if self.tokens else x.astype(np.float64)
                return tuple(self.twin(torch.from_numpy(x)).shape)
        except ValueError:  # a refusal: what the student has to do as well
            return x.shape
        except (RuntimeError, IndexError) as error:
            said = f"x of shape {x.shape}: {str(error).splitlines()[0]}"
            raise UsageError(f"PyTorch's layer does not take {said}") from None

    def _shape(self, size: tuple[int, ...], make: dict | None = None) -> tuple[int, ...] | None:
        """The output's for such a batch; None if PyTorch refuses, as it does in many ways."""
        try:
            with torch.no_grad():
                layer = self.like(**make or self.make).double()
                return tuple(layer(torch.from_numpy(self._input(size))).shape)
        except Exception:  # noqa: BLE001
            return None

    def _side_effects(self, held: Ref) -> None:
        """The gradients stay in the arrays that an optimizer holds; zero_grad empties them."""
        script, layer = self.script, self.layer

        def own(label: str, listed: Ref, attributes: Iterable[Ref], words: str, hint: str) -> None:
            same = script.call("fixtures.same_memory", listed, list(attributes))
            script.look(label, same, quiet=True, otherwise=words, hint=hint)

        own("backward", held, self._grads(layer).values(), HELD, IN_PLACE)
        listed = script.method(layer, "parameters")
        words = f"should list {', '.join(self.names) or 'nothing'}, in this order"
        own("parameters()", listed, [script.get(layer, n) for n in self.names], words, "")
        script.method(layer, "zero_grad")
        grads = self._grads(layer)
        for n, ref in grads.items():
            script.look(f"grad_{n} after zero_grad", ref, quiet=True)
        own("zero_grad", held, grads.values(), HELD, IN_PLACE)

    def _central_differences(
        self, x: np.ndarray, grad: dict[str, Ref], before: dict[str, Ref], after: dict[str, Ref]
    ) -> None:
        """Slopes of the student's own forward pass, at some places of x and each parameter."""
        script = self.script
        script.shared = len(script.steps)
        sizes = {"x": x.size} if "x" in self.wanted and not self.tokens else {}
        if "parameters" in self.wanted:
            sizes |= {n: getattr(self.twin, n).numel() for n in self.names}
        places = [self.draw.rng.permutation(size)[:PLACES] for size in sizes.values()]
        slopes = script.call("fixtures.layer_slopes", self.layer, x, self.g, list(sizes), places)
        for number, (n, where) in enumerate(zip(sizes, places, strict=True)):
            found = script.call("fixtures.item", slopes, number)
            gradient = (grad["gradient for x"],) if n == "x" else (after[n], before[n])
            script.slopes.append(Slopes(f"gradient for {n}", where, found, *gradient))

    def _no_loops(self, x: np.ndarray) -> None:
        """Passes on longer arrays: of all sizes where these go together, else of the batch."""
        make = {n: longer([v])[0] if type(v) is int else v for n, v in self.make.items()}
        size = longer(x.shape)
        if (shape := self._shape(size, make)) is None:
            make, size = self.make, (*longer(x.shape[:1]), *x.shape[1:])
            shape = self._shape(size, make)
        with self.script.aside():
            large = self._new(make)
            self.script.method(large, self.mode)
        large = [large, self._input(size), self.draw.normal(shape)]
        self.script.no_loops([self.layer, x, self.g], large, forward=1, backward=2)


def shape_differs(mine: Any, expected: list[int]) -> str:
    """The words for a shape that is not the expected one."""
    found = tuple(mine) if isinstance(mine, list) else described(mine)
    return f"has shape {found}, expected {tuple(expected)}"
