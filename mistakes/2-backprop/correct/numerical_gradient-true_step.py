def numerical_gradient(f, x, eps=1e-5):
    """Divides by the step that was really made, and puts the old value back in the end."""
    point = np.asarray(x, dtype="float64").copy()
    grad = np.zeros_like(point)
    for index, old in np.ndenumerate(point.copy()):
        low, high = old - eps, old + eps
        try:
            point[index] = high
            top = f(point)
            point[index] = low
            grad[index] = (top - f(point)) / (high - low)
        finally:
            point[index] = old
    return grad


def relative_error(a, b):
    error = np.abs(a - b) / np.maximum(np.abs(a) + np.abs(b), 1e-8)
    return error.ravel()[error.argmax()]
