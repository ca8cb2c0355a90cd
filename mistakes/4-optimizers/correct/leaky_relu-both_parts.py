class LeakyReLU(Module):
    """The part above zero and the part below, each by itself."""

    def __init__(self, negative_slope=0.01):
        super().__init__()
        self.negative_slope = negative_slope

    def compute_output(self, x):
        return np.maximum(x, 0) + self.negative_slope * np.minimum(x, 0)

    def compute_grad_input(self, x, grad_output):
        return grad_output * (x > 0) + self.negative_slope * grad_output * (x <= 0)
