def sigmoid(x):
    """np.where with arguments that cannot overflow in either branch."""
    return np.where(
        x >= 0,
        1 / (1 + np.exp(-np.maximum(x, 0))),
        np.exp(np.minimum(x, 0)) / (1 + np.exp(np.minimum(x, 0))),
    )


def sigmoid_grad(x, grad_output):
    return np.multiply(grad_output, sigmoid(x) * (1 - sigmoid(x)))
