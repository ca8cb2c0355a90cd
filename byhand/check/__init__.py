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
    from byhand.check.comparisons.container import sequential
    from byhand.check.comparisons.criterion import OneHotNLLLoss, criterion
    from byhand.check.comparisons.descent import descent
    from byhand.check.comparisons.function import function, gradient
    from byhand.check.comparisons.layer import layer
    from byhand.check.comparisons.numerical_gradient import numerical_gradient, relative_error
    from byhand.check.comparisons.optimizer import optimizer
    from byhand.check.comparisons.raising import raises
    from byhand.check.comparisons.regression import network, network_gradients
    from byhand.check.comparisons.scheduler import scheduler
    from byhand.check.comparisons.train_step import predict, train_step
    from byhand.check.properties.bernoulli_gate import straight_through
    from byhand.check.properties.data_loader import data_loader
    from byhand.check.properties.dropout import dropout
    from byhand.check.properties.speed import speed
    from byhand.check.properties.trained_network import learns, trained
    from byhand.check.report import CheckFailed
