class Dropout(Module):
    """Has a generator of its own and keeps the scaled mask."""

    def __init__(self, p=0.5):
        super().__init__()
        if not (0.0 <= p <= 1.0):
            raise ValueError(p)
        self.p = p
        self.rng = np.random.default_rng()

    def compute_output(self, x):
        if self.training:
            draws = self.rng.random(x.shape, dtype=np.float32)
            scale = 0.0 if self.p == 1 else 1 / (1 - self.p)
            self.mask = (draws >= self.p).astype(x.dtype) * scale
            return x * self.mask
        return x.copy()

    def compute_grad_input(self, x, grad_output):
        return np.multiply(grad_output, self.mask) if self.training else 1 * grad_output
