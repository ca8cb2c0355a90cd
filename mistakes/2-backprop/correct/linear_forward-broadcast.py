def linear_forward(x, W):
    """All products at once, then their sum."""
    return (x[:, None, :] * W[None, :, :]).sum(axis=-1)
