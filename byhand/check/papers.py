"""Optimizers that PyTorch has not got, from the package pytorch_optimizer, as in their papers."""

import importlib
from collections.abc import Callable, Iterable
from typing import Any

import torch

PACKAGE = "pytorch_optimizer"
NEVER = 10**9  # steps between two estimates of the Hessian that the package would make by itself

# name -> the package's name for it, and what makes it the one of the paper
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "Lion": ("Lion", {}),
    "Adan": ("Adan", {}),
    "Lamb": ("Lamb", {"weight_decouple": False, "adam_debias": True}),
    "Sophia": ("SophiaH", {"update_period": NEVER}),
}
RENAMED = {"rho": "p"}  # argument -> the package's name for it


class MissingPackageError(ImportError):
    """pytorch_optimizer is not installed; a notebook shows this as one line."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def optimizer_named(name: str) -> Callable[..., torch.optim.Optimizer]:
    """What builds the optimizer `name` from parameters and arguments, as torch.optim's classes do.

    name: "Lion", "Adan", "Lamb" or "Sophia". Raises MissingPackageError.
    """
    theirs, settings = SETTINGS[name]
    try:
        package = importlib.import_module(PACKAGE)
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"This check compares with the package pytorch_optimizer ({error}): "
            "run `pip install pytorch-optimizer`, restart the kernel and try again."
        ) from None

    def build(parameters: Iterable[torch.Tensor], **make: Any) -> torch.optim.Optimizer:
        named = {RENAMED.get(key, key): value for key, value in make.items()}
        return getattr(package, theirs)(parameters, **settings, **named)

    return build
