class ReLU(Module):
    """The larger of x and 0."""

    def compute_output(self, x):
        return np.maximum(x, 0)

    def compute_grad_input(self, x, grad_output):
        return np.where(x > 0, grad_output, 0)
