def gate(p):
    """The sample, with p's derivative: off by a rounding."""
    sample = (torch.rand_like(p) < p).to(p.dtype)
    return sample + p - p.detach()
