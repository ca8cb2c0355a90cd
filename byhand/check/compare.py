"""Compares a value from the student's side with the expected one and says how they differ."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from byhand.check.report import Line
from byhand.protocol.experiment import LARGEST, Opaque, Tensor

TOLERANCE = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-4}
NUMERICAL_TOLERANCE = 1e-5  # for central differences with steps of about 1e-5
SINGLE = 1e-4  # a tolerance from which on values are those of float32
SMALLEST_SCALE = 1e-3  # below it an error counts as absolute: rounding of larger terms
ALIKE = 1e-8  # relative agreement that names a mistake

PYTORCH = "PyTorch"
ON_A_COPY = "Work on a copy: x = x * 2 makes a new array, x *= 2 changes x."
NOT_FINITE = "Does an exp overflow, a division or a log get a 0, or a root a number below 0?"
MIXED = (
    "A float64 array or NumPy scalar, or an integer array, was mixed in: "
    "build it with the dtype of x, or convert the result."
)

Suspects = Callable[[], Iterable[tuple[str, Any]]]  # words, and what the mistake would have given


def compare(
    name: str,
    value: Any,
    expected: np.ndarray | float,
    *,
    against: str = PYTORCH,
    sizes: Mapping[int, str] | None = None,
    suspects: Suspects = tuple,
    mixed: str = MIXED,
    tolerance: float | None = None,
    scale: float = SMALLEST_SCALE,
) -> Line:
    """The line for one array, or number: type, shape, dtype, then values.

    against: whose value the expected one is; sizes: numbers that may turn up as a wrong factor,
    with their names; suspects: asked for wrong values and their mistakes when something is wrong;
    mixed: the hint for float64 in place of float32; scale: below it an error counts as absolute.
    """
    wrong = partial(Line, name, False)
    if not np.ndim(expected):
        if isinstance(value, Tensor) and value.array.size == 1:
            value = value.array.reshape(())  # one number, whatever the axes
        if (number := as_number(value)) is None:
            one = "one number" if isinstance(value, np.ndarray | Tensor) else "a float"
            return wrong(f"is {described(value)}, expected {one}")
        value, expected = np.asarray(number), np.asarray(expected, np.float64)
    value = bare(value)
    if not isinstance(value, np.ndarray):
        missing = " (is a `return` missing?)" if value is None else ""
        return wrong(f"is {described(value)}, expected a NumPy array{missing}")
    if value.shape != expected.shape:
        hint = named(value, expected, suspects)
        if not hint and value.shape == expected.shape[::-1] and value.ndim > 1:
            hint = "The axes are the other way round. Is a transpose missing, or one too many?"
        return wrong(f"has shape {value.shape}, expected {expected.shape}", hint=hint)
    whole = {value.dtype.kind, expected.dtype.kind} <= set("iu")
    if value.dtype != expected.dtype and not whole:
        hint = named(value, expected, suspects) or mixed * (expected.dtype == np.float32)
        return wrong(f"is {value.dtype}, expected {expected.dtype}", hint=hint)
    if expected.dtype.kind in "biu":
        value, expected = value.astype(np.float64), expected.astype(np.float64)
    arrays = dict(yours=value, expected=expected)
    if not np.isfinite(value).all() and np.isfinite(expected).all():
        text = f"{int((~np.isfinite(value)).sum())} of {value.size} values are NaN or infinite"
        text = text if value.ndim else f"is {value}, expected {expected:.6g}"
        return wrong(text, hint=named(value, expected, suspects) or NOT_FINITE, **arrays)
    error = float(np.abs(value - expected).max(initial=0))
    limit = tolerance or TOLERANCE[expected.dtype]
    # terms of about 1 may cancel to almost 0, and in float32 leave 1e-7 of rounding behind
    smallest = 1.0 if limit >= SINGLE else scale
    if error <= limit * max(float(np.abs(expected).max(initial=0)), smallest):
        return Line(name, True, f"largest error {error:.0e}" if error else "largest error 0", error)
    right = "PyTorch's" if against == PYTORCH else "the right one"
    hint = named(value, expected, suspects) or relation(value, expected, sizes or {}, right)
    return wrong(difference(value, expected, against, whole), error, hint, **arrays)


def bare(value: Any) -> Any:
    """The numbers of a tensor in place of the tensor."""
    return value.array if isinstance(value, Tensor) else value


def as_number(value: object) -> float | None:
    """A value as a float, if it is a real number or an array without axes of one."""
    if type(value) is float or (type(value) is int and abs(value) < LARGEST):
        return float(value)
    array = np.asarray(None if isinstance(value, list | tuple) else value)
    return float(array) if not array.ndim and array.dtype.kind in "iuf" else None


def same(value: object, expected: object) -> bool:
    """Whether two values are the same data: numbers and arrays up to rounding, lists in order."""
    if isinstance(expected, list | tuple):
        fits = isinstance(value, list) and len(value) == len(expected)
        return fits and all(map(same, value, expected))
    if (number := as_number(expected)) is not None:
        mine = as_number(value)
        return mine is not None and (mine == number or alike(*map(np.asarray, (mine, number))))
    if isinstance(expected, np.ndarray):
        return isinstance(value, np.ndarray) and alike(value, expected)
    return type(value) is type(expected) and value == expected


def alike(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays agree well enough to say that they were computed alike."""
    if a.shape != b.shape or not {a.dtype.kind, b.dtype.kind} <= set("biuf"):
        return False
    a, b = (np.where(np.isfinite(v), v, np.nan).astype(np.float64) for v in (a, b))
    scale = max(float(np.abs(b[np.isfinite(b)]).max(initial=0)), 1e-12)
    near = np.abs(a - b) <= ALIKE * scale  # np.allclose takes several times as long
    return bool((near | (np.isnan(a) & np.isnan(b))).all())


