"""check.sequential: what passes things on must lose nothing on either way."""

from functools import partial
from typing import Any

import numpy as np

from byhand.check import oracles
from byhand.check.comparisons.passes import KEPT
from byhand.check.core import Check, one_of
from byhand.check.random_inputs import calm
from byhand.check.report import Report
from byhand.check.script import Hint, Script
from byhand.protocol.experiment import Ref

SAMPLES, FEATURES = 5, 4
INPUTS = "Every layer's backward needs the input that this layer had on the way forward"
CALLED = "Call the layer, layer(x) or layer.forward(x), so that it keeps its own output."
ONCE = "backward runs a layer forward again: keep its input instead."
TWICE = "It was added twice: call each layer's backward once."
EACH = "Every layer gets the gradient of the output: each gets what the next one returned."


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
    one_of(("all", "forward", "backward", "parameters"), look, "look")
    check = Check("sequential", cls, seed=seed)
    draw, nested = check.draw, module and depth > 2
    title = f"{check.name} of {depth or 'no'} layers{', the last two nested' if nested else ''}"
    check.report.title = title
    forward, backward, lists = (look in ("all", w) for w in ("forward", "backward", "parameters"))

    def write(script: Script, dtype: type) -> None:
        """Given layers in a Sequential: passes over batches of different sizes, then lists,
        zero_grad and modes. A layer is y = w sin(x) + (x to the left) / 2."""
        weights = [draw.normal((FEATURES,)).astype(dtype) for _ in range(depth)]
        stages = [script.call("fixtures.Stage", weight, latest=not module) for weight in weights]
        given = (
            [script.call("fixtures.ForwardAndBackward", s) for s in stages]
            if not module
            else stages
        )
        parts = [script.build(check.name, *stages[-2:])] if nested else []
        chain = script.build(check.name, *(given[:-2] if nested else given), *parts)
        outputs = []
        for size, which in (SAMPLES, ""), (SAMPLES - 1, ", second pass"):
            hint = KEPT if which else ""
            x = script.argument("x", draw.batch((size, FEATURES)).astype(dtype))
            g = script.argument("grad_output", draw.normal((size, FEATURES)).astype(dtype))
            outputs.append(script.method(chain, "forward", x))
            if forward:
                script.look(f"output{which}", outputs[-1], hint=hint)
            if forward and module:
                kept = script.get(chain, "output")
                script.look(f"self.output{which}", kept, "output", quiet=True)
                for number, stage in enumerate(stages, start=1):
                    kept, label = script.get(stage, "output"), f"output of layer {number}"
                    script.look(label, kept, quiet=True, hint=CALLED)
            grad = script.method(chain, "backward", x, g)
            if not backward:
                continue
            script.look(f"gradient for x{which}", grad, hint=hint)
            for number, stage in enumerate(stages, start=1):
                label = f"gradient for the weight of layer {number}{which}"
                script.look(label, script.get(stage, "grad_weight"), after=grad, hint=hint)
                if module:
                    label, seen = f"passes through layer {number}{which}", script.get(stage, "seen")
                    script.look(label, seen, quiet=True, otherwise=ONCE)
        if forward:
            script.later("output", outputs[0])
        if module and lists:
            _lists_and_modes(script, chain, stages, parts)

    build = partial(oracles.Layer, overwrites=not module)
    hints = [
        Hint(f"{INPUTS}; yours gets the network's.", partial(_Astray, "network"), "gradient"),
        Hint(f"{INPUTS}; yours gets its output.", partial(_Astray, "output"), "gradient"),
        Hint(TWICE, partial(_Astray, "twice"), "gradient for the w"),
        Hint(EACH, partial(_Astray, "gradient"), "gradient"),
        Hint("The layers have the wrong order.", lambda *m: build(oracles.stages, *m[::-1])),
        Hint("The first layer is left out.", lambda *m: build(oracles.stages, *m[1:])),
        Hint("The last layer is left out.", lambda *m: build(oracles.stages, *m[:-1])),
    ]
    dtypes = [np.float64, np.float32] if look != "parameters" else [np.float64]
    return check.differential(partial(build, oracles.stages), write, hints, dtypes)


def _lists_and_modes(script: Script, chain: Ref, stages: list[Ref], parts: list[Ref]) -> None:
    """The lists hold the layers' own arrays, layer by layer; the rest reaches every layer."""
    copies = "lists copies, or in another order; an optimizer needs the layers' own arrays"
    every, nested = "It does not reach every layer.", "Do nested modules list theirs?"

    def miscounted(count: Any, right: int) -> str:
        return f"should list {right} arrays, layer by layer, lists {count}"

    for method, name in ("parameters", "weight"), ("parameters_grad", "grad_weight"):
        listed, label = script.method(chain, method), f"{method}()"
        own = [script.get(stage, name) for stage in stages]
        count = script.call("fixtures.length", listed)
        script.look(label, count, otherwise=miscounted, hint=nested)
        script.look(label, script.call("fixtures.same_memory", listed, own), otherwise=copies)
    script.look("zero_grad()", script.method(chain, "zero_grad"), quiet=True)
    for stage in stages:
        zeroed = script.call("fixtures.is_zero", script.get(stage, "grad_weight"))
        script.look("zero_grad()", zeroed, otherwise=every)
    for mode in ("eval", "train"):
        called = script.method(chain, mode)
        for part in [*stages, *parts, chain]:
            training = script.get(part, "training")
            script.look(f"{mode}()", training, otherwise=every, after=called)


class _Astray(oracles.Layer):
    """A Sequential that gives each layer's backward another input or gradient, or calls it twice.

    kind: "network" for the network's input, "output" for the layer's output in place of its input;
    "gradient" for the gradient of the network's output; "twice".
    """

    def __init__(self, kind: str, *modules: oracles.Layer):
        super().__init__(oracles.stages, *modules)
        vars(self).update(kind=kind, modules=modules)

    def backward(self, x: np.ndarray, grad_output: np.ndarray) -> np.ndarray:
        grad = grad_output
        for module in self.modules[::-1]:
            given = {"network": x, "output": module.output}.get(self.kind, module.input)
            if not isinstance(module, _Astray):
                module.forward(given)
            for _ in range(1 + (self.kind == "twice")):
                passed = module.backward(given, grad)
            grad = grad_output if self.kind == "gradient" else passed
        return passed if self.modules else grad
