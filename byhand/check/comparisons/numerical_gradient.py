"""check.numerical_gradient and check.relative_error: what students check with is checked too."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.check.compare import Suspect, changes, compare, compare_number
from byhand.check.fixtures import Cubic
from byhand.check.random_inputs import Draw, calm, is_shape
from byhand.check.report import Line, Report, conclude
from byhand.check.subject import reach
from byhand.protocol.experiment import Experiment, StepResult
from byhand.protocol.source_rules import broken_rules

LOOKS = ("gradient", "argument")
CONSTANT = 1000.0  # leaves 1e-13 of rounding in f, too much for a default step below 1e-7
DEFAULT_TOLERANCE = 1e-6  # with the default step
ROUGH = 1e-2  # where x counts: leaving it alone is no merit of a function that does nothing


@calm()
def numerical_gradient(
    subject: Any,
    x: Sequence | np.ndarray = (2, 3),
    eps: float | None = None,
    look: str = "gradient",
    seed: int | None = None,
) -> Report | None:
    """Hold a function (f, x, eps) -> df/dx against the difference quotients of a known f.

    x: a shape, for positive random numbers, or an array of any dtype; eps: the step, None for the
    subject's own default; look: "gradient", or "argument" for whether x is left as it was. The
    gradient is expected in float64. With a large eps central differences are told from all others,
    because theirs are off by eps² f'''/6. Raises CheckFailed with what was found.
    """
    if look not in LOOKS:
        raise ValueError(f"look is one of {LOOKS}, not {look!r}")
    [name], runner = reach(subject)
    draw = Draw(seed)
    x = _drawn(x, look, draw) if is_shape(x) else np.asarray(x)
    f = Cubic(np.asarray(draw.positive(x.shape)), 0.0 if eps else CONSTANT)
    ex = Experiment(seed=draw.seed)
    probe, x_ref = ex.call("fixtures.Cubic", f.weight, f.constant), ex.put(x)
    result = ex.call(name, probe, x_ref, *(() if eps is None else (eps,)))
    of = "" if x.dtype == np.float64 else f" of {x.dtype}"
    title = f"{name} of a cubic at x of shape {x.shape}{of}"
    title += "" if eps is None else f" with eps={eps:g}"
    report = Report(title, draw.repeat("numerical_gradient"))
    rules = broken_rules(runner.program(name), name, loops=True)
    report.lines += [Line("rules", False, rule) for rule in rules]
    outcome = runner.run(ex)[result.index]
    report.lines.append(_gradient(outcome, f, x, eps, look))
    if look == "argument" and outcome.failure is None:
        report.lines.append(_argument(x_ref.index in outcome.changed))
    return conclude(report)


def _drawn(shape: Sequence[int], look: str, draw: Draw) -> np.ndarray:
    """Positive numbers, so that the gradient is never almost 0.

    Where it counts that x comes back, they become smaller and smaller: what is smaller than eps
    loses digits in x + eps - eps.
    """
    x = np.asarray(draw.positive(shape))
    digits = np.arange(x.size).reshape(x.shape) % 8
    return np.asarray(x / 10.0**digits) if look == "argument" else x


def _gradient(outcome: StepResult, f: Cubic, x: np.ndarray, eps: float | None, look: str) -> Line:
    at = x.astype(np.float64)
    exact = 3 * f.weight * at**2 + at.sum()
    expected = exact + f.weight * (eps or 0) ** 2

    def suspects() -> list[Suspect]:
        return _suspects(f, at, eps, exact) if eps else []

    tolerance = ROUGH if look == "argument" else None if eps else DEFAULT_TOLERANCE
    words = dict(against="central differences", suspects=suspects, tolerance=tolerance)
    line = compare("gradient", outcome, expected, **words)
    if not line.ok and line.error is not None:
        if x.dtype != np.float64:
            line.hint = f"In {x.dtype} a step of eps is lost: move x in float64."
        elif eps is None and line.error < ROUGH * np.abs(expected).max():
            line.text = f"largest error {line.error:.0e}; with a step of 1e-5 it is about 1e-8"
            line.hint = "Is the step too small or too large? Are the differences central?"
    line.hint = line.hint.replace("PyTorch's", "the quotient")
    return line


def _suspects(f: Cubic, x: np.ndarray, eps: float, exact: np.ndarray) -> list[Suspect]:
    """Wrong quotients of the cubic, by its derivatives."""
    central = exact + f.weight * eps**2
    aside = eps * (3 * f.weight * x + 0.5)
    one_sided = "It is one-sided: central differences go eps to either side of x."
    moved_before = np.arange(x.size).reshape(x.shape)
    row = tuple(range(1, x.ndim))
    rows = np.broadcast_to(central.sum(axis=row, keepdims=True), x.shape)
    return [
        (one_sided, central + aside),
        (one_sided, central - aside),
        ("It is not divided by 2 eps.", central * 2 * eps),
        ("It is multiplied by eps instead of divided.", central * eps**2),
        ("The step is not eps: use the argument.", exact),
        ("A coordinate stays moved when its turn is over: put the old value back.",
         central - eps * moved_before),
        ("Whole rows are moved at once: move one coordinate at a time.", rows),
    ]  # fmt: skip


def _argument(changed: bool) -> Line:
    if not changed:
        return Line("argument", True, "x is as it was")
    hint = "Keep the old value and put it back: x + eps - eps is not always x. Or work on a copy."
    return Line("argument", False, "x is not what it was, to the last digit", hint=hint)


@calm()
def relative_error(
    subject: Any, shape: Sequence[int] = (3, 4), seed: int | None = None
) -> Report | None:
    """Hold a function (a, b) -> largest relative error against pairs made with known errors.

    Raises CheckFailed with what was found.
    """
    [name], runner = reach(subject)
    draw = Draw(seed)
    errors = draw.rng.uniform(0.01, 0.5, shape)
    a = draw.batch(shape) * 10 ** draw.rng.uniform(-2, 2, shape)
    errors.flat[np.abs(a).argmax()] = 0  # or two different mistakes could give the same number
    b = a * (1 - errors) / (1 + errors)  # so that |a - b| is errors * (|a| + |b|)
    tiny, zero = np.zeros(shape), np.zeros(shape)
    tiny.flat[-1] = 3e-9
    pairs = {
        "a and b of all sizes": (a, b, errors.max()),
        "the two exchanged": (b, a, errors.max()),
        "opposite signs": (a, -a, 1.0),
        "almost zero": (tiny, zero, 0.3),
        "both zero": (zero, zero, 0.0),
    }
    ex = Experiment(seed=draw.seed)
    given = [(ex.put(a), ex.put(b)) for a, b, _ in pairs.values()]
    results = [ex.call(name, *pair) for pair in given]
    outcomes = runner.run(ex)
    report = Report(f"{name} of arrays of shape {shape}", draw.repeat("relative_error"))
    rules = broken_rules(runner.program(name), name)
    report.lines += [Line("rules", False, rule) for rule in rules]
    suspects = _wrong_errors(a, b, errors)
    for (label, (_, _, expected)), result in zip(pairs.items(), results, strict=True):
        line = compare_number(
            label, outcomes[result.index], float(expected), suspects=lambda: suspects
        )
        line.text = line.text.replace("PyTorch", "expected")
        report.lines.append(line)
    report.lines += changes(outcomes, {ref: "a or b" for pair in given for ref in pair})
    return conclude(report)


def _wrong_errors(a: np.ndarray, b: np.ndarray, errors: np.ndarray) -> list[Suspect]:
    sums = np.abs(a) + np.abs(b)
    signed = errors * np.sign(a - b)
    at_once = "Divide entry by entry first, then take the largest."
    return [
        (at_once, (errors * sums).max() / sums.max()),
        ("It is the mean of the errors, not the largest.", errors.mean()),
        ("It is divided by the larger of the two, not by their sum.",
         (2 * errors / (1 + errors)).max()),
        ("It is not divided by anything.", (errors * sums).max()),
        ("An abs is missing.", signed.max()),
        ("An abs is missing.", (-signed).max()),
    ]  # fmt: skip
