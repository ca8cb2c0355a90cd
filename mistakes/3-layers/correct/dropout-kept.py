class Dropout(Module):
    """Which entries are kept, as booleans; the scale apart."""

    def __init__(self, p: float = 0.5):
        if p < 0 or p > 1:
            raise ValueError(p)
        super().__init__()
        self.p = p

    def compute_output(self, x):
        self.kept = np.random.rand(*x.shape) >= self.p if self.training else np.ones(x.shape, bool)
        return self.scaled(x)

    def compute_grad_input(self, x, grad_output):
        return self.scaled(grad_output)

    def scaled(self, values):
        if not self.training or self.p == 0:
            return values.copy()
        if self.p == 1:
            return np.zeros_like(values)
        return np.where(self.kept, values / (1 - self.p), np.zeros_like(values))
