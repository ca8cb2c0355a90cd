"""The experiment that check.layer makes of one layer, and PyTorch's answers to it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from byhand.check.random_inputs import Draw, written
from byhand.protocol.experiment import Experiment, Ref

STEP = 1e-5  # of the central differences
MOST_COORDINATES = 60  # of one array that are tried by central differences
PASSES = 2
PARTS = ("grad_input", "grad_parameters")  # of a backward pass, with points of their own
GRADIENTS = ("all", "backward", *PARTS)  # the looks that go on to the gradients


@dataclass
class Pass:
    """One forward and backward pass: what went in, the student's side and PyTorch's."""

    x: np.ndarray
    g: np.ndarray
    x_ref: Ref
    g_ref: Ref
    output: Ref | None = None
    kept: Ref | None = None
    grad_input: Ref | None = None
    updated: Ref | None = None  # the step that added to the gradients of the parameters
    grads: dict[str, Ref] = field(default_factory=dict)
    statistics: dict[str, Ref] = field(default_factory=dict)


class LayerTrial:
    """The experiment on one layer in float64, and PyTorch's answers to it."""

    def __init__(
        self,
        name: str,
        like: Callable[..., torch.nn.Module],
        make: dict[str, Any],
        x: np.ndarray,
        mode: str,
        draw: Draw,
        drawn: bool,
        look: str = "all",
        dtype: type = np.float64,
    ):
        self.name, self.like, self.make, self.mode, self.draw = name, like, make, mode, draw
        self.drawn, self.look, self.dtype = drawn, look, dtype
        self.title = f"{written(name, **make)} on x of shape {x.shape}"
        self.title += f", {mode} mode" if mode == "eval" else ""
        torch_dtype = torch.float64 if dtype is np.float64 else torch.float32
        self.twin = like(**make).to(torch_dtype).train(mode == "train")
        self._randomise()
        self.names = [n for n, _ in self.twin.named_parameters()]
        self.averages = [n for n, b in self.twin.named_buffers() if b.is_floating_point()]
        self.start = {n: p.detach().numpy().copy() for n, p in self._state()}
        self.x = x.astype(dtype)
        self.experiment = Experiment(seed=draw.seed)
        self._write()

    def _state(self) -> list[tuple[str, torch.Tensor]]:
        floats = [(n, b) for n, b in self.twin.named_buffers() if b.is_floating_point()]
        return [*self.twin.named_parameters(), *floats]

    def _randomise(self) -> None:
        for name, value in self._state():
            size = tuple(value.shape)
            numbers = self.draw.positive(size) if "var" in name else self.draw.normal(size)
            value.data.copy_(torch.from_numpy(numbers))

    def _write(self) -> None:
        """The steps: build, set the numbers, two passes, zero_grad, central differences."""
        ex = self.experiment
        self.layer = ex.call(self.name, **self.make)
        self.first = {n: ex.get(self.layer, n) for n in self.start}
        for name, value in self.start.items():
            ex.set(self.layer, name, value)
            if name in self.names:
                ex.set(self.layer, f"grad_{name}", np.zeros_like(value))
        ex.method(self.layer, self.mode)
        held = ex.method(self.layer, "parameters_grad")
        self.passes = [self._pass(number) for number in range(PASSES)]
        self.held = ex.read(held)
        self.own = ex.method(self.layer, "parameters")
        ex.method(self.layer, "zero_grad")
        self.zeroed = {n: ex.get(self.layer, f"grad_{n}") for n in self.names}
        self.held_zeroed = ex.read(held)
        smooth = self.drawn and self.dtype is np.float64 and self.look in GRADIENTS
        self.differences = self._differences() if smooth else {}

    def _pass(self, number: int) -> Pass:
        ex = self.experiment
        x = self.x
        if number and self.drawn:
            x = self.draw.batch(x.shape, scale=1.5, shift=0.5).astype(self.dtype)
        shape = tuple(self._twin_output(x).shape)
        g = self.draw.normal(shape).astype(self.dtype, order="C" if x.flags.c_contiguous else "F")
        now = Pass(x, g, ex.put(x), ex.put(g))
        now.output = ex.method(self.layer, "forward", now.x_ref)
        now.kept = ex.get(self.layer, "output")
        now.statistics = {n: ex.get(self.layer, n) for n in self.averages}
        if self.look in PARTS:  # what backward does, in steps: one may fail without the other
            now.grad_input = ex.method(self.layer, "compute_grad_input", now.x_ref, now.g_ref)
            now.updated = ex.method(self.layer, "update_grad_parameters", now.x_ref, now.g_ref)
        else:
            now.grad_input = ex.method(self.layer, "backward", now.x_ref, now.g_ref)
            now.updated = now.grad_input
        now.grads = {n: ex.get(self.layer, f"grad_{n}") for n in self.names}
        return now

    def _twin_output(self, x: np.ndarray) -> torch.Tensor:
        """PyTorch's output, the running averages left alone."""
        before = {n: b.clone() for n, b in self.twin.named_buffers()}
        with torch.no_grad():
            output = self.twin(torch.from_numpy(x))
        for name, value in self.twin.named_buffers():
            value.copy_(before[name])
        return output

    def _differences(self) -> dict[str, tuple[np.ndarray, list[tuple[Ref, Ref]]]]:
        """For x and each parameter: the coordinates tried and the outputs on either side."""
        ex, now = self.experiment, self.passes[-1]
        tried = {}
        for name, value in self._differentiated(now).items():
            count = min(value.size, MOST_COORDINATES)
            coordinates = self.draw.rng.choice(value.size, count, replace=False)
            pairs = []
            for coordinate in coordinates:
                pairs.append(tuple(self._nudged(name, value, coordinate, h) for h in (STEP, -STEP)))
            if name != "x":
                ex.set(self.layer, name, value)
            tried[name] = (coordinates, pairs)
        return tried

    def _differentiated(self, now: Pass) -> dict[str, np.ndarray]:
        """What the check asks gradients for: x, the parameters, or both."""
        values = {} if self.look == "grad_parameters" else {"x": now.x}
        return values | (
            {} if self.look == "grad_input" else {n: self.start[n] for n in self.names}
        )

    def _nudged(self, name: str, value: np.ndarray, coordinate: int, step: float) -> Ref:
        ex, x = self.experiment, self.passes[-1].x
        moved = value.copy()
        moved.flat[coordinate] += step
        if name == "x":
            return ex.method(self.layer, "forward", moved)
        ex.set(self.layer, name, moved)
        return ex.method(self.layer, "forward", x)

    def answer(self, now: Pass) -> dict[str, np.ndarray]:
        """PyTorch's output, gradients (added up so far) and running averages for a pass."""
        x = torch.from_numpy(now.x.copy()).requires_grad_()
        output = self.twin(x)
        output.backward(torch.from_numpy(now.g))
        answer = {"output": output.detach().numpy(), "x": x.grad.numpy()}
        answer |= {n: p.grad.numpy().copy() for n, p in self.twin.named_parameters()}
        return answer | {n: b.numpy().copy() for n, b in self.twin.named_buffers()}
