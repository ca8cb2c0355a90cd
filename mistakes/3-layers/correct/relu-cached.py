class ReLU(Module):
    """Multiplies by a mask that it keeps, and takes absolute values instead of a maximum."""

    def compute_output(self, x):
        self.mask = np.heaviside(x, 0)
        return (x + np.abs(x)) / 2

    def compute_grad_input(self, x, grad_output):
        return self.mask * grad_output
