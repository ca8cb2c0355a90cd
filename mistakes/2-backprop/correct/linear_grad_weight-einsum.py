def linear_grad_weight(x, W, grad_output):
    """The formula with its indices."""
    return np.einsum("ij,in->jn", grad_output, x)
