"""Known mistakes in schedules: the rate that each gives after step n.

s: PyTorch's schedule (see oracles.Scheduler). Formulas: cosine annealing: Loshchilov and Hutter
2016, arxiv.org/abs/1608.03983; one cycle: Smith and Topin 2017, arxiv.org/abs/1708.07120.
"""

import math
from collections.abc import Callable
from functools import partial

from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, OneCycleLR, StepLR

from byhand.check import oracles
from byhand.check.script import Hint

Scheduler = oracles.Scheduler


def schedules(like: Callable) -> list[Hint]:
    """The known mistakes of a schedule: those of every schedule, and its own."""
    rows = [
        Hint(says, partial(Scheduler, like, wrong=wrong)) for says, wrong in ANY + OWN.get(like, [])
    ]
    return rows + [
        Hint(says, partial(Scheduler, like, changed=changed))
        for says, changed in CHANGED.get(like, [])
    ]


def _cosine(s: Scheduler, clock: float) -> float:
    low = s.make.get("eta_min", 0.0)
    return low + (s.base_lr - low) / 2 * (1 + math.cos(math.pi * clock / s.make["T_max"]))


def _later(s: Scheduler, n: int) -> float:
    """One step ahead, as far as PyTorch goes."""
    return s.rate(min(n + 1, s.make.get("total_steps", n + 2) - 1))


ANY: list[tuple[str, Callable]] = [
    ("It did not change. get_lr() returns the rate, step() sets optimizer.lr.",
     lambda s, n: s.base_lr),
    ("Yours is one step behind.", lambda s, n: s.rate(n - 1)),
    ("Yours is one step ahead.", lambda s, n: _later(s, n) if n else s.rate(0)),
    ("Yours is one step ahead, from the start.", _later),
]  # fmt: skip
OWN: dict[Callable, list[tuple[str, Callable]]] = {
    ExponentialLR: [
        ("It does not compound: every step multiplies once more.",
         lambda s, n: s.base_lr * s.make["gamma"] ** min(n, 1)),
        ("It falls in a straight line: every step multiplies by gamma once more.",
         lambda s, n: s.base_lr * (1 - n * (1 - s.make["gamma"]))),
        ("gamma is no exponent of e: it is a factor, gamma ** n.",
         lambda s, n: s.base_lr * math.exp(-s.make["gamma"] * n)),
        ("gamma is multiplied with n; it is a power: gamma ** n.",
         lambda s, n: s.base_lr * s.make["gamma"] * n if n else s.base_lr),
    ],
    StepLR: [
        ("It does not compound: every step_size steps multiply once more.",
         lambda s, n: s.base_lr * s.make.get("gamma", 0.1) ** min(n // s.make["step_size"], 1)),
        ("It falls at every step; it should fall every step_size steps only.",
         lambda s, n: s.base_lr * s.make.get("gamma", 0.1) ** n),
        ("It falls a little at every step: the exponent is a whole number, n // step_size.",
         lambda s, n: s.base_lr * s.make.get("gamma", 0.1) ** (n / s.make["step_size"])),
    ],
    CosineAnnealingLR: [
        ("After T_max it starts again from the top; PyTorch's goes on along the cosine.",
         lambda s, n: _cosine(s, n % s.make["T_max"])),
        ("After T_max it stays at eta_min; PyTorch's goes on along the cosine.",
         lambda s, n: _cosine(s, min(n, s.make["T_max"]))),
        ("eta_min is not added.",
         lambda s, n: s.rate(n) - (s.make.get("eta_min", 0.0) if n else 0.0)),
        ("A whole cosine takes T_max steps, down and up; it should be half of one.",
         lambda s, n: _cosine(s, 2 * n)),
        ("The cosine takes degrees for radians.", lambda s, n: _cosine(s, n * 180 / math.pi)),
        ("It takes 2 T_max for the whole decrease: half a cosine is T_max steps.",
         lambda s, n: _cosine(s, n / 2)),
        ("It falls in a straight line; here it follows half a cosine.",
         lambda s, n: s.make.get("eta_min", 0.0) + (
             s.base_lr - s.make.get("eta_min", 0.0)) * (1 - n / s.make["T_max"])),
        ("The swing goes from eta_min to eta_min + lr: take (lr - eta_min) / 2.",
         lambda s, n: s.make.get("eta_min", 0.0) + s.base_lr / 2 * (
             1 + math.cos(math.pi * n / s.make["T_max"])) if n else s.base_lr),
    ],
    OneCycleLR: [
        ("The constructor has to set optimizer.lr: to max_lr / div_factor.",
         lambda s, n: s.rate(n) if n else s.base_lr),
        ("After total_steps there are no more steps: raise ValueError.",
         lambda s, n: s.rate(min(n, s.make["total_steps"] - 1))),
    ],
}  # fmt: skip
CHANGED: dict[Callable, list[tuple[str, Callable]]] = {
    CosineAnnealingLR: [("It is as if eta_min were 0.", lambda make, lr: {"eta_min": 0.0})],
    StepLR: [("It is as if gamma were 0.1, its default.", lambda make, lr: {"gamma": 0.1})],
    OneCycleLR: [
        ("The rate goes in straight lines; here it follows half a cosine, up and down.",
         lambda make, lr: {"anneal_strategy": "linear"}),
        ("The last rate is the first one, not max_lr, divided by final_div_factor.",
         lambda make, lr: {"final_div_factor": make.get("final_div_factor", 1e4)
                           / make.get("div_factor", 25.0)}),
        ("The first rate is max_lr / div_factor, not the optimizer's own.",
         lambda make, lr: {"div_factor": make["max_lr"] / lr}),
        ("The peak is one step late: it is at step pct_start * total_steps - 1.",
         lambda make, lr: {"pct_start": make.get("pct_start", 0.3) + 1 / make["total_steps"]}),
        ("The end is one step late: the last rate is reached at step total_steps - 1.",
         lambda make, lr: {"total_steps": make["total_steps"] + 1,
                           "pct_start": make.get("pct_start", 0.3) * make["total_steps"]
                           / (make["total_steps"] + 1)}),
        ("Peak and end are one step late: they are at pct_start * total_steps - 1 and "
         "total_steps - 1.",
         lambda make, lr: {"total_steps": make["total_steps"] + 1, "pct_start": (
             make.get("pct_start", 0.3) * make["total_steps"] + 1) / (make["total_steps"] + 1)}),
        ("The peak is not rounded to a whole step: pct_start * total_steps - 1.",
         lambda make, lr: {"pct_start": round(make.get("pct_start", 0.3) * make["total_steps"] - 1)
                           / make["total_steps"] + 1 / make["total_steps"]}),
        ("pct_start is the share of the steps that go up, not down.",
         lambda make, lr: {"pct_start": 1 - make.get("pct_start", 0.3)}),
        ("It is as if pct_start were 0.3, its default.", lambda make, lr: {"pct_start": 0.3}),
        ("It is as if div_factor were 25, its default.", lambda make, lr: {"div_factor": 25.0}),
    ],
}  # fmt: skip
