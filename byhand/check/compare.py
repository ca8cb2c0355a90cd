"""Holds a value from the student's side against the expected one and says how they differ."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from byhand.check.report import Line
from byhand.protocol.experiment import Opaque, Ref, StepResult, Tensor

TOLERANCE = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-4}
NUMERICAL_TOLERANCE = 1e-5  # for central differences with steps of about 1e-5
SINGLE = 1e-4  # a tolerance from which on values are those of float32
SMALLEST_SCALE = 1e-3  # below it an error counts as absolute: rounding of larger terms
ALIKE = 1e-6  # relative agreement that makes a suspicion worth telling

ON_A_COPY = "Work on a copy: x = x * 2 makes a new array, x *= 2 changes x."

Suspect = tuple[str, np.ndarray | float]  # words, and what the mistake would have given
Suspects = Callable[[], Iterable[Suspect]]  # asked for only when something is wrong


def compare(
    name: str,
    outcome: StepResult,
    expected: np.ndarray,
    *,
    against: str = "PyTorch",
    sizes: dict[int, str] | None = None,
    suspects: Suspects = tuple,
    tolerance: float | None = None,
) -> Line:
    """The line for one array: failure, type, shape, dtype, then values.

    sizes: numbers that may turn up as a wrong factor, with their names;
    suspects: makes wrong values with the mistake that gives them.
    """
    value = outcome.value
    if (wrong := not_an_array(outcome)) is not None:
        return Line(name, False, wrong)
    if value.shape != expected.shape:
        hint = named(value, expected, suspects)
        if value.shape == expected.shape[::-1] and value.ndim > 1:
            hint = "The axes are the other way round. Is a transpose missing, or one too many?"
        return Line(name, False, f"has shape {value.shape}, expected {expected.shape}", hint=hint)
    if value.dtype != expected.dtype:
        text = f"is {value.dtype}, expected {expected.dtype}"
        return Line(name, False, text, hint=_dtype_hint(value.dtype, expected.dtype))
    if expected.dtype.kind in "biu":
        value, expected = value.astype(np.float64), expected.astype(np.float64)
    error = np.abs(value - expected)
    if not np.isfinite(value).all() and np.isfinite(expected).all():
        bad = int((~np.isfinite(value)).sum())
        text = f"{bad} of {value.size} values are NaN or infinite"
        hint = "Does an exp or a division overflow, or a log get a 0?"
        return Line(name, False, text, hint=hint, yours=value, expected=expected)
    largest = float(error.max(initial=0))
    limit = tolerance or TOLERANCE[expected.dtype]
    scale = max(float(np.abs(expected).max(initial=0)), _smallest_scale(limit))
    if largest <= limit * scale:
        return Line(name, True, f"largest error {_short(largest)}", largest)
    hint = suspect(value, expected, sizes or {}, suspects)
    text = difference(value, expected, against)
    return Line(name, False, text, largest, hint, value, expected)


def compare_number(
    name: str,
    outcome: StepResult,
    expected: float,
    *,
    sizes: dict[int, str] | None = None,
    suspects: Suspects = tuple,
    tolerance: float = 1e-9,
) -> Line:
    """The line for one number: a float or an array without axes."""
    if outcome.failure is not None:
        return Line(name, False, str(outcome.failure))
    value = outcome.value
    if isinstance(value, np.ndarray) and value.shape != ():
        return Line(name, False, f"is an array of shape {value.shape}, expected one number")
    number = number_in(value)
    if number is None:
        return Line(name, False, f"is {described(value)}, expected a float")
    if not np.isfinite(number):
        hint = "Does an exp or a division overflow, or a log get a 0?"
        return Line(name, False, f"is {number}, expected {expected:.6g}", hint=hint)
    error = abs(number - expected)
    if error <= tolerance * max(abs(expected), _smallest_scale(tolerance)):
        return Line(name, True, f"largest error {_short(error)}", error)
    hint = suspect(np.asarray(number), np.asarray(expected), sizes or {}, suspects)
    return Line(name, False, f"yours {number:.6g}, PyTorch {expected:.6g}", error, hint)


def changes(
    outcomes: Iterable[StepResult], kept: Mapping[Ref, str], hint: str = ON_A_COPY
) -> list[Line]:
    """A line for every argument that was changed in place. kept: what was put there, by name."""
    touched = {index for outcome in outcomes for index in outcome.changed}
    labels = dict.fromkeys(label for ref, label in kept.items() if ref.index in touched)
    return [Line("arguments", False, f"{n} was changed in place", hint=hint) for n in labels]


def warned(outcomes: Iterable[StepResult]) -> list[Line]:
    """Notes of what Python and NumPy warned of, two at most."""
    said = {text for outcome in outcomes for text in outcome.warnings}
    return [Line("warning", None, text) for text in sorted(said)[:2]]


def number_in(value: object) -> float | None:
    """A value as a float, if it is a real number or an array without axes of one."""
    if isinstance(value, np.ndarray):
        return float(value) if value.shape == () and value.dtype.kind in "iuf" else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def same_arrays(values: object, expected: Sequence[np.ndarray]) -> bool:
    """Whether `values` is a list of the expected arrays, number for number."""
    return (
        isinstance(values, list)
        and len(values) == len(expected)
        and all(
            isinstance(mine, np.ndarray) and isinstance(wanted, np.ndarray)
            and np.array_equal(mine, wanted)
            for mine, wanted in zip(values, expected, strict=True)
        )
    )  # fmt: skip


def not_an_array(outcome: StepResult) -> str | None:
    """What is wrong with an outcome that should be a NumPy array of numbers, if anything."""
    if outcome.failure is not None:
        return str(outcome.failure)
    if not isinstance(outcome.value, np.ndarray):
        missing = " (is a `return` missing?)" if outcome.value is None else ""
        return f"is {described(outcome.value)}, expected a NumPy array{missing}"
    return None


def described(value: object) -> str:
    """'a list', 'None', 'a torch.Tensor': what a value is, for a message."""
    if value is None:
        return "None"
    if isinstance(value, Tensor):
        return "a PyTorch tensor"
    kind = value.type if isinstance(value, Opaque) else type(value).__name__
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def difference(yours: np.ndarray, expected: np.ndarray, against: str = "PyTorch") -> str:
    """Both sides in a few words: whole if they are short, else where the error is largest."""
    if yours.size <= 6:
        return f"yours {_numbers(yours)}, {against} {_numbers(expected)}"
    place = np.unravel_index(np.argmax(np.abs(yours - expected)), yours.shape)
    where = ", ".join(str(int(i)) for i in place)
    wrong = ~np.isclose(yours, expected, rtol=1e-6, atol=1e-9)
    return (
        f"{int(wrong.sum())} of {yours.size} values differ; largest at [{where}]: "
        f"yours {yours[place]:.4g}, {against} {expected[place]:.4g}"
    )


def suspect(
    yours: np.ndarray, expected: np.ndarray, sizes: dict[int, str], suspects: Suspects
) -> str:
    """The mistake in words, where the numbers tell it; else nothing."""
    if words := named(yours, expected, suspects):
        return words
    if not yours.any():
        return "Yours is all zeros."
    if yours.ndim == 2 and yours.shape[0] == yours.shape[1] and alike(yours, expected.T):
        return "Yours is the transpose: the axes are the other way round."
    return factor(yours, expected, sizes)


def named(yours: np.ndarray, expected: np.ndarray, suspects: Suspects) -> str:
    """The words of the first suspect that gives yours; else nothing."""
    for words, wrong in suspects():
        # a suspicion that is as good as the right value accuses nobody
        if alike(yours, np.asarray(wrong)) and not alike(expected, np.asarray(wrong)):
            return words
    return ""


def alike(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays agree well enough to suspect that they were computed alike."""
    scale = max(float(np.abs(b).max(initial=0)), 1e-12)
    return a.shape == b.shape and bool(np.abs(a - b).max(initial=0) <= ALIKE * scale)


