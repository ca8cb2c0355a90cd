"""check.sequential: what passes things on must lose nothing on either way."""

from functools import partial
from typing import Any

import numpy as np
import torch

from byhand.check.compare import Suspect, changes, compare, same_arrays
from byhand.check.random_inputs import Draw, calm
from byhand.check.report import Line, Report, conclude
from byhand.check.subject import reach
from byhand.protocol.experiment import Experiment, StepResult

LOOKS = ("all", "forward", "backward", "parameters")
SHAPE = (5, 4)


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
    if look not in LOOKS:
        raise ValueError(f"look is one of {LOOKS}, not {look!r}")
    [name], runner = reach(cls)
    draw = Draw(seed)
    inside = "no layers" if depth == 0 else f"{depth} layers"
    nested = ", the last two nested" if module and depth > 2 else ""
    report = Report(f"{name} of {inside}{nested}", draw.repeat("sequential"))
    trial = _Chain(name, depth, module, draw)
    report.lines += trial.judge(runner.run(trial.experiment), look)
    return conclude(report)


class _Chain:
    """The experiment on a Sequential of given layers, y = w sin(x) + (x to the left) / 2 each."""

    def __init__(self, name: str, depth: int, module: bool, draw: Draw):
        self.module = module
        self.weights = [draw.normal(SHAPE[1:]) for _ in range(depth)]
        self.first = draw.normal((SHAPE[0] + 2, SHAPE[1]))
        self.x, self.g = draw.normal(SHAPE), draw.normal(SHAPE)
        ex = self.experiment = Experiment(seed=draw.seed)
        probe = "fixtures.Stage" if module else "fixtures.Latest"
        stages = [ex.call(probe, weight) for weight in self.weights]
        self.stages = stages
        if module and depth > 2:
            self.inner = [ex.call(name, *stages[-2:])]
            self.chain = ex.call(name, *stages[:-2], *self.inner)
        else:
            self.inner = []
            self.chain = ex.call(name, *stages)
        self.x_ref, self.g_ref = ex.put(self.x), ex.put(self.g)
        # another batch goes first: whatever is kept of it must not be used again
        ex.method(self.chain, "forward", self.first)
        ex.method(self.chain, "backward", self.first, np.ones_like(self.first))
        for stage in stages:
            ex.method(stage, "zero_grad")
        self.output = ex.method(self.chain, "forward", self.x_ref)
        self.kept = ex.get(self.chain, "output")
        self.grad_input = ex.method(self.chain, "backward", self.x_ref, self.g_ref)
        self.grads = [ex.get(stage, "grad_weight") for stage in stages]
        self.parameters = ex.method(self.chain, "parameters")
        self.listed = ex.method(self.chain, "parameters_grad")
        self._own_arrays()
        self.calls = {"zero_grad": ex.method(self.chain, "zero_grad")}
        self.zeroed = [ex.get(stage, "grad_weight") for stage in stages]
        self.modes = {}
        for mode in ("eval", "train"):
            self.calls[mode] = ex.method(self.chain, mode)
            parts = [*stages, *self.inner, self.chain]
            self.modes[mode] = [ex.get(part, "training") for part in parts]

    def _own_arrays(self) -> None:
        """Move every weight through its own layer; the list must show it, copies would not."""
        ex = self.experiment
        for stage, weight in zip(self.stages, self.weights, strict=True):
            held = ex.get(stage, "weight")
            ex.method(held, "__iadd__", np.ones_like(weight))
        self.moved = ex.read(self.parameters)

    def judge(self, outcomes: list[StepResult], look: str) -> list[Line]:
        for part in (*self.inner, self.chain):
            if outcomes[part.index].failure is not None:
                return [Line("constructor", False, str(outcomes[part.index].failure))]
        inputs, output, grad, grads = self._answers()
        lines = []
        if look in ("all", "forward"):
            lines.append(compare("output", outcomes[self.output.index], output))
            kept = compare("self.output", outcomes[self.kept.index], output)
            lines += [kept] if self.module and lines[0].ok and not kept.ok else []
        if look in ("all", "backward"):
            lines += self._backward(outcomes, inputs, output, grad, grads)
        if look in ("all", "parameters"):
            lines += self._parameters(outcomes) + self._modes(outcomes)
        return lines + changes(outcomes, {self.x_ref: "x", self.g_ref: "grad_output"})

    def _answers(self) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, list[np.ndarray]]:
        """PyTorch's inputs of every layer, output, gradient for x and for every weight."""
        x = torch.from_numpy(self.x.copy()).requires_grad_()
        weights = [torch.from_numpy(w.copy()).requires_grad_() for w in self.weights]
        inputs, y = [], x * 1
        for weight in weights:
            inputs.append(y.detach().numpy())
            y = weight * torch.sin(y) + torch.roll(y, 1, -1) / 2
        y.backward(torch.from_numpy(self.g))
        return inputs, y.detach().numpy(), x.grad.numpy(), [w.grad.numpy() for w in weights]

    def _backward(
        self,
        outcomes: list[StepResult],
        inputs: list[np.ndarray],
        output: np.ndarray,
        grad: np.ndarray,
        grads: list[np.ndarray],
    ) -> list[Line]:
        suspects: list[Suspect] = []
        if self.weights:
            outputs = [*inputs[1:], output]
            words = "Every layer's backward needs the input that this layer had on the way forward"
            suspects = [
                (f"{words}; yours gets the network's.", self._wrong([self.x] * len(inputs))),
                (f"{words}; yours gets its output.", self._wrong(outputs)),
            ]
        tried = outcomes[self.grad_input.index]
        lines = [compare("gradient for x", tried, grad, suspects=partial(list, suspects))]
        if tried.failure is not None:
            return lines
        for number, (ref, expected) in enumerate(zip(self.grads, grads, strict=True)):
            twice = ("It was added twice: call each layer's backward once.", 2 * expected)
            label = f"gradient for the weight of layer {number + 1}"
            line = compare(label, outcomes[ref.index], expected, suspects=partial(list, [twice]))
            lines.append(line)
        return [line for line in lines if not line.ok][:2] or lines

    def _wrong(self, inputs: list[np.ndarray]) -> np.ndarray:
        """dl/dx if the layers' backward passes were given these inputs."""
        g = self.g
        for weight, x in zip(reversed(self.weights), reversed(inputs), strict=True):
            g = g * weight * np.cos(x) + np.roll(g, -1, axis=-1) / 2
        return g

    def _parameters(self, outcomes: list[StepResult]) -> list[Line]:
        lines = []
        for name, ref, wanted in (
            ("parameters()", self.parameters, self.weights),
            ("parameters_grad()", self.listed, [outcomes[r.index].value for r in self.grads]),
        ):
            found = outcomes[ref.index]
            if found.failure is not None:
                lines.append(Line(name, False, str(found.failure)))
                continue
            count = len(found.value) if isinstance(found.value, list) else -1
            same = same_arrays(found.value, wanted)
            text = "" if same else f"should list {len(wanted)} arrays, layer by layer"
            text += f", lists {count}" if not same and count >= 0 else ""
            hint = "Do nested modules list theirs?" if not same and 0 <= count < len(wanted) else ""
            lines.append(Line(name, same, text, hint=hint))
        moved = outcomes[self.moved.index].value
        if lines[0].ok and not same_arrays(moved, [weight + 1 for weight in self.weights]):
            text = "lists copies; an optimizer needs the layers' own arrays"
            lines.append(Line("parameters()", False, text))
        return lines

    def _modes(self, outcomes: list[StepResult]) -> list[Line]:
        zeroed = [outcomes[ref.index].value for ref in self.zeroed]
        emptied = all(isinstance(v, np.ndarray) and not v.any() for v in zeroed)
        reached = {"zero_grad": emptied}
        for mode, refs in self.modes.items():
            reached[mode] = all(outcomes[ref.index].value is (mode == "train") for ref in refs)
        lines = []
        for name, right in reached.items():
            failure = outcomes[self.calls[name].index].failure
            text = "" if right else str(failure or "does not reach every layer")
            lines.append(Line(f"{name}()", right, text))
        return lines
