"""check.speed: the time that a layer takes, beside PyTorch's in the same run."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from byhand.check.core import Check
from byhand.check.random_inputs import calm, written
from byhand.check.report import Line, Report
from byhand.protocol.experiment import Experiment, Ref

# Of all attempts the fastest counts: other programs may slow some down, and what they are at may
# be over after a pause. Nobody becomes so many times faster by that.
ATTEMPTS, IN_A_ROW, PAUSE, HOPELESS = 15, 5, 1.0, 4
CUT_OFF = 3.0  # seconds for one attempt
TRANSPORT = 0.03  # seconds at most for bringing the arrays to another process and back
RESOLUTION = 1e-6  # seconds; nothing is quicker
SLOW = "Python is slow, step by step: let one call of NumPy do the work of a whole loop."
TOLERANCE = 1e-3  # in float32; whether a result is exact, other checks see


@calm()
def speed(
    cls: Any, like: Callable[..., torch.nn.Module], make: dict[str, Any], x: Sequence[int],
    most: float = 40, seed: int | None = None,
) -> Report | None:  # fmt: skip
    """Compare the time of a forward and a backward pass in float32 with PyTorch's.

    x: a shape; most: how many times PyTorch's time it may take. Both are timed here, by the clock
    on the wall and in turns, on new numbers each time; a pass that takes longer than CUT_OFF is
    stopped. A wrong result has no speed. Raises CheckFailed with what was found.
    """
    check = Check("speed", cls, seed=seed)
    check.report.title = f"{written(check.name, **make)} on x of shape {tuple(x)}"
    check.report.lines.append(_race(check, like(**make), make, tuple(x), most))
    return check.conclude()


def _race(check: Check, twin: torch.nn.Module, make: dict, shape: tuple, most: float) -> Line:
    """Attempts in turns with PyTorch, until one is fast enough."""
    run, allowed = check.runner.run, f"up to {most:g} are allowed"
    yours = theirs = transport = np.inf
    for attempt in range(ATTEMPTS):
        if attempt and attempt % IN_A_ROW == 0:
            if yours > HOPELESS * most * theirs:
                break
            time.sleep(PAUSE)
        ex, looks, pytorch, arrays = _try(check, twin, make, shape)
        transport = min(transport, TRANSPORT, _timed(run, arrays)[0])
        (seconds, results), (again, right) = _timed(run, ex), _timed(pytorch)
        theirs = min(theirs, again, _timed(pytorch)[0])
        failure = next((result.failure for result in results if result.failure is not None), None)
        if failure is not None and failure.kind == "time":
            times = f"{CUT_OFF / theirs:,.0f} times PyTorch's time or more"
            text = f"{times}: it was stopped after {seconds:.0f} s; {allowed}"
            return Line("speed", False, text, hint=SLOW)
        if failure is not None:
            return Line("speed", False, str(failure))
        for (name, ref), expected in zip(looks.items(), right, strict=True):
            if not _agree(results[ref.index].value, expected.numpy()):
                text = f"the {name} is wrong: only a right answer has a speed"
                return Line("speed", False, text)
        yours = min(yours, max(seconds - transport, RESOLUTION))
        if yours <= most * theirs:
            return Line("speed", True, f"{yours / theirs:.1f} times PyTorch's time; {allowed}")
    text = f"{yours / theirs:,.0f} times PyTorch's time; {allowed}"
    return Line("speed", False, text, hint=SLOW)


def _try(
    check: Check, twin: torch.nn.Module, make: dict, shape: tuple
) -> tuple[Experiment, dict[str, Ref], Callable, Experiment]:
    """A pass on numbers of its own, so that nothing remembered is of use: the experiment and what
    counts in it, the same in PyTorch, and an experiment that only brings the arrays."""

    def drawn(shape: Sequence[int]) -> np.ndarray:
        return check.draw.normal(tuple(shape)).astype(np.float32)

    def pytorch() -> list[torch.Tensor]:
        tensor.grad = None
        twin.zero_grad()
        output = twin(tensor)
        output.backward(torch.from_numpy(g))
        return [output.detach(), tensor.grad, *(p.grad for p in twin.parameters())]

    x = drawn(shape)
    tensor = torch.from_numpy(x).requires_grad_()
    ex, arrays = Experiment(seed=check.draw.seed, seconds=CUT_OFF), Experiment()
    layer, parameters = ex.call(check.name, **make), dict(twin.named_parameters())
    for name, parameter in parameters.items():
        numbers = drawn(parameter.shape)
        parameter.data.copy_(torch.from_numpy(numbers))
        ex.set(layer, name, numbers)
        ex.set(layer, f"grad_{name}", np.zeros_like(numbers))
    g = drawn(twin(tensor).shape)
    looks = {"output": ex.method(layer, "forward", x)}
    looks["gradient for x"] = ex.method(layer, "backward", x, g)
    looks |= {f"gradient for {name}": ex.get(layer, f"grad_{name}") for name in parameters}
    arrays.put(x)
    arrays.put(g)
    return ex, looks, pytorch, arrays


def _timed(call: Callable, *args: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    result = call(*args)
    return time.perf_counter() - began, result


def _agree(value: Any, expected: np.ndarray) -> bool:
    if not isinstance(value, np.ndarray) or value.shape != expected.shape:
        return False
    return bool(np.abs(value - expected).max() <= TOLERANCE * max(1, np.abs(expected).max()))
