"""check.layer: a layer beside its PyTorch counterpart: values, gradients, side effects."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check import oracles
from byhand.check.compare import described
from byhand.check.core import Check, UsageError, one_of
from byhand.check.hints.convolution import CONVOLUTION
from byhand.check.hints.layers import LAYERS, hints_for
from byhand.check.random_inputs import calm, is_shape, sizes_of, written
from byhand.check.report import Report
from byhand.check.script import PLACES, Script, Slopes
from byhand.protocol.experiment import Ref

GRADIENTS = ("all", "backward", "grad_input", "grad_parameters")  # what goes on to the gradients
LOOKS = (*GRADIENTS, "output", "statistics")
OTHER = {"train": "eval", "eval": "train"}
KEPT = "A new layer gets this batch right: yours keeps something of the batch before."
MODES = "It was right until a pass in the other mode came between: keep nothing of earlier passes."
HELD = "leaves new arrays behind; an optimizer still holds the old ones"
IN_PLACE = "Change gradients in place: +=, [...] ="


@calm()
def layer(
    cls: Any,
    like: Callable[..., torch.nn.Module],
    make: dict[str, Any] | None = None,
    x: Sequence = (5, 4),
    mode: str = "train",
    look: str = "all",
    loops: bool = False,
    seed: int | None = None,
) -> Report | None:
    """Compare a layer with PyTorch's.

    like: the PyTorch class, or a function that builds its layer; both get the arguments `make`.
    x: a shape, drawn at random, or the input itself; mode: "train" or "eval".
    look: "all", "output", "backward" (all gradients), "grad_input", "grad_parameters" or
    "statistics" (running averages); loops: whether Python loops are allowed.
    Where PyTorch raises ValueError, the layer has to. Raises CheckFailed with what was found, and
    UsageError.
    """
    one_of(LOOKS, look, "look")
    one_of(list(OTHER), mode, "mode")
    check, make = Check("layer", cls, seed=seed), make or {}
    passes = _Passes(check, like, make, x, mode, look)
    check.report.title = f"{written(check.name, **make)} on x of shape {passes.x.shape}"
    check.report.title += ", eval mode" if mode == "eval" else ""
    check.rules(loops)
    hints = hints_for(LAYERS | CONVOLUTION, like, passes.twin)
    dtypes = [np.float64, np.float32][: 1 if look == "statistics" else 2]
    return check.differential(partial(oracles.Layer, like), passes.write, hints, dtypes)


@calm()
def raises(
    error: type[Exception],
    cls: Any,
    make: dict[str, Any],
    forward: Sequence[int] | None = None,
    seed: int | None = None,
) -> Report | None:
    """Expect `error` from the constructor or, if `forward` is a shape, from a pass on it.

    Raises CheckFailed if something else happens, or nothing.
    """
    check = Check("raises", cls, seed=seed)
    where = "" if forward is None else f" on x of shape {tuple(forward)}"
    check.report.title = f"{written(check.name, **make)}{where} raises {error.__name__}"

    def refuse(*_: Any, **__: Any) -> None:
        raise error

    def write(script: Script, dtype: type) -> None:
        script.refusal = error.__name__
        made = script.call(check.name, **make)
        if forward is not None:
            script.method(made, "forward", check.draw.normal(forward))

    accepting = type("Accepting", (), {"forward": refuse})
    oracle = refuse if forward is None else lambda **_: accepting()
    return check.differential(oracle, write, dtypes=[np.float64])


class _Passes:
    """The script: what a training run does to a layer.

    Batches of different sizes, the other mode in between, another object of the class beside it;
    earlier results keep their values, gradients add up in the arrays that an optimizer holds.
    """

    def __init__(self, check: Check, like: Callable, make: dict, x: Sequence, mode: str, look: str):
        self.name, draw = check.name, check.draw
        self.make, self.mode, self.look, self.draw = make, mode, look, draw
        self.drawn, self.x = is_shape(x), draw.input(x)
        self.twin = like(**make).double().train(mode == "train")
        self.names = [n for n, _ in self.twin.named_parameters()]
        self.averages = [n for n, b in self.twin.named_buffers() if b.is_floating_point()]
        self._output_shape(self.x)

    def write(self, script: Script, dtype: type) -> None:
        """Build, set the numbers, passes in both modes, zero_grad, central differences."""
        self.script, self.dtype, self.elsewhere = script, dtype, []
        self.layer = script.build(self.name, **self.make)
        with script.aside():
            self.alone = script.call(self.name, **self.make)
        self._constructed()
        self._set(self.names + self.averages)
        halved = {n: v / 2 if isinstance(v, float) else v for n, v in self.make.items()}
        with script.aside():
            self.beside = script.call(self.name, **halved)
            script.method(self.alone, self.mode)
        held = script.method(self.layer, "parameters_grad")
        grads = [self._grads()]
        script.method(self.layer, self.mode)
        first = None
        for number, x in enumerate(self._batches()):
            if number == 2:
                self._other_mode()
            here = self._pass(x, number)
            first = first or here
            grads.append(self._grads())
        for label, ref in self.elsewhere:
            if label.split(",")[0] in first:
                script.look(label, ref, quiet=True)
        for label, ref in first.items():
            script.later(label, ref)
        if self.look in ("all", "backward", "grad_parameters"):
            self._side_effects(held)
        if self.drawn and dtype is np.float64 and self.look in GRADIENTS:
            script.shared = len(script.steps)
            self._central_differences(x, here, *grads[-2:])

    def _constructed(self) -> None:
        """Shapes of parameters and averages."""
        for n in self.names + self.averages:
            shape = self.script.get(self.script.get(self.layer, n), "shape")
            self.script.look(n, shape, f"shape of {n}", quiet=True, otherwise=shape_differs)

    def _set(self, names: list[str]) -> None:
        """New numbers for parameters and averages."""
        for n in names:
            size = tuple(getattr(self.twin, n).shape)
            numbers = self.draw.positive(size) if "var" in n else self.draw.normal(size)
            for layer in (self.layer, self.alone):
                self.script.set(layer, n, numbers.astype(self.dtype))
                if n in self.names:
                    self.script.set(layer, f"grad_{n}", np.zeros(size, self.dtype))

    def _grads(self, alone: bool = False) -> dict[str, Ref]:
        layer = self.alone if alone else self.layer
        return {n: self.script.get(layer, f"grad_{n}") for n in self.names}

    def _batches(self) -> list[np.ndarray]:
        """The input, a batch of another size, and one like the first."""
        if self.drawn:
            first, *rest = self.x.shape
            sizes = (first - 1 if first > 2 else first + 1), first
            others = [self.draw.batch((size, *rest), 1.5, 0.5) for size in sizes]
        else:
            others = [np.concatenate([self.x[-1:], self.x]), self.x]
        if not self.x.flags.c_contiguous:
            others = list(map(np.asfortranarray, others))
        return [x.astype(self.dtype) for x in [self.x, *others]]

    def _other_mode(self) -> None:
        """A pass in the other mode. The averages do not count where they are not looked at."""
        script, other = self.script, OTHER[self.mode]
        x = self.draw.batch((len(self.x) + 2, *self.x.shape[1:])).astype(self.dtype)
        g = self.draw.normal(self._output_shape(x)).astype(self.dtype)
        with script.aside():
            script.method(self.layer, other)
            y = script.method(self.layer, "forward", x)
            grad = script.method(self.layer, "compute_grad_input", x, g)
        if not self.averages:
            names = f"output, {other} mode", f"gradient for x, {other} mode"
            self.elsewhere += zip(names, (y, grad), strict=True)
        elif self.look == "statistics" and self.mode == "train":
            for n in self.averages:
                label = f"{n}, {other} mode"
                script.look(label, script.get(self.layer, n), quiet=True, after=y)
        if self.look != "statistics":
            self._set(self.averages)
        script.method(self.layer, self.mode)

    def _pass(self, x: np.ndarray, number: int) -> dict[str, Ref]:
        """Forward and back, and what is looked at: the label and the result of both."""
        script, look, which = self.script, self.look, ["", ", second pass", ", third pass"][number]
        g = self.draw.normal(self._output_shape(x))
        g = g.astype(self.dtype, order="C" if x.flags.c_contiguous else "F")
        x_ref, g_ref = script.argument("x", x), script.argument("grad_output", g)
        how, fresh = (
            dict(sizes=sizes_of(x.shape), hint=["", KEPT, MODES if self.averages else ""][number]),
            {},
        )
        if number == 1:
            with script.aside():
                fresh["y"] = script.method(self.alone, "forward", x)
                fresh["x"] = script.method(self.alone, "backward", x, g)
                fresh |= self._grads(alone=True) | {n: fresh["y"] for n in self.averages}
        with script.aside(look in ("grad_input", "grad_parameters")):
            y = script.method(self.layer, "forward", x_ref)
        if look in ("all", "output"):
            script.look(f"output{which}", y, fresh=fresh.get("y"), **how)
            kept = script.get(self.layer, "output")
            script.look(f"self.output{which}", kept, "output", quiet=True)
        with script.aside():
            script.method(self.beside, "forward", self.draw.batch(x.shape))
        if look in ("output", "statistics"):
            with script.aside():
                script.method(self.layer, "backward", x_ref, g_ref)
            for n in self.averages if look == "statistics" else ():
                average = script.get(self.layer, n)
                script.look(f"{n}{which}", average, after=y, fresh=fresh.get(n), **how)
            return {"output": y} if look == "output" else {}
        if look in ("all", "backward"):
            grad = update = script.method(self.layer, "backward", x_ref, g_ref)
        else:  # what backward does, in steps: one may fail without the other
            with script.aside(look == "grad_parameters"):
                grad = script.method(self.layer, "compute_grad_input", x_ref, g_ref)
            with script.aside(look == "grad_input"):
                update = script.method(self.layer, "update_grad_parameters", x_ref, g_ref)
        found = {"output": y} if look == "all" else {}
        if look != "grad_parameters":
            script.look(f"gradient for x{which}", grad, fresh=fresh.get("x"), **how)
            found["gradient for x"] = grad
        for n, ref in self._grads().items() if look != "grad_input" else ():
            added = ", added up" if which else ""
            label = f"gradient for {n}{added}{which}"
            script.look(label, ref, after=update, fresh=fresh.get(n), **how)
        return found if look != "grad_parameters" else {}

    def _output_shape(self, x: np.ndarray) -> tuple[int, ...]:
        try:
            with torch.no_grad():
                return tuple(self.twin(torch.from_numpy(x.astype(np.float64))).shape)
        except ValueError:  # a refusal: what the student has to do as well
            return x.shape
        except (RuntimeError, IndexError) as error:
            said = f"x of shape {x.shape}: {str(error).splitlines()[0]}"
            raise UsageError(f"PyTorch's layer does not take {said}") from None

    def _side_effects(self, held: Ref) -> None:
        """The gradients stay in the arrays that an optimizer holds; zero_grad empties them."""
        script = self.script

        def own(label: str, listed: Ref, attributes: list[Ref], words: str, hint: str = "") -> None:
            same = script.call("fixtures.same_memory", listed, attributes)
            script.look(label, same, quiet=True, otherwise=words, hint=hint)

        own("backward", held, list(self._grads().values()), HELD, IN_PLACE)
        listed = script.method(self.layer, "parameters")
        words = f"should list {', '.join(self.names) or 'nothing'}, in this order"
        own("parameters()", listed, [script.get(self.layer, n) for n in self.names], words)
        script.method(self.layer, "zero_grad")
        for n, ref in self._grads().items():
            script.look(f"grad_{n} after zero_grad", ref, quiet=True)
        own("zero_grad", held, list(self._grads().values()), HELD, IN_PLACE)

    def _central_differences(
        self, x: np.ndarray, grad: dict[str, Ref], before: dict[str, Ref], after: dict[str, Ref]
    ) -> None:
        """Slopes of the student's own forward pass, at some places of x and each parameter."""
        script = self.script
        g = script.steps[list(script.arguments)[-1].index]  # the last argument of the last pass
        names = ["x"] * (self.look != "grad_parameters") + self.names * (self.look != "grad_input")
        sizes = [x.size if n == "x" else getattr(self.twin, n).numel() for n in names]
        places = [self.draw.rng.permutation(size)[:PLACES] for size in sizes]
        slopes = script.call("fixtures.layer_slopes", self.layer, x, g.target, names, places)
        for number, (n, where) in enumerate(zip(names, places, strict=True)):
            found = script.call("fixtures.item", slopes, number)
            gradient = (grad["gradient for x"],) if n == "x" else (after[n], before[n])
            script.slopes.append(Slopes(f"gradient for {n}", where, found, *gradient))


def shape_differs(mine: Any, expected: list[int]) -> str:
    """The words for a shape that is not the expected one."""
    found = tuple(mine) if isinstance(mine, list) else described(mine)
    return f"has shape {found}, expected {tuple(expected)}"
