class LeakyReLU(Module):
    """Picks entry by entry."""

    def __init__(self, negative_slope=0.01):
        super().__init__()
        self.negative_slope = negative_slope

    def compute_output(self, x):
        return np.where(x > 0, x, self.negative_slope * x)

    def compute_grad_input(self, x, grad_output):
        grad = grad_output.copy()
        grad[x <= 0] *= self.negative_slope
        return grad
