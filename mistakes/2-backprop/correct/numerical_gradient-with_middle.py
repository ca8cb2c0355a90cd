def numerical_gradient(f, x, eps=1e-5):
    """Each point in an array of its own; f(x) asked once too often."""
    x = np.asarray(x, dtype=np.float64)
    f(x.copy())
    grad = np.empty(x.shape)
    flat = grad.reshape(-1)
    for k in range(x.size):
        e = np.zeros(x.size)
        e[k] = eps
        e = e.reshape(x.shape)
        flat[k] = (f(x + e) - f(x - e)) / (2 * eps)
    return grad


def relative_error(a, b):
    """As a float of Python."""
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(a) + np.abs(b), 1e-8), initial=0))
