def forward_loops(x, W):
    """A loop is a loop, also in brackets."""
    return np.array([[sum(a * b for a, b in zip(row, w)) for w in W] for row in x])
