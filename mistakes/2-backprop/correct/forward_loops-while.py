def forward_loops(x, W):
    """A total for each output, counted by hand, in another order of the loops."""
    batch, n_in = x.shape
    n_out = W.shape[0]
    out = np.zeros((batch, n_out)).astype(x.dtype)
    j = 0
    while j < n_out:
        i = 0
        while i < batch:
            total = 0
            n = 0
            while n < n_in:
                total = total + x[i][n] * W[j][n]
                n += 1
            out[i][j] = total
            i += 1
        j += 1
    return out
