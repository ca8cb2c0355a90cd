class Dropout(Module):
    """Draws integers and scales afterwards; in eval mode it hands x itself on."""

    def __init__(self, p=0.5):
        if p < 0 or p > 1:
            raise ValueError("p must be a probability")
        super().__init__()
        self.p = p

    def compute_output(self, x):
        if not self.training:
            return x
        self.keep = np.random.binomial(1, 1 - self.p, size=x.shape).astype(bool)
        return self.scaled(x)

    def compute_grad_input(self, x, grad_output):
        return self.scaled(grad_output) if self.training else grad_output

    def scaled(self, values):
        if self.p == 1:
            return np.zeros_like(values)
        return np.where(self.keep, values / (1 - self.p), 0)
