class LeakyReLU(Module):
    """Keeps the slopes of the forward pass, in the dtype of x."""

    def __init__(self, negative_slope=0.01):
        super().__init__()
        self.negative_slope = negative_slope

    def compute_output(self, x):
        self.slopes = np.where(x > 0, 1, self.negative_slope).astype(x.dtype)
        return x * self.slopes

    def compute_grad_input(self, x, grad_output):
        return grad_output * self.slopes
