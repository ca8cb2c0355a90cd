"""check.function and check.gradient: a student's function beside PyTorch's."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from byhand.check.compare import PYTORCH, SINGLE
from byhand.check.core import Check
from byhand.check.hints.attention import ATTENTION_FUNCTIONS, ATTENTION_GRADIENTS
from byhand.check.hints.functions import FUNCTIONS, GRADIENTS
from byhand.check.oracles import numbers
from byhand.check.random_inputs import Draw, calm, is_shape, longer, sizes_of
from byhand.check.report import Line, Report
from byhand.check.script import PLACES, Hint, Script
from byhand.check.tensors import make
from byhand.protocol.experiment import Ref, Tensor
from byhand.protocol.source_rules import has_loop

FLOATING_POINT = " encountered in "  # in NumPy's warnings of overflow and its kin
NO_UPSTREAM = "grad_output is missing: the output's own part in the loss counts too."
COPY = "is a copy, expected a view: the same numbers in the same memory"
LEFT = (
    "The first call was right; these are the arrays of an earlier call, with new numbers in them. "
    "Is something left of that call?"
)
ACROSS = "The same numbers were right row by row. Here they lie in memory as those of {} do."
CUT = "PyTorch has to see every operation: no numpy(), item(), detach() or no_grad() on the way."
ONE_MEMORY = "An earlier result was changed, and this one with it: make a new tensor in each call."
MANY = 50_000  # numbers; every result of a call on so many is sent to the checker
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
    quiet: bool = False,
    view: bool = False,
    recorded: Sequence[str] = (),
    against: str = PYTORCH,
    suspects: Suspects = None,
    fixed: Mapping[str, Any] = MappingProxyType({}),
    seed: int | None = None,
    called: str = "function",
) -> Report | None:
    """Compare what a function returns with what `like` returns for the same arguments.

    like: gets the arguments as PyTorch tensors; args: name -> a shape (drawn at random), a list of
    shapes, an array, or whatever else as it is; or what draws all that; returns: what comes back,
    one name or several; loops: whether the task asks for Python loops, else they are forbidden;
    tensors: whether the subject works on PyTorch tensors and may use PyTorch (and loops);
    quiet: whether a floating-point warning is a fault; view: whether the result has to share the
    first argument's memory; recorded: arguments by which PyTorch has to be able to differentiate
    the last thing that comes back; against: whose result the expected one is; suspects: words -> a
    function with the mistake that they name; fixed: what both get by keyword; called: the check
    that repeats this one. Raises CheckFailed with what was found.
    """
    check = Check(called, subject, seed=seed)
    labels = [returns] if isinstance(returns, str) else returns
    check.rules(loops or tensors, torch=tensors)
    if loops and not has_loop(check.runner.program(check.name), check.name):
        text = f"{check.name} has no loop; this task asks for loops"
        check.at_last.append(Line("rules", False, text))
    mistakes = (FUNCTIONS | ATTENTION_FUNCTIONS).get(like, {}) | dict(suspects or {})
    how = dict(tensors=tensors, quiet=quiet, view=view, against=against, fixed=fixed)
    values, other = (_drawn(args, check.draw) for _ in range(2))
    how |= dict(large=_longer(args, check.draw), recorded=recorded)
    return _compare(check, values, other, labels, like, mistakes, **how)


@calm()
def gradient(
    subject: Any,
    of: Callable,
    wrt: str | Sequence[str],
    args: Arguments,
    *,
    own: Any = None,
    look: str | None = None,
    longest: Arguments | None = None,
    tensors: bool = False,
    quiet: bool = False,
    suspects: Suspects = None,
    against: str = PYTORCH,
    fixed: Mapping[str, Any] = MappingProxyType({}),
    seed: int | None = None,
    called: str = "gradient",
) -> Report | None:
    """Compare a hand-written gradient with PyTorch's gradient of `of` by the arguments `wrt`.

    The subject gets the arguments of `of`; then, unless `of` gives a single number, a random
    gradient of the loss by its output. It returns one gradient, or several in the order of `wrt`.
    own: the student's own function, for central differences; look: the one of `wrt` that alone
    counts; longest: the shapes whose longer axes show a loop, if not those of args. The other
    arguments are those of check.function, a suspect being another `of`.
    """
    wanted = [wrt] if isinstance(wrt, str) else wrt
    check = Check(called, *((subject,) if own is None else (subject, own)), seed=seed)
    check.rules(torch=tensors, autograd=False)
    values, other = (_drawn(args, check.draw) for _ in range(2))
    large = _longer(args if longest is None else longest, check.draw)
    count, places = len(values), [list(values).index(name) for name in wanted]
    mistakes = (GRADIENTS | ATTENTION_GRADIENTS).get(of, {}) | dict(suspects or {})
    output = of(*map(_tensor, values.values()), **fixed)
    if output.ndim:
        for given in (values, other):
            given["grad_output"] = check.draw.normal(tuple(output.shape))
        mistakes[NO_UPSTREAM] = lambda *given, **fixed: of(*given, **fixed).sum()
        large += [check.draw.normal(of(*map(_tensor, large)).shape)] if large else []

    def answer(of: Callable, *given: Any, **fixed: Any) -> Any:
        with torch.inference_mode(False):
            given = [v.clone() if isinstance(v, torch.Tensor) else v for v in given]
            inputs = [given[place].requires_grad_() for place in places]
            y = of(*given[:count], **fixed)
            upstream = given[count] if y.ndim else None
            grads = torch.autograd.grad(y, inputs, upstream, materialize_grads=True)
        return grads if len(grads) > 1 else grads[0]

    mistakes = {says: partial(answer, other) for says, other in mistakes.items()}
    labels = [f"gradient for {name}" for name in wanted]
    how = dict(tensors=tensors, autograd=False, quiet=quiet, look=look and f"gradient for {look}")
    moved = () if own is None else places
    how |= dict(moved=moved, large=large, fixed=fixed, against=against)
    return _compare(check, values, other, labels, partial(answer, of), mistakes, **how)


def _compare(
    check: Check,
    values: Mapping[str, Any],
    other: Mapping[str, Any],
    labels: Sequence[str],
    like: Callable,
    mistakes: Mapping[str, Callable],
    *,
    tensors: bool,
    quiet: bool,
    autograd: bool = True,
    view: bool = False,
    against: str = PYTORCH,
    look: str | None = None,
    moved: Sequence[int] = (),
    large: Sequence[Any] = (),
    recorded: Sequence[str] = (),
    fixed: Mapping[str, Any],
) -> Report | None:
    """Call the subject in both precisions: on values; on arrays that were values in a call before
    and now hold other; on other, laid out otherwise. What it has returned first must not change.

    like, mistakes: the right answer, and wrong ones by what they are; look: the label that alone
    counts; moved: for each label, the number of the argument that central differences of the
    student's own function move; large: arguments with longer axes, to look for loops; recorded: see
    function.
    """

    def oracle(of: Callable, *given: Any, **fixed: Any) -> Any:
        found = of(*map(_tensor, given), **fixed)
        return found if tensors else numbers(found)

    def write(script: Script, dtype: type) -> None:
        script.tensors, script.autograd = tensors, autograd
        script.quiet = FLOATING_POINT if quiet else ""

        def put(name: str, array: np.ndarray) -> Any:
            array = array.astype(dtype) if array.dtype.kind == "f" else array
            return script.argument(name, Tensor(array) if tensors else array)

        given = [_each(partial(put, name), value) for name, value in values.items()]
        copied = partial(_each, lambda ref: script.method(ref, "clone" if tensors else "copy"))
        work = copied(given)
        result = script.call(check.name, *given, **fixed)
        shapes = (v.shape for v in values.values() if isinstance(v, np.ndarray) and v.ndim)
        how = dict(sizes=sizes_of(next(shapes, (1,))), against=against, after=result)
        how |= dict(tolerance=SINGLE) if dtype is np.float32 else {}
        how |= {} if dtype is np.float32 else dict(mixed="")  # float32 is the task's wish
        wanted = [label for label in labels if look in (None, label)]

        def looked_at(result: Ref, which: str = "", hint: str = "") -> dict[str, Ref]:
            parts = {label: result for label in labels}
            for number, label in enumerate(labels if len(labels) > 1 else ()):
                parts[label] = script.call("fixtures.part", result, number, len(labels))
            for label in wanted:
                script.look(label + which, parts[label], hint=hint, **how)
            return parts

        parts = looked_at(result)

        def viewed(result: Ref, of: Ref) -> None:
            shared = script.call("fixtures.same_tensor_memory", result, of)
            script.expect("view", shared, lambda same: "" if same is True else COPY, quiet=True)

        if view:
            viewed(result, given[0])
        with script.aside():
            script.call(check.name, *work, **fixed)
        if sum(map(np.size, _flat([*values.values()]))) <= MANY:
            with script.aside():
                for ref, new in zip(_flat(work), _flat([*other.values()]), strict=True):
                    if isinstance(ref, Ref):
                        script.method(ref, "__setitem__", (), Tensor(new) if tensors else new)
                turned = _each(partial(script.call, "fixtures.laid_out_otherwise"), work)
                straight = copied(work)
                renewed = script.call(check.name, *work, **fixed)
                looked_at(renewed, ", new numbers", LEFT)
                if view:
                    viewed(renewed, work[0])
                across = ACROSS.format("x[:, ::2]" if tensors else "x.T")
                for both in ((turned, straight), (straight, turned)):  # turn by turn
                    mixed = [both[i % 2][i] for i in range(len(work))]
                    again = script.call(check.name, *mixed, **fixed)
                    looked_at(again, ", laid out otherwise", across)
        if tensors and not any(isinstance(ref, Ref) for ref in _flat(work)):
            how["after"] = script.method(result, "mul_", 3.5)
            looked_at(script.call(check.name, *given, **fixed), ", once more", ONE_MEMORY)
        for label in wanted:
            script.later(label, parts[label], **how)
        if recorded and dtype is np.float64:
            leaves = dict(zip(names, work, strict=True))
            for name in recorded:
                script.method(leaves[name], "requires_grad_")
            graph = script.call(check.name, *work, **fixed)
            last = script.call("fixtures.part", graph, -1, len(labels)) if labels[1:] else graph
            done = script.method(last, "backward", *upstream)
            for name in recorded:
                grad = script.get(leaves[name], "grad")
                script.look(f"autograd, {name}", grad, after=done, hint=CUT)
        if large and dtype is np.float64:
            own = script.find(check.name)
            far = [Tensor(v) if tensors else v for v in large]
            script.no_loops([own, *given], [own, *far], __call__=len(large))
        if moved and dtype is np.float64:
            with script.aside():
                own = script.find(check.names[1])
                g = given.pop() if "grad_output" in values else 1.0
                given += fixed.values()
                for label, index in zip(labels, moved, strict=True):
                    if label in wanted:
                        places = check.draw.rng.permutation(values[names[index]].size)[:PLACES]
                        how = parts[label], places, own, given, index, g
                        script.central_differences(label, *how)

    names, upstream = list(values), []
    if recorded:
        results = like(*map(_tensor, values.values()), **fixed)
        shape = tuple((results[-1] if labels[1:] else results).shape)
        upstream = [Tensor(check.draw.normal(shape))] if shape else []
    check.report.title = f"{check.name}({', '.join(map(_title, (values | fixed).items()))})"
    wrong = [(says, partial(oracle, of)) for says, of in mistakes.items()]
    hints = [Hint(says, build, label) for says, build in wrong for label in labels]
    return check.differential(partial(oracle, like), write, hints, single="the same in float32")


def _drawn(args: Arguments, draw: Draw, of: Callable = tuple) -> dict[str, Any]:
    """The arguments, with random numbers for shapes and lists of shapes; of: the shape to draw."""

    def one(value: Any) -> Any:
        if isinstance(value, list):
            return list(map(one, value))
        return draw.batch(of(value)) if is_shape(value) else value

    return {n: one(value) for n, value in (args(draw) if callable(args) else args).items()}


def _longer(args: Arguments, draw: Draw) -> list[Any]:
    """The arguments with longer axes; none where a length is told."""
    told = callable(args) or any(isinstance(v, np.ndarray | list) for v in args.values())
    return [] if told else list(_drawn(args, draw, longer).values())


def _each(of: Callable[[Any], Any], value: Any) -> Any:
    """of(array) for every array, or Ref of one, in lists too; all else as it is."""
    if isinstance(value, list):
        return [_each(of, item) for item in value]
    return of(value) if isinstance(value, np.ndarray | Ref) else value


def _flat(value: Any) -> list[Any]:
    """What is in lists, one after the other."""
    return [*chain(*map(_flat, value))] if isinstance(value, list) else [value]


_tensor = partial(_each, make)


def _title(argument: tuple[str, Any]) -> str:
    name, value = argument
    if isinstance(value, np.ndarray):
        return f"{name} of shape {value.shape}"
    return name if isinstance(value, list) else f"{name}={value!r}"
