def numerical_gradient(f, x, eps=1e-5):
    """In x itself where it is of float64, every entry put back before the next has its turn."""
    if x.dtype != np.float64:
        x = x.astype(np.float64)
    grad = np.empty(x.shape)
    it = np.nditer(x, flags=["multi_index"])
    while not it.finished:
        k = it.multi_index
        old = x[k].copy()
        x[k] = old + eps
        up = f(x)
        x[k] = old - eps
        down = f(x)
        x[k] = old
        grad[k] = (up - down) / 2 / eps
        it.iternext()
    return grad


def relative_error(a, b):
    total = np.abs(a) + np.abs(b)
    total[total < 1e-8] = 1e-8
    return np.amax(np.abs(np.subtract(a, b)) / total)
