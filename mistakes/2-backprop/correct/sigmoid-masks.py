def sigmoid(x):
    """For each sign the form that is safe for it, by masks."""
    y = np.empty_like(x)
    positive = x >= 0
    y[positive] = 1 / (1 + np.exp(-x[positive]))
    e = np.exp(x[~positive])
    y[~positive] = e / (1 + e)
    return y


def sigmoid_grad(x, grad_output):
    s = sigmoid(x)
    return (s - s**2) * grad_output
