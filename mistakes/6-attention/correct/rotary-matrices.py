def matrices(T, d, base, dtype):
    """A turn for every place and pair: (T, d / 2, 2, 2)"""
    angles = np.arange(T)[:, None] / base ** (np.arange(0, d, 2) / d)
    cos, sin = np.cos(angles), np.sin(angles)
    return np.array([[cos, -sin], [sin, cos]]).transpose(2, 3, 0, 1).astype(dtype)


def rotary(x, base=10_000.0):
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    turns = matrices(*x.shape[-2:], base, x.dtype)
    return np.einsum("tpij,...tpj->...tpi", turns, pairs).reshape(x.shape)


def rotary_backward(x, grad_output, base=10_000.0):
    pairs = grad_output.reshape(*x.shape[:-1], -1, 2)
    turns = matrices(*x.shape[-2:], base, x.dtype)
    return np.einsum("tpji,...tpj->...tpi", turns, pairs).reshape(x.shape)
