def numerical_gradient(f, x, eps=1e-5):
    """Along the rows of the unit matrix, in a list."""
    steps = eps * np.eye(x.size)
    quotients = [
        (f(x + step.reshape(x.shape)) - f(x - step.reshape(x.shape))) / (2 * eps) for step in steps
    ]
    return np.array(quotients, dtype=np.float64).reshape(x.shape)


def relative_error(a, b):
    return (
        np.fabs(b - a) / np.where(np.fabs(a) + np.fabs(b) > 1e-8, np.fabs(a) + np.fabs(b), 1e-8)
    ).max()
