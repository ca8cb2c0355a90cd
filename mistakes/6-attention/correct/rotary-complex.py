def rotary(x, base=10_000.0):
    return turn(x, 1j, base)


def rotary_backward(x, grad_output, base=10_000.0):
    return turn(grad_output, -1j, base)


def turn(x, unit, base):
    """The paper's formula, in complex numbers."""
    *_, T, d = x.shape
    theta = base ** (-2.0 * np.arange(d // 2) / d)
    z = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(unit * np.outer(np.arange(T), theta))
    y = np.empty_like(x)
    y[..., 0::2], y[..., 1::2] = z.real, z.imag
    return y
