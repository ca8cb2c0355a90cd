"""check.sequential: what passes things on must lose nothing on either way."""

from functools import partial
from typing import Any

import numpy as np

from byhand.check import oracles
from byhand.check.comparisons.layer import BUFFER, KEPT
from byhand.check.core import Check, one_of
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Report
from byhand.check.script import Hint, Script
from byhand.protocol.experiment import Ref

LOOKS = ("all", "forward", "backward", "parameters")
SHAPE = (5, 4)
INPUTS = "Every layer's backward needs the input that this layer had on the way forward"
CALLED = "Call the layer, layer(x) or layer.forward(x), so that it keeps its own output."
ONCE = "backward runs a layer forward again: keep its input instead."
EVERY = "It does not reach every layer."


@calm()
def sequential(
    cls: Any, depth: int = 3, look: str = "all", module: bool = True, seed: int | None = None
) -> Report | None:
    """Put `depth` given layers into a Sequential, one of them nested, and follow what passes.

    look: "all", "forward", "backward" or "parameters" (parameters, zero_grad, train and eval).
    depth 0 is the empty Sequential. module: False for a class of exactly `depth` layers with
    forward and backward alone: nothing is nested, and gradients do not add up. Raises CheckFailed
    with what was found.
    """
    one_of(LOOKS, look, "look")
    check = Check("sequential", cls, seed=seed)
    inside = "no layers" if depth == 0 else f"{depth} layers"
    nested = ", the last two nested" if module and depth > 2 else ""
    check.report.title = f"{check.name} of {inside}{nested}"
    chain = _Chain(check.name, depth, look, module, check.draw)
    build = partial(oracles.Layer, overwrites=not module)
    hints = [
        Hint(f"{INPUTS}; yours gets the network's.", partial(_Astray, 0), "gradient"),
        Hint(f"{INPUTS}; yours gets its output.", partial(_Astray, 1), "gradient"),
        Hint("It was added twice: call each layer's backward once.", _Twice, "gradient for the w"),
        Hint(
            "Every layer gets the gradient of the output: each gets what the next one returned.",
            partial(_Astray, 2),
            "gradient",
        ),
        Hint("The layers have the wrong order.", lambda *m: build(oracles.stages, *m[::-1])),
        Hint("The first layer is left out.", lambda *m: build(oracles.stages, *m[1:])),
        Hint("The last layer is left out.", lambda *m: build(oracles.stages, *m[:-1])),
    ]
    dtypes = [np.float64, np.float32] if module and look != "parameters" else [np.float64]
    return check.differential(partial(build, oracles.stages), chain.write, hints, dtypes)


