"""check.speed: the time that a layer takes, beside PyTorch's in the same run."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from byhand.check.core import Check
from byhand.check.random_inputs import Draw, calm, written
from byhand.check.report import Line, Report
from byhand.protocol.experiment import Experiment, Ref, StepResult
from byhand.protocol.runner import Runner

ATTEMPTS = 10  # of which the fastest counts: other programs may slow a few of them down
CUT_OFF = 3.0  # seconds for one attempt
TRANSPORT = 0.03  # seconds at most for bringing the arrays to another process and back
RESOLUTION = 1e-6  # seconds; nothing is quicker
TOLERANCE = 1e-3  # in float32; whether a result is exact, other checks see
HINT = "Python is slow, step by step: let one call of NumPy do the work of a whole loop."


@calm()
def speed(
    cls: Any,
    like: Callable[..., torch.nn.Module],
    make: dict[str, Any],
    x: Sequence[int],
    most: float = 40,
    seed: int | None = None,
) -> Report | None:
    """Compare the time of a forward and a backward pass in float32 with PyTorch's.

    x: a shape; most: how many times PyTorch's time it may take. Both are timed here, by the clock
    on the wall and in turns; a pass that takes longer than CUT_OFF is stopped. A wrong result has
    no speed. Raises CheckFailed with what was found.
    """
    check = Check("speed", cls, seed=seed)
    race = _Race(check.name, like(**make), make, check.draw, tuple(x))
    check.report.title = f"{written(check.name, **make)} on x of shape {race.x.shape}"
    with threadpool_limits(1):  # as PyTorch's: on a busy machine more threads wait for each other
        check.report.lines += race.run(check.runner, most)
    return check.conclude()


class _Race:
    """One pass forwards and backwards, as an experiment and in PyTorch."""

    def __init__(
        self,
        name: str,
        twin: torch.nn.Module,
        make: dict[str, Any],
        draw: Draw,
        shape: tuple[int, ...],
    ):
        self.twin = twin
        self.x = draw.normal(shape).astype(np.float32)
        self.tensor = torch.from_numpy(self.x).requires_grad_()
        output = twin(self.tensor)
        self.g = draw.normal(tuple(output.shape)).astype(np.float32)
        self.experiment = Experiment(seed=draw.seed, seconds=CUT_OFF)
        self.results = self._write(name, make, draw)
        self.empty = Experiment()
        self.empty.put(self.x)
        self.empty.put(self.g)

    def _write(self, name: str, make: dict[str, Any], draw: Draw) -> dict[str, Ref]:
        ex = self.experiment
        layer = ex.call(name, **make)
        for label, parameter in self.twin.named_parameters():
            numbers = draw.normal(tuple(parameter.shape)).astype(np.float32)
            parameter.data.copy_(torch.from_numpy(numbers))
            ex.set(layer, label, numbers)
            ex.set(layer, f"grad_{label}", np.zeros_like(numbers))
        results = {"output": ex.method(layer, "forward", self.x)}
        results["gradient for x"] = ex.method(layer, "backward", self.x, self.g)
        for label, _ in self.twin.named_parameters():
            results[f"gradient for {label}"] = ex.get(layer, f"grad_{label}")
        return results

    def run(self, runner: Runner, most: float) -> list[Line]:
        """Attempts in turns with PyTorch, until one is fast enough."""
        transport = min(_timed(runner, self.empty)[0] for _ in range(3))
        theirs = min(self._pytorch() for _ in range(3))
        yours = np.inf
        for _ in range(ATTEMPTS):
            seconds, results = _timed(runner, self.experiment)
            failures = [r.failure for r in results if r.failure is not None]
            theirs = min(theirs, self._pytorch())
            if failures and failures[0].kind != "time":
                return [Line("speed", False, str(failures[0]))]
            if failures:
                return [
                    _slow(CUT_OFF / theirs, most, f" or more: it was stopped after {seconds:.0f} s")
                ]
            if wrong := self._wrong(results):
                return [
                    Line("speed", False, f"the {wrong} is wrong: only a right answer has a speed")
                ]
            yours = min(yours, max(seconds - min(transport, TRANSPORT), RESOLUTION))
            if yours <= most * theirs:
                text = f"{yours / theirs:.1f} times PyTorch's time; up to {most:g} are allowed"
                return [Line("speed", True, text)]
        return [_slow(yours / theirs, most)]

    def _pytorch(self) -> float:
        """Seconds of PyTorch for the same."""
        self.tensor.grad = None
        self.twin.zero_grad()
        began = time.perf_counter()
        self.twin(self.tensor).backward(torch.from_numpy(self.g))
        return time.perf_counter() - began

    def _wrong(self, results: list[StepResult]) -> str | None:
        """The first result that is not PyTorch's."""
        right = {"output": self.twin(self.tensor).detach(), "gradient for x": self.tensor.grad}
        right |= {f"gradient for {n}": p.grad for n, p in self.twin.named_parameters()}
        for name, ref in self.results.items():
            if not _agree(results[ref.index].value, right[name].numpy()):
                return name
        return None


def _timed(runner: Runner, experiment: Experiment) -> tuple[float, list[StepResult]]:
    began = time.perf_counter()
    results = runner.run(experiment)
    return time.perf_counter() - began, results


def _agree(value: Any, expected: np.ndarray) -> bool:
    if not isinstance(value, np.ndarray) or value.shape != expected.shape:
        return False
    return bool(np.abs(value - expected).max() <= TOLERANCE * max(1, np.abs(expected).max()))


def _slow(ratio: float, most: float, more: str = "") -> Line:
    text = f"{ratio:,.0f} times PyTorch's time{more}; up to {most:g} are allowed"
    return Line("speed", False, text, hint=HINT)
