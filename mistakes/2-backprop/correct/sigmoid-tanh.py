def sigmoid(x):
    """tanh does not overflow."""
    return 0.5 * (1 + np.tanh(x / 2))


def sigmoid_grad(x, grad_output):
    """The slope of the formula above."""
    return grad_output * (1 - np.tanh(x / 2) ** 2) / 4
