"""Checks: what a test cell calls. Each reads like a sentence and ends in a report.

    check.layer(Linear, like=torch.nn.Linear, make=dict(in_features=4, out_features=3), x=(5, 4))

In the confined kernel that runs a student's cells under `nbgrader autograde` there is no PyTorch,
and the checks are made elsewhere; calls of them in the student's own cells do nothing there.
"""

import os

STUDENT_SIDE = "BYHAND_STUDENT_SIDE"  # set in the environment of that kernel

__all__ = [
    "CheckFailed",
    "OneHotNLLLoss",
    "criterion",
    "data_loader",
    "descent",
    "dropout",
    "function",
    "gradient",
    "layer",
    "learns",
    "network",
    "network_gradients",
    "numerical_gradient",
    "optimizer",
    "predict",
    "raises",
    "relative_error",
    "scheduler",
    "sequential",
    "speed",
    "straight_through",
    "train_step",
    "trained",
]

if STUDENT_SIDE in os.environ:

    def __getattr__(name: str):
        """Any check, as a call without effect."""
        if name not in __all__:
            raise AttributeError(f"byhand.check has no {name}")
        return lambda *args, **kwargs: None

else:
    from byhand.check.criteria import OneHotNLLLoss, criterion
    from byhand.check.descents import descent
    from byhand.check.differences import numerical_gradient, relative_error
    from byhand.check.dropouts import dropout
    from byhand.check.functions import function, gradient
    from byhand.check.gates import straight_through
    from byhand.check.layers import layer
    from byhand.check.loaders import data_loader
    from byhand.check.networks import learns, trained
    from byhand.check.optimizers import optimizer
    from byhand.check.raising import raises
    from byhand.check.regression import network, network_gradients
    from byhand.check.report import CheckFailed
    from byhand.check.schedulers import scheduler
    from byhand.check.sequentials import sequential
    from byhand.check.speeds import speed
    from byhand.check.steps import predict, train_step
