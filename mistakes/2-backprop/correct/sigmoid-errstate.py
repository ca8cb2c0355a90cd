def sigmoid(x):
    """Infinity is welcome: 1 / infinity is 0, and nobody is warned."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def sigmoid_grad(x, grad_output):
    y = sigmoid(x)
    return grad_output * (y * (1 - y))
