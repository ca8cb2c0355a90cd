def linear_forward(x, W):
    """The last axis of both summed over."""
    return np.tensordot(x, W, axes=([1], [1]))
