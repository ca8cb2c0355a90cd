"""Checks: what a test cell calls. Each reads like a sentence and ends in a report.

    check.layer(Linear, like=torch.nn.Linear, make=dict(in_features=4, out_features=3), x=(5, 4))

In the confined kernel that runs a student's cells under `nbgrader autograde` there is no PyTorch,
and the checks are made elsewhere; calls of them in the student's own cells do nothing there.
"""

import importlib
import os
from typing import Any

STUDENT_SIDE = "BYHAND_STUDENT_SIDE"  # set in the environment of that kernel
COMPARISONS, PROPERTIES = "byhand.check.comparisons.", "byhand.check.properties."
HOMES = {
    "byhand.check.report": "CheckFailed",
    "byhand.check.progress": "scoreboard",
    "byhand.check.torch_attention": "attention_weights rotated scaled_dot_product_attention",
    COMPARISONS + "attention": "block self_attention",
    COMPARISONS + "container": "sequential",
    COMPARISONS + "criterion": "OneHotNLLLoss criterion",
    COMPARISONS + "engine": "engine",
    COMPARISONS + "function": "function gradient",
    COMPARISONS + "generate": "generate",
    COMPARISONS + "layer": "layer",
    COMPARISONS + "numerical_gradient": "numerical_gradient relative_error",
    COMPARISONS + "optimizer": "optimizer",
    COMPARISONS + "raises": "raises",
    COMPARISONS + "regression": "descent network network_gradients",
    COMPARISONS + "scheduler": "scheduler",
    COMPARISONS + "train_loop": "train_loop",
    COMPARISONS + "train_step": "predict train_step",
    PROPERTIES + "bernoulli_gate": "straight_through",
    PROPERTIES + "data_loader": "data_loader",
    PROPERTIES + "dropout": "dropout",
    PROPERTIES + "sorter": "learns_to_sort sorts",
    PROPERTIES + "speed": "speed",
    PROPERTIES + "trained_network": "learns trained",
}
__all__ = sorted(name for names in HOMES.values() for name in names.split())

if STUDENT_SIDE not in os.environ:
    for home, names in HOMES.items():
        globals().update({n: getattr(importlib.import_module(home), n) for n in names.split()})
    importlib.import_module("byhand.check.progress").watch()


def __getattr__(name: str) -> Any:
    """On the student's side, any check: a call without effect."""
    if name not in __all__:
        raise AttributeError(f"byhand.check has no {name}")
    return lambda *args, **kwargs: None
