def linear_grad_input(x, W, grad_output):
    """The formula with its indices."""
    return np.einsum("ij,jn->in", grad_output, W)
