class Sigmoid(Module):
    """For each sign of x the form that cannot overflow."""

    def compute_output(self, x):
        e = np.exp(-np.abs(x))
        return np.where(x < 0, e, 1) / (1 + e)

    def compute_grad_input(self, x, grad_output):
        y = self.compute_output(x)
        return grad_output * y * (1 - y)
