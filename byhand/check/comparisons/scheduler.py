"""check.scheduler: the learning rates of a schedule beside torch.optim.lr_scheduler's, by step."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from byhand.check import oracles
from byhand.check.core import Check
from byhand.check.hints.schedules import schedules
from byhand.check.random_inputs import calm, written
from byhand.check.report import Report
from byhand.check.script import Script


def counted(mine: Any, right: int) -> str:
    """The words for a last_epoch that is not right."""
    return f"is {mine}, expected {right}: it starts at 0, and step() counts it up"


@calm()
def scheduler(
    cls: Any,
    like: Callable[..., torch.optim.lr_scheduler.LRScheduler],
    make: dict[str, Any],
    steps: int = 30,
    lrs: Sequence[float] = (0.1, 0.03),
    seed: int | None = None,
) -> Report | None:
    """Compare the rates that a schedule gives an optimizer with PyTorch's, over some steps.

    like: the PyTorch class, called with the same arguments `make`; lrs: the rates of the
    optimizers, one for each, that are scheduled side by side. Where PyTorch raises an error the
    schedule has to raise it too. Raises CheckFailed with what was found.
    """
    check = Check("scheduler", cls, seed=seed)
    check.report.title = f"{written(check.name, 'optimizer', **make)}, {steps} steps"

    def write(script: Script, dtype: type) -> None:
        nothing = script.call("fixtures.Parameters", [])
        optimizers = [script.call("fixtures.Bounded", nothing, lr) for lr in lrs]
        made = [script.build(check.name, optimizer, **make) for optimizer in optimizers]
        sides = list(zip(lrs, optimizers, made, strict=True))
        step = None
        for number in range(steps + 1):
            for lr, optimizer, schedule in sides:
                if number:
                    script.method(optimizer, "step")
                    step = script.method(schedule, "step")
                label = f"rate after step {number}" if number else "rate at the start"
                rate = script.get(optimizer, "lr")
                script.look(f"{label}, from lr={lr:g}", rate, f"from lr={lr:g}", after=step)
                count = script.get(schedule, "last_epoch")
                how = dict(quiet=True, after=step, otherwise=counted)
                script.look(f"last_epoch{label.removeprefix('rate')}", count, "last_epoch", **how)

    oracle = partial(oracles.Scheduler, like)
    return check.differential(oracle, write, schedules(like), dtypes=[float])
