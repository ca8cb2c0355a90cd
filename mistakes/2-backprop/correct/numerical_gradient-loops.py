def numerical_gradient(f, x, eps=1e-5):
    numbers = np.asarray(x, float).ravel().tolist()

    def value(place, step):
        moved = [n + step * (i == place) for i, n in enumerate(numbers)]
        return f(np.reshape(moved, np.shape(x)))

    slopes = [value(i, eps) - value(i, -eps) for i in range(len(numbers))]
    return np.reshape(slopes, np.shape(x)) / (2 * eps)


def relative_error(a, b):
    worst = 0.0
    for p, q in zip(a.ravel(), b.ravel()):
        together = abs(p) + abs(q)
        if together < 1e-8:
            together = 1e-8
        worst = max(worst, abs(p - q) / together)
    return worst
