def linear_forward(x, W):
    """The formula with its indices."""
    return np.einsum("in,jn->ij", x, W)
