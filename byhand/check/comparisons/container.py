"""check.sequential: what passes things on must lose nothing on either way."""

from functools import partial
from typing import Any

import numpy as np

from byhand.check import oracles
from byhand.check.comparisons.passes import AGAIN, KEPT
from byhand.check.core import Check, one_of
from byhand.check.random_inputs import calm
from byhand.check.report import Report
from byhand.check.script import Hint, Script
from byhand.protocol.experiment import Ref

SAMPLES, FEATURES = 5, 4
# What the parameters of a layer are called, layer by layer; where there are two, they are equal.
NAMES = ("weight",), ("gain", "shift"), ()
INPUTS = "Every layer's backward needs the input that this layer had on the way forward"
CALLED = "Call the layer, layer(x) or layer.forward(x), so that it keeps its own output."
ONCE = "backward runs a layer forward again: keep its input instead."
TWICE = "It was added twice: call each layer's backward once."
MODE = "Only the layers in it may do something else in eval mode, not the Sequential itself."
EVERY = "It does not reach every layer."
WITHIN = "It does not reach what is inside a layer: call the layer's own train() and eval()."
ITSELF = "It does not switch the Sequential itself."
RETURNS = "does not return the Sequential: return self"
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
        """Given layers in a Sequential: passes over batches of different sizes and of one size, the
        last in eval mode, then lists, zero_grad and modes. A layer is y = w sin(x) + (x to the
        left) / 2."""
        names = [NAMES[number % 3 if module else 0] for number in range(depth)]
        values = [draw.normal((FEATURES,)).astype(dtype) for _ in range(depth)]
        made = [dict.fromkeys(*pair) for pair in zip(names, values, strict=True)]
        how = dict(moody=module, latest=not module)
        stages = [script.call("fixtures.Stage", **how, **parameters) for parameters in made]
        owned = [(n, stage, name) for n, stage in enumerate(stages) for name in names[n]]
        bare = partial(script.call, "fixtures.ForwardAndBackward")
        given = stages if module else [*map(bare, stages)]
        parts = [script.build(check.name, *stages[-2:])] if nested else []
        chain = script.build(check.name, *(given[:-2] if nested else given), *parts)
        found = []
        passes = [(SAMPLES, "", ""), (SAMPLES - 1, ", second pass", KEPT)]
        passes += [(SAMPLES - 1, ", third pass", AGAIN)]
        passes += [(SAMPLES + 1, ", eval mode", MODE)] if module else []
        for size, which, hint in passes:
            for part in [*stages, *parts, chain] if hint == MODE else []:
                script.set(part, "training", False)  # whatever the subject's eval() does
            order, shape = "F" if hint == KEPT else "C", (size, FEATURES)  # in memory
            x = script.argument("x", draw.batch(shape).astype(dtype, order))
            g = script.argument("grad_output", draw.normal(shape).astype(dtype, order))
            y = script.method(chain, "forward", x)
            if forward:
                found.append(("output", script.look(f"output{which}", y, hint=hint)))
            if forward and module:
                kept = script.get(chain, "output")
                script.look(f"self.output{which}", kept, "output", quiet=True)
                for number, stage in enumerate(stages, start=1):
                    kept, label = script.get(stage, "output"), f"output of layer {number}"
                    script.look(label, kept, quiet=True, hint=CALLED)
            grad = script.method(chain, "backward", x, g)
            if not backward:
                continue
            after = None if module else y  # there the text asks for both at once
            script.look(f"gradient for x{which}", grad, after=after, hint=hint)
            found.append(("gradient for x", grad))
            for number, stage, name in owned:
                label = f"gradient for the {name} of layer {number + 1}{which}"
                script.look(label, script.get(stage, f"grad_{name}"), after=grad, hint=hint)
            for number, stage in enumerate(stages if module else [], start=1):
                label, seen = f"passes through layer {number}{which}", script.get(stage, "seen")
                script.look(label, seen, quiet=True, otherwise=ONCE)
        for label, ref in found:
            script.later(label, ref)
        if module and lists:
            _lists(script, chain, owned)
            _modes(script, chain, stages, parts)

    build = partial(oracles.Layer, overwrites=not module)
    hints = [
        Hint(f"{INPUTS}; yours gets the network's.", partial(_Astray, "network"), "gradient"),
        Hint(f"{INPUTS}; yours gets its output.", partial(_Astray, "output"), "gradient"),
        Hint(TWICE, partial(_Astray, "twice"), "gradient for the"),
        Hint(EACH, partial(_Astray, "gradient"), "gradient"),
        Hint("The layers have the wrong order.", lambda *m: build(oracles.stages, *m[::-1])),
        Hint("The first layer is left out.", lambda *m: build(oracles.stages, *m[1:])),
        Hint("The last layer is left out.", lambda *m: build(oracles.stages, *m[:-1])),
    ]
    dtypes = [np.float64, np.float32] if look != "parameters" else [np.float64]
    return check.differential(partial(build, oracles.stages), write, hints, dtypes)


def _lists(script: Script, chain: Ref, owned: list[tuple[int, Ref, str]]) -> None:
    """The lists hold the layers' own arrays, layer by layer; zero_grad reaches all gradients.

    owned: the number of a layer, the layer and the name of one of its parameters.
    """
    copies = "lists copies, or in another order; an optimizer needs the layers' own arrays"
    nested = "Do nested modules list theirs? Join what {}() of every module lists, whatever it is."

    def miscounted(count: Any, right: int) -> str:
        return f"should list {right} arrays, layer by layer, lists {count}"

    for method, prefix in ("parameters", ""), ("parameters_grad", "grad_"):
        listed, label = script.method(chain, method), f"{method}()"
        own = [script.get(stage, prefix + name) for _, stage, name in owned]
        count = script.call("fixtures.length", listed)
        script.look(label, count, otherwise=miscounted, hint=nested.format(method))
        script.look(label, script.call("fixtures.same_memory", listed, own), otherwise=copies)
    script.look("zero_grad()", script.method(chain, "zero_grad"), quiet=True)
    for _, stage, name in owned:
        zeroed = script.call("fixtures.is_zero", script.get(stage, f"grad_{name}"))
        script.look("zero_grad()", zeroed, otherwise=EVERY)


def _modes(script: Script, chain: Ref, stages: list[Ref], parts: list[Ref]) -> None:
    """eval() and train() reach every module and the Sequential itself, which they return."""
    within = [script.get(stage, "part") for stage in stages]
    every = dict.fromkeys(stages, EVERY) | dict.fromkeys(within, WITHIN)
    every |= {chain: ITSELF} | dict.fromkeys(parts, EVERY)
    for mode in ("eval", "train"):
        for module in every:
            script.set(module, "training", mode == "eval")
        called, label = script.method(chain, mode), f"{mode}()"
        for module, words in every.items():
            training = script.get(module, "training")
            script.look(label, training, otherwise=words, after=called)
        same = script.call("fixtures.is_same", called, chain)
        script.expect(label, same, lambda found: "" if found is True else RETURNS)


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
