"""check.criterion: a loss and its gradient against PyTorch's."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from byhand.check.compare import NUMERICAL_TOLERANCE, compare, compare_number, number_in, suspect
from byhand.check.draws import Draw, calm, is_shape, sizes_of, written
from byhand.check.experiment import Experiment, Outcome, Ref
from byhand.check.report import Line, Report, conclude
from byhand.check.rules import broken_rules
from byhand.check.runner import reach

STEP = 1e-5


@calm()
def criterion(
    cls: Any,
    like: Callable[..., torch.nn.Module],
    make: dict[str, Any] | None = None,
    prediction: Sequence = (5, 3),
    target: str = "real",
    seed: int | None = None,
) -> Report | None:
    """Hold a loss against PyTorch's: its value, its gradient, its manners.

    prediction: a shape, drawn at random, or the numbers themselves;
    target: "real" (numbers of the same shape) or "classes" (one class number a row).
    Raises CheckFailed with what was found.
    """
    if target not in ("real", "classes"):
        raise ValueError(f"target is 'real' or 'classes', not {target!r}")
    make = make or {}
    name, runner = reach(cls)
    draw = Draw(seed)
    values = draw.input(prediction)
    title = f"{written(name, **make)} on predictions of shape {values.shape}"
    report = Report(title, draw.repeat("criterion"))
    for rule in broken_rules(runner.program(name), name):
        report.lines.append(Line("rules", False, rule))
    for dtype in (np.float64, np.float32):
        trial = _Trial(name, like(**make), make, values.astype(dtype), target, draw)
        lines = trial.judge(runner.run(trial.experiment), numerical=is_shape(prediction))
        if dtype is np.float32:
            lines = [line for line in lines if line.ok is False] or [
                Line("float32 stays float32", True)
            ]
        report.lines += lines
        if not report.passed:
            break
    return conclude(report)


class _Trial:
    """The experiment on one loss, and PyTorch's answers to it."""

    def __init__(
        self,
        name: str,
        twin: torch.nn.Module,
        make: dict[str, Any],
        prediction: np.ndarray,
        target: str,
        draw: Draw,
    ):
        self.twin, self.prediction = twin, prediction
        if target == "classes":
            self.target = draw.rng.integers(0, prediction.shape[-1], prediction.shape[:-1])
        else:
            self.target = draw.normal(prediction.shape).astype(prediction.dtype)
        ex = self.experiment = Experiment(seed=draw.seed)
        self.loss = ex.call(name, **make)
        self.arguments = {"prediction": ex.put(self.prediction), "target": ex.put(self.target)}
        pair = tuple(self.arguments.values())
        self.value = ex.method(self.loss, "forward", *pair)
        self.kept = ex.get(self.loss, "output")
        self.grad = ex.method(self.loss, "backward", *pair)
        self.again = ex.method(self.loss, "backward", *pair)
        self.nudged = [
            tuple(self._nudge(coordinate, step) for step in (STEP, -STEP))
            for coordinate in range(min(prediction.size, 60))
        ]

    def _nudge(self, coordinate: int, step: float) -> Ref:
        moved = self.prediction.copy()
        moved.flat[coordinate] += step
        return self.experiment.method(self.loss, "forward", moved, self.target)

    def judge(self, outcomes: list[Outcome], numerical: bool) -> list[Line]:
        built = outcomes[self.loss.index]
        if built.failure is not None:
            return [Line("constructor", False, str(built.failure))]
        single = self.prediction.dtype == np.float32
        prediction = torch.from_numpy(self.prediction.copy()).requires_grad_()
        value = self.twin(prediction, torch.from_numpy(self.target))
        value.backward()
        sizes, expected, grad = (
            sizes_of(self.prediction.shape),
            value.item(),
            prediction.grad.numpy(),
        )
        lines = [
            compare_number(
                "loss",
                outcomes[self.value.index],
                expected,
                sizes=sizes,
                tolerance=1e-4 if single else 1e-9,
            )
        ]
        kept = compare_number("self.output", outcomes[self.kept.index], expected, tolerance=1e-4)
        lines += [kept] if lines[0].ok and not kept.ok else []
        backward = [
            compare("gradient for prediction", outcomes[ref.index], grad, sizes=sizes)
            for ref in (self.grad, self.again)
        ]
        backward[1].name += ", called again"
        lines += [line for line in backward if line.ok is False][:1] or backward[:1]
        if numerical and not single:
            lines += self._numerical(outcomes, sizes)
        for label, ref in self.arguments.items():
            if any(ref.index in outcome.changed for outcome in outcomes):
                lines.append(Line("arguments", False, f"{label} was changed in place"))
        said = {w for outcome in outcomes for w in outcome.warnings}
        return lines + [Line("warning", None, text) for text in sorted(said)[:2]]

    def _numerical(self, outcomes: list[Outcome], sizes: dict[int, str]) -> list[Line]:
        """The student's gradient against the slope of the student's own loss."""
        ends = [[number_in(outcomes[ref.index].value) for ref in pair] for pair in self.nudged]
        mine = outcomes[self.grad.index].value
        if any(end is None for pair in ends for end in pair):
            return []
        if not isinstance(mine, np.ndarray) or mine.shape != self.prediction.shape:
            return []
        if mine.dtype.kind != "f":
            return []
        slopes = np.array([(up - down) / (2 * STEP) for up, down in ends])
        error = np.abs(mine.flat[: slopes.size] - slopes).max()
        scale = max(np.abs(slopes).max(), 1e-2)
        if error <= NUMERICAL_TOLERANCE * scale:
            text = f"largest relative error {error / scale:.0e}"
            return [Line("central differences", True, text)]
        hint = suspect(mine.ravel()[: slopes.size], slopes, sizes, tuple)
        text = "the gradient is not the slope of your own loss"
        return [
            Line("central differences", False, text, hint=hint.replace("PyTorch's", "the slope"))
        ]