def described(value: object) -> str:
    """'a list', 'None', 'a torch.Tensor': what a value is, for a message."""
    if value is None:
        return "None"
    if isinstance(value, Tensor):
        shape = value.array.shape
        return f"a PyTorch tensor{f' of shape {shape}' if shape else ''}"
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape}"
    kind = (
        value.type
        if isinstance(value, Opaque)
        else str(getattr(value, "dtype", type(value).__name__))
    )
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def difference(
    yours: np.ndarray, expected: np.ndarray, against: str = PYTORCH, whole: bool = False
) -> str:
    """Both sides in a few words: all of it if they are short, else where the error is largest.

    whole: whether they are whole numbers.
    """
    error, text = np.abs(yours - expected), ""
    if yours.size > 6:
        place = np.unravel_index(np.argmax(error), yours.shape)
        where = ", ".join(str(int(i)) for i in place)
        near = TOLERANCE.get(expected.dtype, 1e-9)
        wrong = ~np.isclose(yours, expected, rtol=near, atol=near * SMALLEST_SCALE)
        count = max(int(wrong.sum()), 1)
        text = f"{count} of {yours.size} values differ; largest at [{where}]: "
        yours, expected = yours[place], expected[place]
    if whole:
        yours, expected = yours.astype(int), expected.astype(int)
    shown, right = _shown(yours), _shown(expected)
    by = f" (they differ by {error.max():.1e})" if shown == right else ""
    return f"{text}yours {shown}, {against} {right}{by}"


def _shown(value: np.ndarray) -> str:
    if not value.ndim:
        return f"{value:.6g}"
    return " ".join(np.array2string(value, precision=4, separator=" ").split())


def named(yours: np.ndarray, expected: np.ndarray, suspects: Suspects) -> str:
    """The words of the first suspect that gives yours; else nothing."""
    pairs = ((words, np.asarray(wrong)) for words, wrong in suspects())
    return next(
        (w for w, wrong in pairs if alike(yours, wrong) and _nearer(yours, wrong, expected)), ""
    )


def _nearer(yours: np.ndarray, wrong: np.ndarray, expected: np.ndarray) -> bool:
    """Whether it fits far better than the right answer; else it says nothing."""
    if expected.shape != wrong.shape or not np.isfinite(wrong).all():
        return not alike(expected, wrong)
    apart = [np.abs(yours - other).max(initial=0) for other in (wrong, expected)]
    return bool(100 * apart[0] < apart[1])


def relation(yours: np.ndarray, expected: np.ndarray, sizes: Mapping[int, str], right: str) -> str:
    """In words, how yours follows from the right one: zeros, the transpose, one factor throughout.

    Nothing if it does not.
    """
    if not yours.any() and yours.size > 1:
        return "Yours is all zeros."
    if yours.ndim == 2 and alike(yours, expected.T):
        return "Yours is the transpose: the axes are the other way round."
    scale = float(np.vdot(expected, expected))
    ratio = float(np.vdot(expected, yours)) / scale if scale else 0.0
    if ratio == 0 or np.isclose(ratio, 1) or not alike(yours, ratio * expected):
        return ""
    known = {-1.0: "Yours has the opposite sign."}
    for size, called in sizes.items():
        if size > 1:
            also = " Was it averaged over the batch instead of summed?" if "batch" in called else ""
            known[1 / size] = f"Yours is {right} divided by {size}, {called}.{also}"
            known[size] = f"Yours is {right} times {size}, {called}. Is a mean missing?"
    for two in (2, 0.5):
        known.setdefault(two, f"Yours is {right} times {two}: a factor 2 too much or too little.")
    return next((words for factor, words in known.items() if np.isclose(ratio, factor)), "")
