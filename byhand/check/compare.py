"""Compares a value from the student's side with the expected one and says how they differ."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from byhand.check.report import Line
from byhand.protocol.experiment import Opaque, Ref, StepResult, Tensor

TOLERANCE = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-4}
NUMERICAL_TOLERANCE = 1e-5  # for central differences with steps of about 1e-5
SINGLE = 1e-4  # a tolerance from which on values are those of float32
SMALLEST_SCALE = 1e-3  # below it an error counts as absolute: rounding of larger terms
ALIKE = 1e-8  # relative agreement that names a mistake

PYTORCH = "PyTorch"
ON_A_COPY = "Work on a copy: x = x * 2 makes a new array, x *= 2 changes x."
NOT_FINITE = "Does an exp or a division overflow, or a log get a 0?"
MIXED = (
    "A float64 array or NumPy scalar, or an integer array, was mixed in: "
    "build it with the dtype of x, or convert the result."
)

Suspects = Callable[[], Iterable[tuple[str, Any]]]  # words, and what the mistake would have given


def compare(
    name: str,
    result: StepResult,
    expected: np.ndarray,
    *,
    against: str = PYTORCH,
    sizes: Mapping[int, str] | None = None,
    suspects: Suspects = tuple,
    tolerance: float | None = None,
) -> Line:
    """The line for one array: failure, type, shape, dtype, then values.

    against: whose value the expected one is; sizes: numbers that may turn up as a wrong factor,
    with their names; suspects: asked for wrong values and their mistakes when something is wrong.
    """
    value = result.value
    if (wrong := not_an_array(result)) is not None:
        return Line(name, False, wrong)
    if value.shape != expected.shape:
        hint = named(value, expected, suspects)
        if not hint and value.shape == expected.shape[::-1] and value.ndim > 1:
            hint = "The axes are the other way round. Is a transpose missing, or one too many?"
        return Line(name, False, f"has shape {value.shape}, expected {expected.shape}", hint=hint)
    whole = {value.dtype.kind, expected.dtype.kind} <= set("iu")
    if value.dtype != expected.dtype and not whole:
        text = f"is {value.dtype}, expected {expected.dtype}"
        hint = named(value, expected, suspects) or MIXED * (expected.dtype == np.float32)
        return Line(name, False, text, hint=hint)
    if expected.dtype.kind in "biu":
        value, expected = value.astype(np.float64), expected.astype(np.float64)
    if not np.isfinite(value).all() and np.isfinite(expected).all():
        text = f"{int((~np.isfinite(value)).sum())} of {value.size} values are NaN or infinite"
        hint = named(value, expected, suspects) or NOT_FINITE
        return Line(name, False, text, hint=hint, yours=value, expected=expected)
    return _values(name, value, expected, against, sizes or {}, suspects, tolerance)


def compare_number(
    name: str,
    result: StepResult,
    expected: float,
    *,
    against: str = PYTORCH,
    sizes: Mapping[int, str] | None = None,
    suspects: Suspects = tuple,
    tolerance: float | None = None,
) -> Line:
    """The line for one number: a float or an array without axes."""
    if result.failure is not None:
        return Line(name, False, str(result.failure))
    value = result.value
    if isinstance(value, np.ndarray) and value.shape != ():
        return Line(name, False, f"is an array of shape {value.shape}, expected one number")
    number = as_number(value)
    if number is None:
        return Line(name, False, f"is {described(value)}, expected a float")
    both = np.asarray(number), np.asarray(expected, np.float64)
    if not np.isfinite(number):
        hint = named(*both, suspects) or NOT_FINITE
        return Line(name, False, f"is {number}, expected {expected:.6g}", hint=hint)
    return _values(name, *both, against, sizes or {}, suspects, tolerance)


def _values(
    name: str, value: np.ndarray, expected: np.ndarray, against: str,
    sizes: Mapping[int, str], suspects: Suspects, tolerance: float | None,
) -> Line:  # fmt: skip
    """The line for two arrays of the same shape and dtype, all finite."""
    error = float(np.abs(value - expected).max(initial=0))
    limit = tolerance or TOLERANCE[expected.dtype]
    # terms of about 1 may cancel to almost 0, and in float32 leave 1e-7 of rounding behind
    smallest = 1.0 if limit >= SINGLE else SMALLEST_SCALE
    if error <= limit * max(float(np.abs(expected).max(initial=0)), smallest):
        return Line(name, True, f"largest error {error:.0e}" if error else "largest error 0", error)
    hint = suspect(value, expected, sizes, suspects, against)
    arrays = (value, expected) if value.ndim else ()
    return Line(name, False, difference(value, expected, against), error, hint, *arrays)


def changes(
    results: Iterable[StepResult], kept: Mapping[Ref, str], hint: str = ON_A_COPY
) -> list[Line]:
    """A line for every argument that was changed in place. kept: what was put there, by name."""
    touched = {index for result in results for index in result.changed}
    labels = dict.fromkeys(label for ref, label in kept.items() if ref.index in touched)
    return [Line("arguments", False, f"{n} was changed in place", hint=hint) for n in labels]


def warned(results: Iterable[StepResult]) -> list[Line]:
    """Notes of what Python and NumPy warned of, two at most."""
    said = {text for result in results for text in result.warnings}
    return [Line("warning", None, text) for text in sorted(said)[:2]]


def as_number(value: object) -> float | None:
    """A value as a float, if it is a real number or an array without axes of one."""
    if isinstance(value, np.ndarray):
        return float(value) if value.shape == () and value.dtype.kind in "iuf" else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def same(value: object, expected: object) -> bool:
    """Whether two values are the same data: numbers and arrays up to rounding, lists in order."""
    if isinstance(expected, list | tuple):
        return (
            isinstance(value, list)
            and len(value) == len(expected)
            and all(map(same, value, expected))
        )
    if isinstance(expected, np.ndarray):
        return (
            isinstance(value, np.ndarray)
            and value.dtype.kind in "biuf"
            and value.shape == expected.shape
            and bool(np.allclose(value, expected, rtol=SINGLE, atol=1e-9))
        )
    if (number := as_number(expected)) is not None:
        mine = as_number(value)
        return mine is not None and bool(np.isclose(mine, number, rtol=1e-9, atol=0))
    return type(value) is type(expected) and value == expected


def not_an_array(result: StepResult) -> str | None:
    """What is wrong with a result that should be a NumPy array of numbers, if anything."""
    if result.failure is not None:
        return str(result.failure)
    if not isinstance(result.value, np.ndarray):
        missing = " (is a `return` missing?)" if result.value is None else ""
        return f"is {described(result.value)}, expected a NumPy array{missing}"
    return None


def described(value: object) -> str:
    """'a list', 'None', 'a torch.Tensor': what a value is, for a message."""
    if value is None:
        return "None"
    if isinstance(value, Tensor):
        return "a PyTorch tensor"
    kind = value.type if isinstance(value, Opaque) else type(value).__name__
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def difference(yours: np.ndarray, expected: np.ndarray, against: str = PYTORCH) -> str:
    """Both sides in a few words: whole if they are short, else where the error is largest."""
    error = np.abs(yours - expected)
    if not yours.ndim:
        return _apart(f"{yours:.6g}", f"{expected:.6g}", error, against)
    if yours.size <= 6:
        return _apart(_numbers(yours), _numbers(expected), error.max(), against)
    place = np.unravel_index(np.argmax(error), yours.shape)
    where = ", ".join(str(int(i)) for i in place)
    near = TOLERANCE.get(expected.dtype, 1e-9)
    wrong = ~np.isclose(yours, expected, rtol=near, atol=near * SMALLEST_SCALE)
    count = max(int(wrong.sum()), 1)
    both = _apart(f"{yours[place]:.4g}", f"{expected[place]:.4g}", error[place], against)
    return f"{count} of {yours.size} values differ; largest at [{where}]: {both}"


def suspect(
    yours: np.ndarray,
    expected: np.ndarray,
    sizes: Mapping[int, str],
    suspects: Suspects,
    against: str = PYTORCH,
) -> str:
    """The mistake in words, where the numbers tell it; else nothing."""
    if words := named(yours, expected, suspects):
        return words
    if not yours.any() and yours.size > 1:
        return "Yours is all zeros."
    if yours.ndim == 2 and yours.shape[0] == yours.shape[1] and alike(yours, expected.T):
        return "Yours is the transpose: the axes are the other way round."
    return factor(yours, expected, sizes, "PyTorch's" if against == PYTORCH else "the right one")


def named(yours: np.ndarray, expected: np.ndarray, suspects: Suspects) -> str:
    """The words of the first suspect that gives yours; else nothing."""
    for words, wrong in suspects():
        wrong = np.asarray(wrong)
        if wrong.dtype.kind in "biuf" and alike(yours, wrong) and _nearer(yours, wrong, expected):
            return words
    return ""


def _nearer(yours: np.ndarray, wrong: np.ndarray, expected: np.ndarray) -> bool:
    """Whether it fits far better than the right answer; else it says nothing."""
    if expected.shape != wrong.shape or not np.isfinite(wrong).all():
        return not alike(expected, wrong)
    apart = [np.abs(yours - other).max(initial=0) for other in (wrong, expected)]
    return bool(100 * apart[0] < apart[1])


def alike(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays agree well enough to say that they were computed alike."""
    if a.shape != b.shape:
        return False
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    finite = np.isfinite(b)
    if not np.array_equal(finite, np.isfinite(a)):
        return False
    scale = max(float(np.abs(b[finite]).max(initial=0)), 1e-12)
    return bool(np.abs(a - b)[finite].max(initial=0) <= ALIKE * scale)


def factor(
    yours: np.ndarray, expected: np.ndarray, sizes: Mapping[int, str], right: str = "PyTorch's"
) -> str:
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
            return f"Yours is {right} divided by {size}, {called}.{also}"
        if size > 1 and np.isclose(ratio, size):
            return f"Yours is {right} times {size}, {called}. Is a mean missing?"
    if np.isclose(ratio, 2) or np.isclose(ratio, 0.5):
        return f"Yours is {right} times {ratio:g}: a factor 2 too much or too little."
    return ""


def _apart(yours: str, expected: str, error: float, against: str) -> str:
    """Both values in print; the error, where print does not show it."""
    by = f" (they differ by {error:.1e})" if yours == expected else ""
    return f"yours {yours}, {against} {expected}{by}"


def _numbers(array: np.ndarray) -> str:
    text = np.array2string(array, precision=4, suppress_small=False, separator=" ")
    return " ".join(text.split())
