class Sigmoid(Module):
    """The formula as it stands: exp overflows to infinity with a warning, 1 / infinity is right."""

    def compute_output(self, x):
        return 1 / (1 + np.exp(-x))

    def compute_grad_input(self, x, grad_output):
        y = 1 / (1 + np.exp(-x))
        return grad_output * y * (1 - y)
