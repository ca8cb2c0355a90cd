"""check.criterion: a loss and its gradient against PyTorch's."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from byhand.check.compare import (
    NUMERICAL_TOLERANCE,
    Suspect,
    changes,
    compare,
    compare_number,
    number_in,
    suspect,
    warned,
)
from byhand.check.random_inputs import Draw, calm, is_shape, sizes_of, written
from byhand.check.report import Line, Report, conclude
from byhand.check.subject import reach
from byhand.protocol.experiment import Experiment, Ref, StepResult
from byhand.protocol.source_rules import broken_rules

STEP = 1e-5
CLIP = 1e-9
LOOKS = ("all", "output", "gradient")
TARGETS = ("real", "classes", "one-hot")


class OneHotNLLLoss(torch.nn.Module):
    """Minus the mean log of the probability, no smaller than 1e-9, at the 1 of each target."""

    def forward(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """(B, C), (B, C) -> one number"""
        log = prediction.clamp(min=CLIP).log()
        return torch.nn.functional.nll_loss(log, target.argmax(dim=-1))


@calm()
def criterion(
    cls: Any,
    like: Callable[..., torch.nn.Module],
    make: dict[str, Any] | None = None,
    prediction: Sequence = (5, 3),
    target: str = "real",
    look: str = "all",
    seed: int | None = None,
) -> Report | None:
    """Hold a loss against PyTorch's: its value, its gradient, its manners.

    prediction: a shape, drawn at random, or the numbers themselves;
    target: "real" (numbers of the same shape), "classes" (one class number a row) or "one-hot"
    (rows of 0 with a single 1; predictions that are drawn are then probabilities).
    look: "all", or "output" or "gradient" alone. Raises CheckFailed with what was found.
    """
    if target not in TARGETS or look not in LOOKS:
        raise ValueError(f"target is one of {TARGETS}, look of {LOOKS}, not {target!r}, {look!r}")
    make = make or {}
    [name], runner = reach(cls)
    draw = Draw(seed)
    values = draw.input(prediction)
    if target == "one-hot" and is_shape(prediction):
        values = _probabilities(values)
    title = f"{written(name, **make)} on predictions of shape {values.shape}"
    report = Report(title, draw.repeat("criterion"))
    for rule in broken_rules(runner.program(name), name):
        report.lines.append(Line("rules", False, rule))
    for dtype in (np.float64, np.float32):
        trial = _Trial(name, like(**make), make, values.astype(dtype), target, draw)
        lines = trial.judge(runner.run(trial.experiment), is_shape(prediction), look)
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
        classes = draw.rng.integers(0, prediction.shape[-1], prediction.shape[:-1])
        if target == "classes":
            self.target = classes
        elif target == "one-hot":
            self.target = np.eye(prediction.shape[-1], dtype=prediction.dtype)[classes]
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

    def judge(self, outcomes: list[StepResult], numerical: bool, look: str) -> list[Line]:
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
        lines = []
        if look != "gradient":
            limit = 1e-4 if single else 1e-9
            found = outcomes[self.value.index]
            lines.append(compare_number("loss", found, expected, sizes=sizes, tolerance=limit))
            found = outcomes[self.kept.index]
            kept = compare_number("self.output", found, expected, tolerance=1e-4)
            lines += [kept] if lines[0].ok and not kept.ok else []
        if look != "output":
            backward = [
                compare(
                    "gradient for prediction",
                    outcomes[ref.index],
                    grad,
                    sizes=sizes,
                    suspects=self._suspects,
                )
                for ref in (self.grad, self.again)
            ]
            backward[1].name += ", called again"
            lines += [line for line in backward if line.ok is False][:1] or backward[:1]
        if look == "all" and numerical and not single:
            lines += self._numerical(outcomes, sizes)
        kept = {ref: label for label, ref in self.arguments.items()}
        return lines + changes(outcomes, kept) + warned(outcomes)

    def _suspects(self) -> list[Suspect]:
        """Wrong gradients."""
        if not isinstance(self.twin, OneHotNLLLoss):
            return []
        words = (
            "This is the gradient for the logits, through a softmax; here they are probabilities."
        )
        return [(words, (self.prediction - self.target) / len(self.target))]

    def _numerical(self, outcomes: list[StepResult], sizes: dict[int, str]) -> list[Line]:
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


def _probabilities(logits: np.ndarray) -> np.ndarray:
    """A softmax of each row, with a tenth spread evenly: near 0, central differences fail."""
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return 0.9 * e / e.sum(axis=-1, keepdims=True) + 0.1 / logits.shape[-1]
