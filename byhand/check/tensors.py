"""PyTorch on the student's side: tensors in and out, its autograd on or off, or all of it barred.

A runner is handed this; PyTorch is loaded at the first use.
"""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np

from byhand.protocol.experiment import Experiment
from byhand.protocol.runner import TorchUsed


def read(value: Any) -> np.ndarray | None:
    """The numbers of a tensor or parameter; None for anything else and dtypes NumPy lacks."""
    import torch

    if type(value) not in (torch.Tensor, torch.nn.Parameter):
        return None
    try:
        return np.array(value.detach().numpy())
    except (TypeError, RuntimeError):  # bfloat16, sparse, on another device
        return None


def make(array: np.ndarray) -> Any:
    """A tensor of these numbers, with memory of its own."""
    import torch

    return torch.from_numpy(np.array(array))


@contextmanager
def around(experiment: Experiment) -> Iterator[None]:
    """PyTorch with the experiment's seed, with or without autograd."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(experiment.seed)  # torch.manual_seed takes 2 ms
        with nullcontext() if experiment.autograd else _no_autograd():
            yield


def guard() -> AbstractContextManager:
    """While it is on, every call of a PyTorch function raises TorchUsed."""
    if "torch" not in sys.modules:
        return nullcontext()
    from torch.overrides import TorchFunctionMode

    class Guard(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            raise TorchUsed(f"torch.{getattr(function, '__name__', function)}")

    return Guard()


@contextmanager
def _no_autograd() -> Iterator[None]:
    """PyTorch records nothing, and torch.func, which would do so all the same, raises."""
    import torch

    as_is = [lambda tensor: tensor] * 2  # torch.func refuses to work where such hooks are set
    with torch.inference_mode(), torch.autograd.graph.saved_tensors_hooks(*as_is):
        yield
