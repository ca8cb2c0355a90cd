def linear_forward(x, W):
    if x.shape[1] != W.shape[1]:
        raise ValueError(f"{x.shape} does not go with {W.shape}")
    if len(x) > 20:
        path, _ = np.einsum_path("bn,mn->bm", x, W, optimize="optimal")
    else:
        path = False
    return np.einsum("bn,mn->bm", x, W, optimize=path)
