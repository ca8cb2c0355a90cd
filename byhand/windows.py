"""The arithmetic of a window that moves over an image, given to students with its errors."""

import numpy as np


def pair(value: int | tuple[int, int], name: str, least: int = 1) -> tuple[int, int]:
    """(rows, columns) from one number for both, or from a pair.

    Raises ValueError, in one line with the name, unless both are whole numbers from `least` on.
    """
    numbers = (value, value) if np.ndim(value) == 0 else tuple(value)
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in numbers)
    if len(numbers) != 2 or not whole or min(numbers) < least:
        raise ValueError(
            f"{name} is {value!r}; it should be a whole number, or a pair of them, "
            f"of at least {least}"
        )
    return int(numbers[0]), int(numbers[1])


def output_size(
    x: np.ndarray,
    kernel_size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    channels: int | None = None,
) -> tuple[int, int]:
    """How many places a window has on x: (B, C, H, W), in rows and in columns.

    floor((H + 2 padding - kernel_size) / stride) + 1 rows, and columns in the same way. channels:
    what C has to be, if that matters. Raises ValueError, in one line, if x does not fit.
    """
    if x.ndim != 4 or (channels is not None and x.shape[1] != channels):
        wanted = f"(B, {'C' if channels is None else channels}, H, W)"
        raise ValueError(f"x has shape {x.shape}, expected {wanted}")
    room = np.add(x.shape[2:], np.multiply(2, padding))
    if np.any(room < kernel_size):
        padded = f", {tuple(room.tolist())} with its padding" if any(padding) else ""
        raise ValueError(f"kernel_size {kernel_size} is larger than x: {x.shape[2:]}{padded}")
    rows, columns = (room - kernel_size) // stride + 1
    return int(rows), int(columns)
