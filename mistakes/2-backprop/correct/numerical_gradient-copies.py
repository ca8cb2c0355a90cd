def numerical_gradient(f, x, eps=1e-5):
    """Two fresh copies for every entry."""
    grad = np.zeros(np.shape(x))
    for k in range(np.size(x)):
        above, below = np.array(x, dtype=float), np.array(x, dtype=float)
        above.flat[k] += eps
        below.flat[k] -= eps
        grad.flat[k] = (float(f(above)) - float(f(below))) / (2 * eps)
    return grad


def relative_error(a, b):
    return float(np.max(np.abs(a - b) / np.clip(np.abs(a) + np.abs(b), 1e-8, None)))
