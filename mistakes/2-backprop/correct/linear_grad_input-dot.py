def linear_grad_input(x, W, grad_output):
    """The transposes of both, turned back."""
    return np.dot(W.T, grad_output.T).T
