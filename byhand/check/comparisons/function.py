"""check.function and check.gradient: a student's function beside PyTorch's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from byhand.check.compare import PYTORCH
from byhand.check.comparisons.layer import BUFFER, PLACES
from byhand.check.core import Check
from byhand.check.hints.functions import FUNCTIONS, GRADIENTS
from byhand.check.oracles import numbers
from byhand.check.random_inputs import Draw, calm, is_shape, sizes_of
from byhand.check.report import Line, Report
from byhand.check.script import Hint, Script, Slopes
from byhand.protocol.experiment import Tensor
from byhand.protocol.source_rules import has_loop

FLOATING_POINT = " encountered in "  # in NumPy's warnings of overflow and its kin
NO_UPSTREAM = "grad_output is missing: the output's own part in the loss counts too."
COPY = "is a copy, expected a view: the same numbers in the same memory"
Arguments = Mapping[str, Any] | Callable[[Draw], Mapping[str, Any]]
Suspects = Mapping[str, Callable] | None


@calm()
def function(
    subject: Any,
    like: Callable,
    args: Arguments,
    returns: str | Sequence[str] = "result",
    *,
    loops: bool = False,
    tensors: bool = False,
    autograd: bool = True,
    quiet: bool = False,
    view: bool = False,
    against: str = PYTORCH,
    suspects: Suspects = None,
    seed: int | None = None,
    called: str = "function",
) -> Report | None:
    """Compare what a function returns with what `like` returns for the same arguments.

    like: gets the arguments as PyTorch tensors; args: name -> a shape (drawn at random), a list of
    shapes, an array, or whatever else as it is; or what draws all that; returns: what comes back,
    one name or several; loops: whether the task asks for Python loops, else they are forbidden;
    tensors: whether the subject works on PyTorch tensors and may use PyTorch (and loops);
    autograd: whether it may use PyTorch's; quiet: whether a floating-point warning is a fault;
    view: whether the result has to share the first argument's memory; against: whose result the
    expected one is; suspects: words -> a function with the mistake that they name; called: the
    check that repeats this one. Raises CheckFailed with what was found.
    """

    def answer(of: Callable) -> Callable:
        def oracle(*given: Any) -> Any:
            found = of(*map(_tensor, given))
            return found if tensors else numbers(found)

        return oracle

    check = Check(called, subject, seed=seed)
    labels = [returns] if isinstance(returns, str) else list(returns)
    call = _Call(check, _drawn(args, check.draw), labels, tensors, autograd, quiet, against, view)
    check.rules(loops or tensors, torch=tensors, autograd=autograd)
    if loops and not has_loop(check.runner.program(check.name), check.name):
        text = f"{check.name} has no loop; this task asks for loops"
        check.at_last.append(Line("rules", False, text))
    known = FUNCTIONS.get(like, {}) | dict(suspects or {})
    return call.beside(answer(like), [(says, answer(of)) for says, of in known.items()])


@calm()
def gradient(
    subject: Any,
    of: Callable,
    wrt: str | Sequence[str],
    args: Arguments,
    *,
    own: Any = None,
    look: str | None = None,
    tensors: bool = False,
    quiet: bool = False,
    suspects: Suspects = None,
    seed: int | None = None,
    called: str = "gradient",
) -> Report | None:
    """Compare a hand-written gradient with PyTorch's gradient of `of` by the arguments `wrt`.

    The subject gets the arguments of `of`; then, unless `of` gives a single number, a random
    gradient of the loss by its output. It returns one gradient, or several in the order of `wrt`.
    own: the student's own function, for central differences; look: the one of `wrt` that alone
    counts. The other arguments are those of check.function, a suspect being another `of`.
    """
    wanted = [wrt] if isinstance(wrt, str) else list(wrt)
    check = Check(called, *((subject,) if own is None else (subject, own)), seed=seed)
    values = _drawn(args, check.draw)
    places = [list(values).index(name) for name in wanted]
    output = of(*map(_tensor, values.values()))
    if output.ndim:
        values["grad_output"] = check.draw.normal(tuple(output.shape))

    def answer(of: Callable, ones: bool = False) -> Callable:
        def oracle(*given: Any) -> Any:
            with torch.inference_mode(False), torch.enable_grad():
                inputs = [_fresh(value) for value in given]
                upstream = inputs.pop() if output.ndim else None
                variables = [inputs[place].requires_grad_() for place in places]
                upstream = torch.ones_like(upstream) if ones else upstream
                grads = torch.autograd.grad(of(*inputs), variables, upstream)
            found = grads[0] if len(grads) == 1 else list(grads)
            return found if tensors else numbers(found)

        return oracle

    labels = [f"gradient for {name}" for name in wanted]
    call = _Call(check, values, labels, tensors, False, quiet)
    call.alone = look and f"gradient for {look}"
    call.moved = dict(zip(labels, places, strict=True)) if own is not None else {}
    check.rules(torch=tensors, autograd=False)
    known = GRADIENTS.get(of, {}) | dict(suspects or {})
    hints = [(says, answer(wrong)) for says, wrong in known.items()]
    hints += [(NO_UPSTREAM, answer(of, ones=True))] if output.ndim else []
    return call.beside(answer(of), hints)


@dataclass
class _Call:
    """A call of the subject, and what it returns.

    alone: the label that alone counts; moved: label -> the number of the argument that central
    differences of the student's own function move.
    """

    check: Check
    values: dict[str, Any]
    labels: list[str]
    tensors: bool = False
    autograd: bool = True
    quiet: bool = False
    against: str = PYTORCH
    view: bool = False
    alone: str | None = None
    moved: dict[str, int] = field(default_factory=dict)

    def beside(self, oracle: Callable, mistakes: list[tuple[str, Callable]]) -> Report | None:
        """Compare with the oracle in both precisions."""
        shown = ", ".join(map(_title, self.values.items()))
        self.check.report.title = f"{self.check.name}({shown})"
        hints = [Hint(says, build, label) for says, build in mistakes for label in self.labels]
        return self.check.differential(oracle, self.write, hints, single="the same in float32")

    def write(self, script: Script, dtype: type) -> None:
        """Call it twice; what the first call returned must not change."""
        script.tensors, script.autograd = self.tensors, self.autograd
        script.quiet = FLOATING_POINT if self.quiet else ""
        given = [self._put(script, n, _cast(v, dtype)) for n, v in self.values.items()]
        result = script.call(self.check.name, *given)
        arrays = (v for v in self.values.values() if isinstance(v, np.ndarray) and v.ndim)
        batch = next((array.shape for array in arrays), (1,))
        how = dict(sizes=sizes_of(batch), against=self.against)
        how |= dict(tolerance=1e-4) if dtype is np.float32 else {}
        found = {}
        for number, label in enumerate(self.labels):
            count = len(self.labels)
            part = script.call("fixtures.part", result, number, count) if count > 1 else result
            found[label] = part
            if self.alone in (None, label):
                script.look(label, part, after=result, **how)
        if self.view:
            shared = script.call("fixtures.same_tensor_memory", result, given[0])
            script.expect("view", shared, lambda same: "" if same is True else COPY, quiet=True)
        with script.aside():
            script.call(self.check.name, *given)
        for label, part in found.items():
            if self.alone in (None, label):
                later = script.read(part)
                words = dict(quiet=True, hint=BUFFER, after=result)
                script.look(f"{label}, later", later, **words, **how)
        if self.moved and dtype is np.float64:
            script.shared = len(script.steps)
            with script.aside():
                self._slopes(script, given, found)

    def _slopes(self, script: Script, given: list[Any], found: dict[str, Any]) -> None:
        own = script.find(self.check.names[1])
        upstream = given.pop() if "grad_output" in self.values else 1.0
        for label, index in self.moved.items():
            if self.alone in (None, label):
                places = self.check.draw.rng.permutation(list(self.values.values())[index].size)
                how = given, index, upstream, places[:PLACES]
                slopes = script.call("fixtures.function_slopes", own, *how)
                script.slopes.append(Slopes(label, places[:PLACES], slopes, found[label]))

    def _put(self, script: Script, name: str, value: Any) -> Any:
        """Hand an argument over; arrays must not change."""
        if isinstance(value, list):
            return [self._put(script, name, item) for item in value]
        if not isinstance(value, np.ndarray):
            return value
        return script.argument(name, Tensor(value) if self.tensors else value)


def _drawn(args: Arguments, draw: Draw) -> dict[str, Any]:
    """The arguments, with random numbers for shapes and lists of shapes."""

    def one(value: Any) -> Any:
        if isinstance(value, list) and all(map(is_shape, value)):
            return list(map(draw.batch, value))
        return draw.batch(value) if is_shape(value) else value

    return {n: one(value) for n, value in (args(draw) if callable(args) else args).items()}


def _cast(value: Any, dtype: type) -> Any:
    """The value with its floating-point arrays in another precision."""
    if isinstance(value, list):
        return [_cast(item, dtype) for item in value]
    return value.astype(dtype) if getattr(value, "dtype", np.dtype(bool)).kind == "f" else value


def _tensor(value: Any) -> Any:
    """Arrays as tensors, in lists too; all else as it is."""
    if isinstance(value, list):
        return list(map(_tensor, value))
    return torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value


def _fresh(value: Any) -> Any:
    """A tensor of its own, outside every graph and of inference mode."""
    value = _tensor(value)
    return (
        torch.from_numpy(value.detach().numpy().copy())
        if isinstance(value, torch.Tensor)
        else value
    )


def _title(argument: tuple[str, Any]) -> str:
    name, value = argument
    if isinstance(value, np.ndarray):
        return f"{name} of shape {value.shape}"
    return name if isinstance(value, list) else f"{name}={value!r}"