class _Chain:
    """The script: given layers, y = w sin(x) + (x to the left) / 2 each, in a Sequential."""

    def __init__(self, name: str, depth: int, look: str, module: bool, draw: Draw):
        self.name, self.depth, self.look, self.module, self.draw = name, depth, look, module, draw

    def write(self, script: Script, dtype: type) -> None:
        """Build, passes over batches of different sizes, then lists, zero_grad and modes."""
        self.script, module = script, self.module
        weights = [self.draw.normal(SHAPE[1:]).astype(dtype) for _ in range(self.depth)]
        self.stages = stages = [
            script.call("fixtures.Stage", weight, latest=not module) for weight in weights
        ]
        self.parts = []
        if module and self.depth > 2:
            self.parts = [script.build(self.name, *stages[-2:])]
            self.chain = script.build(self.name, *stages[:-2], *self.parts)
        else:
            self.chain = script.build(self.name, *stages)
        first = None
        for number, size in enumerate((SHAPE[0], SHAPE[0] - 1)):
            first = first or self._pass((size, *SHAPE[1:]), dtype, ", second pass" * number)
        if first is not None:
            script.look("output, later", script.read(first), quiet=True, hint=BUFFER)
        if module and self.look in ("all", "parameters"):
            self._parameters()
            self._modes()

    def _pass(self, shape: tuple[int, int], dtype: type, which: str) -> Ref | None:
        script, draw, module = self.script, self.draw, self.module
        x_ref = script.argument("x", draw.batch(shape).astype(dtype))
        g_ref = script.argument("grad_output", draw.normal(shape).astype(dtype))
        y = script.method(self.chain, "forward", x_ref)
        how = dict(hint=KEPT) if which else {}
        if self.look in ("all", "forward"):
            script.look(f"output{which}", y, **how)
            if module:
                kept = script.get(self.chain, "output")
                script.look(f"self.output{which}", kept, "output", quiet=True)
                for number, stage in enumerate(self.stages):
                    kept, label = script.get(stage, "output"), f"output of layer {number + 1}"
                    script.look(label, kept, quiet=True, hint=CALLED)
        grad = script.method(self.chain, "backward", x_ref, g_ref)
        if self.look in ("all", "backward"):
            script.look(f"gradient for x{which}", grad, **how)
            for number, stage in enumerate(self.stages):
                label = f"gradient for the weight of layer {number + 1}"
                found = script.get(stage, "grad_weight")
                script.look(f"{label}{which}", found, after=grad, **how)
                if module:
                    seen, passes = script.get(stage, "seen"), f"passes through layer {number + 1}"
                    script.look(f"{passes}{which}", seen, quiet=True, otherwise=ONCE)
        return y if self.look in ("all", "forward") else None

    def _parameters(self) -> None:
        """The lists hold the layers' own arrays, layer by layer."""
        script = self.script
        for called, name in (("parameters()", "weight"), ("parameters_grad()", "grad_weight")):
            listed = script.method(self.chain, called.removesuffix("()"))
            own = [script.get(stage, name) for stage in self.stages]
            script.look(called, script.call("fixtures.length", listed), called, otherwise=(
                lambda count, right: f"should list {right} arrays, layer by layer, lists {count}"),
                hint="Do nested modules list theirs?")  # fmt: skip
            words = "lists copies, or in another order; an optimizer needs the layers' own arrays"
            same = script.call("fixtures.same_memory", listed, own)
            script.look(called, same, called, otherwise=words)
        called = script.method(self.chain, "zero_grad")
        script.look("zero_grad()", called, quiet=True)
        for stage in self.stages:
            zeroed = script.get(stage, "grad_weight")
            script.look("zero_grad()", script.call("fixtures.is_zero", zeroed), otherwise=EVERY)

    def _modes(self) -> None:
        for mode in ("eval", "train"):
            called = self.script.method(self.chain, mode)
            for part in [*self.stages, *self.parts, self.chain]:
                training = self.script.get(part, "training")
                self.script.look(f"{mode}()", training, otherwise=EVERY, after=called)


class _Twice(oracles.Layer):
    """A Sequential that calls the backward of each layer twice."""

    def __init__(self, *modules: oracles.Layer):
        super().__init__(oracles.stages, *modules)

    def update_grad_parameters(self, x: np.ndarray, grad_output: np.ndarray) -> None:
        for _ in range(2):
            super().update_grad_parameters(x, grad_output)


class _Astray(oracles.Layer):
    """A Sequential that gives each layer's backward another input.

    kind: 0 for the network's, 1 for the layer's output; 2 for its own, and the gradient astray.
    """

    def __init__(self, kind: int, *modules: oracles.Layer):
        super().__init__(oracles.stages, *modules)
        vars(self).update(kind=kind, modules=modules)

    def backward(self, x: np.ndarray, grad_output: np.ndarray) -> np.ndarray:
        for module in self.modules[::-1]:
            given = [x, module.output, module.input][self.kind]
            if not isinstance(module, _Astray):
                module.forward(given)
            grad = module.backward(given, grad_output)
            grad_output = grad_output if self.kind == 2 else grad
        return grad if self.modules else grad_output
