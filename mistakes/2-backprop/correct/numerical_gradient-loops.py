def numerical_gradient(f, x, eps=1e-5):
    """df/dx by central differences, one entry of x at a time; x stays as it is.

    f: takes an array of x's shape and returns a number; x: an array of any shape, of floats or
    integers -> float64 of x's shape
    """
    x = np.array(x, dtype=np.float64)  # a copy that may be changed
    grad = np.zeros_like(x)
    for k in np.ndindex(x.shape):
        old = x[k]
        x[k] = old + eps
        above = f(x)
        x[k] = old - eps
        grad[k] = (above - f(x)) / (2 * eps)
        x[k] = old
    return grad


def relative_error(a, b):
    """The largest |a - b| / max(1e-8, |a| + |b|) over all entries.

    two arrays of the same shape -> a number
    """
    largest = 0.0
    for p, q in zip(a.ravel(), b.ravel()):
        largest = max(largest, abs(p - q) / max(1e-8, abs(p) + abs(q)))
    return largest
