"""check.optimizer: an optimizer beside torch.optim's, step by step."""

import importlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
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


# Two alike, so that a state kept by shape shows. The third is laid out column by column, where
# reshape makes a copy; the fifth starts at 0; the last is float32.
SHAPES = ((3, 4), (4,), (3, 4), (2, 1, 3), (5,), (2, 3))
LATE, SMALL, SINGLE = 3, 4, 5  # parameters: the first gradient is 0, all are tiny, float32
BATCH_SIZES = (32, 20, 7)  # of the batches behind an estimate of the Hessian
EARLY = 4  # so many steps are looked at in float32: where Lamb's are long, rounding errors grow
ZERO = (2, 5)  # the steps, from 0, in which all gradients are 0
NO = ("",) * SINGLE  # hints
OUTSIDE = "It does not start afresh: is state kept outside the object, or on the module?"
BESIDE = "A second optimizer came between. Has it changed something that this one keeps?"
FIRST = (  # in the first step, where the parameters before are right
    "",
    "Parameter 1 is right. Does the loop change what all of them need, or do the axes matter?",
    "It has the shape of parameter 1, which is right. Do both have the same state?",
    "Its gradient is 0 in this step.",
    "It starts at 0, and its gradients are as small as 1e-8.",
)
ALONE = "It is float32. All others are float64, and right."
HALVED = "The learning rate has changed before this step: is self.lr read at every step?"
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
    """Compare an optimizer with PyTorch's over some steps on six parameters.

    like: the PyTorch class, called with the parameters and the same arguments `make`, or the name
    of an optimizer of a paper (see PAPERS). Some steps have gradients of zero; the learning rate is
    halved on the way, as a schedule would do it; at the end a second optimizer begins as the first
    one did, on the same module. hessian_every: every so many steps, from step hessian_from on, the
    module first has other gradients and update_hessian(batch_size) is called. Raises CheckFailed
    with what was found, and UsageError.
    """
    make = make or {}
    like = optimizer_of_paper(like) if isinstance(like, str) else like
    check = Check("optimizer", cls, seed=seed)
    draw = check.draw
    check.report.title = f"{written(check.name, 'module', **make)}, {steps} steps"
    check.rules(loops=True)
    way = steps * make.get("lr", 1e-2)  # a parameter goes so far, about
    loose = dict(tolerance=TOLERANCE[like], scale=way) if like in TOLERANCE else {}
    start = [draw.normal(shape) for shape in SHAPES]
    start[2] = np.asfortranarray(start[2])
    start[SMALL] *= 0
    start[SINGLE] = start[SINGLE].astype(np.float32)

    def gradients(number: int) -> list:
        """Of very different sizes, some exactly zero: they show where eps and the roots stand."""
        scales = 10.0 ** draw.rng.uniform(-3, 0.5, len(SHAPES))
        scales[SMALL] = 3e-8
        scales[LATE] *= number > 0  # a state of zero is no sign of a first step
        scales *= number not in ZERO
        grads = [k * draw.normal(shape) for k, shape in zip(scales, SHAPES, strict=True)]
        grads[0][0, : 1 + (number == 0)] = 0.0
        grads[SINGLE] = abs(grads[SINGLE])  # of one sign: Lion's step jumps where a sum is about 0
        return grads

    slopes = [gradients(number) for number in range(steps + 1)]
    estimates = [[draw.normal(shape) for shape in SHAPES] for _ in slopes]

    def write(script: Script, dtype: type) -> None:
        module = script.call("fixtures.Parameters", start)
        first = script.build(check.name, module, **make)
        held, grads = script.method(module, "parameters"), script.method(module, "parameters_grad")
        values = [script.call("fixtures.item", held, i) for i in range(len(SHAPES))]
        words = "the constructor has to keep lr as an attribute, with its default value"
        script.look("lr", script.get(first, "lr"), quiet=True, otherwise=words)
        family, single = f"parameters after {steps} steps", []

        def look(what: str, when: str, number: int, hints: Sequence[str] = NO) -> None:
            for i, value in enumerate(values[: len(values) - (number >= EARLY)]):
                name, now = f"parameter {i + 1} {when}", script.read(value)
                if i == SINGLE:
                    single.append((f"float32 {name}", now))
                else:
                    script.look(name, now, family, hint=hints[i], **loose)
            words = f"{what} changed the gradients of the module"
            script.look("gradients left alone", script.read(grads), otherwise=words, hint=COPY)

        def step(which: Any, number: int, when: str, hints: Sequence[str]) -> None:
            """An estimate of the Hessian, if it is time for one, and a step."""
            if hessian_every and number >= hessian_from and number % hessian_every == 0:
                script.method(module, "receive", estimates[number])
                size = BATCH_SIZES[number % len(BATCH_SIZES)]
                update = script.method(which, "update_hessian", batch_size=size)
                script.look("update_hessian", update, quiet=True)
                look("update_hessian", f"after update_hessian, before {when}", number)
            script.method(module, "receive", slopes[number])
            script.look(when, script.method(which, "step"), "step", quiet=True)
            look("step", f"after {when}", number, hints)

        for number in range(steps):
            halved = "lr" in make and number == (steps + 1) // 2
            if halved:
                script.set(first, "lr", make["lr"] / 2)
            hints = [HALVED * halved] * SINGLE if number else FIRST
            step(first, number, f"step {number + 1}", hints)
        for value, numbers in zip(values, start, strict=True):  # as the first one found it
            script.method(value, "put", list(range(numbers.size)), numbers)
        second = script.call(check.name, module, **make)
        step(second, 0, "a step of a second optimizer", [OUTSIDE] * SINGLE)
        step(first, steps, "a further step of the first", [BESIDE] * SINGLE)
        for name, now in single:  # last: by its rounding no known mistake is told
            script.look(name, now, family, quiet=True, hint=ALONE)
        script.method(first, "zero_grad")
        words = "leaves gradients that are not zero"
        script.look("zero_grad", script.read(grads), quiet=True, otherwise=words)

    oracle = partial(oracles.Optimizer, like)
    return check.differential(oracle, write, optimizers(like), dtypes=[float])
