"""The arithmetic of windows that move over images, given to students with its errors."""

import numpy as np

from byhand.nn import Module


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


def print_shapes(network: Module, shape: tuple[int, ...]) -> None:
    """Print what each layer of a Sequential makes of one sample of this shape, and its parameters.

    Where a layer raises an error because its input does not fit, the table says so and ends there.
    The network is left in the mode that it was in.
    """
    training, x = network.training, np.zeros((1, *shape), np.float32)
    print(f"{'layer':24}{'output of one sample':24}parameters\n{'':24}{shape!s}")
    network.eval()
    try:
        for number, layer in enumerate(network.modules, start=1):
            name = f"{number:2} {type(layer).__name__}"
            try:
                x = layer(x)
            except (ValueError, IndexError) as error:
                print(f"{name:24}stops at shape {x.shape[1:]}: {error}")
                return
            print(f"{name:24}{x.shape[1:]!s:24}{sum(p.size for p in layer.parameters()):10,}")
    finally:
        if training:
            network.train()
    print(f"{'':48}{sum(p.size for p in network.parameters()):10,}")