def factor(yours: np.ndarray, expected: np.ndarray, sizes: dict[int, str]) -> str:
    """In words, by which number yours is too large, if it is by one number everywhere."""
    scale = float(np.vdot(expected, expected))
    ratio = float(np.vdot(expected, yours)) / scale if scale else 0.0
    if ratio == 0 or np.isclose(ratio, 1) or not alike(yours, ratio * expected):
        return ""
    if np.isclose(ratio, -1):
        return "Yours has the opposite sign."
    for size, called in sizes.items():
        if size > 1 and np.isclose(ratio, 1 / size):
            also = " Was it averaged over the batch instead of summed?" if "batch" in called else ""
            return f"Yours is PyTorch's divided by {size}, {called}.{also}"
        if size > 1 and np.isclose(ratio, size):
            return f"Yours is PyTorch's times {size}, {called}. Is a mean missing?"
    if np.isclose(ratio, 2) or np.isclose(ratio, 0.5):
        return f"Yours is PyTorch's times {ratio:g}: a factor 2 too much or too little."
    return f"Yours is PyTorch's times {ratio:.6g}." if yours.size > 1 else ""


def _smallest_scale(tolerance: float) -> float:
    """Terms of about 1 may cancel to almost 0, and in float32 leave 1e-7 of rounding behind."""
    return 1.0 if tolerance >= SINGLE else SMALLEST_SCALE


def _dtype_hint(yours: np.dtype, expected: np.dtype) -> str:
    if expected == np.float32:
        return (
            "A float64 array or NumPy scalar, or an integer array, was mixed in: "
            "build it with the dtype of x, or convert the result."
        )
    return ""


def _numbers(array: np.ndarray) -> str:
    text = np.array2string(array, precision=4, suppress_small=False, separator=" ")
    return " ".join(text.split())


def _short(error: float) -> str:
    return "0" if error == 0 else f"{error:.0e}"
