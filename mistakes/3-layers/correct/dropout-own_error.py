class NotAProbability(ValueError):
    """A ValueError, as `except ValueError` sees it."""


class Dropout(Module):
    """A factor for every entry, drawn with numpy.random.uniform; an error of its own."""

    def __init__(self, p=0.5):
        if not (p >= 0.0 and p <= 1.0):
            raise NotAProbability(p)
        super().__init__()
        self.p = p
        self.boost = 0.0 if p == 1 else 1 / (1 - p)

    def compute_output(self, x):
        self.factor = np.full(x.shape, 1, dtype=x.dtype)
        if self.training:
            survives = np.greater_equal(np.random.uniform(size=x.shape), self.p)
            np.multiply(survives, self.boost, out=self.factor, casting="unsafe")
        return np.multiply(self.factor, x)

    def compute_grad_input(self, x, grad_output):
        return np.multiply(self.factor, grad_output)
