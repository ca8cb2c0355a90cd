"""Known mistakes in schedules: the rate that each gives after step n.

s: PyTorch's schedule (see oracles.Scheduler). Formulas: cosine annealing: Loshchilov and Hutter
2016, arxiv.org/abs/1608.03983; one cycle: Smith and Topin 2017, arxiv.org/abs/1708.07120.
"""

import math
from collections.abc import Callable
from functools import partial

from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, OneCycleLR, StepLR

from byhand.check.oracles import Scheduler
from byhand.check.script import Hint

Row = tuple[str, Callable]


def schedules(like: Callable) -> list[Hint]:
    """The known mistakes of a schedule: those of every schedule, and its own."""
    rows = [(says, {"wrong": wrong}) for says, wrong in ANY + OWN.get(like, [])]
    rows += [(says, {"changed": changed}) for says, changed in CHANGED.get(like, [])]
    return [Hint(says, partial(Scheduler, like, **how), "rate") for says, how in rows]


def _power(of: Callable) -> Callable:
    """The rate with gamma to the power of(n, step_size)."""
    gamma, size = ("gamma", 0.1), ("step_size", 1)
    return lambda s, n: s.base_lr * s.make.get(*gamma) ** of(n, s.make.get(*size))


def _cosine(of: Callable, more: int = 0) -> Callable:
    """The cosine at of(n, T_max); with eta_min once more, the swing goes so much higher."""

    def rate(s: Scheduler, n: int) -> float:
        low, end = s.make.get("eta_min", 0.0), s.make["T_max"]
        swing = (s.base_lr - low + more * low) / 2 * (1 + math.cos(math.pi * of(n, end) / end))
        return low + swing if n else s.base_lr

    return rate


def _later(s: Scheduler, n: int) -> float:
    """One step ahead, as far as PyTorch goes."""
    return s.rate(min(n + 1, s.make.get("total_steps", n + 2) - 1))


ONCE = ("It does not compound: multiply once more.", _power(lambda n, size: min(n // size, 1)))
ANY: list[Row] = [
    ("It did not change. get_lr() returns the rate, step() sets it.", lambda s, n: s.base_lr),
    ("Yours is one step behind.", lambda s, n: s.rate(n - 1)),
    ("Yours is one step ahead.", lambda s, n: _later(s, n) if n else s.rate(0)),
    ("Yours is one step ahead, from the start.", _later),
]
OWN: dict[Callable, list[Row]] = {}
OWN[ExponentialLR] = [
    ONCE,
    ("gamma is no exponent of e.", lambda s, n: s.base_lr * math.exp(-s.make["gamma"] * n)),
]
OWN[StepLR] = [
    ONCE,
    ("It falls at every step, not every step_size steps.", _power(lambda n, size: n)),
    ("It falls a little at every step: take n // step_size.", _power(lambda n, size: n / size)),
    ("It is rounded up: take n // step_size.", _power(lambda n, size: math.ceil(n / size))),
]
OWN[CosineAnnealingLR] = [
    ("After T_max it starts again from the top; go on.", _cosine(lambda n, T: n % T)),
    ("After T_max it stays at eta_min; go on along the cosine.", _cosine(min)),
    ("eta_min is not added.", lambda s, n: s.rate(n) - (s.make["eta_min"] if n else 0.0)),
    ("A whole cosine takes T_max steps, down and up; take half.", _cosine(lambda n, T: 2 * n)),
    ("The cosine takes degrees for radians.", _cosine(lambda n, T: n * 180 / math.pi)),
    ("It is too slow: half a cosine is T_max steps.", _cosine(lambda n, T: n / 2)),
    ("The swing goes from eta_min to eta_min + lr.", _cosine(lambda n, T: n, more=1)),
]
OWN[OneCycleLR] = [
    ("The constructor has to set optimizer.lr, too.", lambda s, n: s.rate(n) if n else s.base_lr),
    (
        "It stays at the last rate. One step more follows the formula, any after it is an error.",
        lambda s, n: s.rate(min(n, s.make["total_steps"] - 1)),
    ),
]


def _late(peak: int, end: int) -> Callable:
    """OneCycleLR with its peak and its end so many steps late."""
    return lambda m, lr: {
        "total_steps": m["total_steps"] + end,
        "pct_start": (m.get("pct_start", 0.3) * m["total_steps"] + peak) / (m["total_steps"] + end),
    }


CHANGED: dict[Callable, list[Row]] = {}
CHANGED[CosineAnnealingLR] = [("It is as if eta_min were 0.", lambda m, lr: {"eta_min": 0.0})]
CHANGED[StepLR] = [
    ("It is as if gamma were 0.1, its default.", lambda m, lr: {"gamma": 0.1}),
    ("It is as if step_size were 7.", lambda m, lr: {"step_size": 7}),
]
CHANGED[OneCycleLR] = [
    ("The rate goes in straight lines, not curves.", lambda m, lr: {"anneal_strategy": "linear"}),
    ("The last rate is the first one, not max_lr, divided by final_div_factor.", lambda m, lr: {
        "final_div_factor": m.get("final_div_factor", 1e4) / m.get("div_factor", 25.0)}),
    ("The first rate is max_lr / div_factor.", lambda m, lr: {"div_factor": m["max_lr"] / lr}),
    ("The peak is one step late: it is at step pct_start * total_steps - 1.", _late(1, 0)),
    ("The end is one step late: the last rate is that of step total_steps - 1.", _late(0, 1)),
    ("Peak and end are one step late: the end is at step total_steps - 1.", _late(1, 1)),
    ("pct_start is the part going up.", lambda m, lr: {"pct_start": 1 - m.get("pct_start", 0.3)}),
    ("It is as if pct_start were 0.3, its default.", lambda m, lr: {"pct_start": 0.3}),
    ("It is as if div_factor were 25, its default.", lambda m, lr: {"div_factor": 25.0}),
]  # fmt: skip
