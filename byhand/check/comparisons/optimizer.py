"""check.optimizer: an optimizer beside torch.optim's, step by step."""

import importlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch

from byhand.check import oracles
from byhand.check.core import Check, UsageError
from byhand.check.hints.optimizers import optimizers
from byhand.check.random_inputs import calm, written
from byhand.check.report import Report
from byhand.check.script import Script

PACKAGE = "pytorch_optimizer"
NEVER = 10**9  # steps between two estimates of the Hessian that the package would make by itself
# Optimizers that PyTorch does not have: the package's name, and what makes it the paper's.
# Lion: Chen et al. 2023, arxiv.org/abs/2302.06675; Adan: Xie et al. 2022,
# arxiv.org/abs/2208.06677; LAMB: You et al. 2019, arxiv.org/abs/1904.00962; Sophia: Liu et al.
# 2023, arxiv.org/abs/2305.14342.
PAPERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Lion": ("Lion", {}),
    "Adan": ("Adan", {}),
    "Lamb": ("Lamb", {"weight_decouple": False, "adam_debias": True}),
    "Sophia": ("SophiaH", {"update_period": NEVER}),
}


def optimizer_of_paper(name: str) -> Callable[..., torch.optim.Optimizer]:
    """What builds the optimizer `name` of PAPERS, as torch.optim's classes do.

    Raises UsageError if pytorch_optimizer is not installed.
    """
    theirs, settings = PAPERS[name]
    try:
        package = importlib.import_module(PACKAGE)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"This check compares with the package pytorch_optimizer ({error}): "
            "run `pip install pytorch-optimizer`, restart the kernel and try again."
        ) from None

    def build(parameters: Iterable[torch.Tensor], **make: Any) -> torch.optim.Optimizer:
        named = {"p" if key == "rho" else key: value for key, value in make.items()}
        built = getattr(package, theirs)(parameters, **settings, **named)
        for group in built.param_groups if name == "Sophia" else ():
            group["step"] = 1  # in step 0 it would make an estimate by itself
        return built

    build.paper = name
    return build


SHAPES = ((3, 4), (4,), (3, 4), (2, 1, 3), (5,))  # two alike, so that a state kept by shape shows
BATCH_SIZES = (32, 20, 7)  # of the batches behind an estimate of the Hessian
ZERO = (2, 5)  # the steps, from 0, in which all gradients are 0
OUTSIDE = "It does not start afresh: is state kept outside the object, or on the module?"
SHARED = "It has the shape of parameter 1: is their state shared?"
EACH = "Parameter 1 is right: does the loop change what belongs to the whole step?"
NO_GRADIENT = "All gradients are 0 in this step; averages and velocities go on all the same."
HALVED = "The learning rate has changed before this step: read self.lr at every step."
COPY = "Work on a copy: grad = grad + ..., not grad += ..."

# torch.optim.NAdam usually keeps the product of its momenta in float32, and so may a student.
TOLERANCE = {torch.optim.NAdam: 1e-6}


@calm()
def optimizer(
    cls: Any,
    like: Callable[..., torch.optim.Optimizer] | str,
    make: dict[str, Any] | None = None,
    steps: int = 10,
    hessian_every: int = 0,
    hessian_from: int = 0,
    seed: int | None = None,
) -> Report | None:
    """Compare an optimizer with PyTorch's over some steps on five parameters.

    like: the PyTorch class, called with the parameters and the same arguments `make`, or the name
    of an optimizer of a paper (see PAPERS). The last parameter starts at zero; some steps
    have gradients of zero; the learning rate is halved on the way, as a schedule would do it; at
    the end a second optimizer works on the same module. hessian_every: every so many steps, from
    step hessian_from on, the module first has other gradients and update_hessian(batch_size) is
    called. Raises CheckFailed with what was found, and UsageError.
    """
    make = make or {}
    like = optimizer_of_paper(like) if isinstance(like, str) else like
    check = Check("optimizer", cls, seed=seed)
    draw = check.draw
    check.report.title = f"{written(check.name, 'module', **make)}, {steps} steps"
    check.rules(loops=True)
    start = [draw.normal(shape) for shape in SHAPES]
    start[-1] *= 0

    def gradients(number: int) -> list:
        """Of very different sizes, some exactly zero: they show where eps and the roots stand."""
        scales = 10.0 ** draw.rng.uniform(-3, 0.5, len(SHAPES)) * (number not in ZERO)
        grads = [k * draw.normal(shape) for k, shape in zip(scales, SHAPES, strict=True)]
        grads[0][0, : 1 + (number == 0)] = 0.0  # a state of zero is no sign of a first step
        return grads

    def write(script: Script, dtype: type) -> None:
        module = script.call("fixtures.Parameters", start)
        first = script.build(check.name, module, **make)
        held, grads = script.method(module, "parameters"), script.method(module, "parameters_grad")
        words = "the constructor has to keep lr as an attribute, with its default value"
        script.look("lr", script.get(first, "lr"), quiet=True, otherwise=words)

        def step(which: Any, number: int, label: str, hint: str = "") -> None:
            script.method(module, "receive", gradients(number))
            script.look(f"step {number + 1}", script.method(which, "step"), "step", quiet=True)
            for i in range(len(SHAPES)):
                value = script.call("fixtures.item", held, i)
                later = {1: EACH, 2: SHARED}.get(i, "")
                how = dict(tolerance=TOLERANCE.get(like), hint=hint or later)
                script.look(f"parameter {i + 1} {label}", value, family, **how)
            words = f"step {number + 1} changed the gradients of the module"
            name = "gradients left alone"
            script.look(name, script.read(grads), otherwise=words, hint=COPY)

        family = f"parameters after {steps} steps"
        for number in range(steps):
            if "lr" in make and number == (steps + 1) // 2:
                script.set(first, "lr", make["lr"] / 2)
            if hessian_every and number >= hessian_from and number % hessian_every == 0:
                size = BATCH_SIZES[number % len(BATCH_SIZES)]
                script.method(module, "receive", [draw.normal(shape) for shape in SHAPES])
                update = script.method(first, "update_hessian", size)
                script.look("update_hessian", update, quiet=True)
            hint = NO_GRADIENT if number in ZERO else HALVED if number == (steps + 1) // 2 else ""
            step(first, number, f"after step {number + 1}", hint)
        second = script.call(check.name, module, **make)
        step(second, 0, "after a step of a second optimizer", OUTSIDE)
        step(first, 1, "after a further step of the first", OUTSIDE)
        script.method(first, "zero_grad")
        words = "leaves gradients that are not zero"
        script.look("zero_grad", script.read(grads), quiet=True, otherwise=words)

    oracle = partial(oracles.Optimizer, like)
    return check.differential(oracle, write, optimizers(like), dtypes=[float])
