class Tanh(Module):
    """From e^{-2|x|}, with the sign put back; keeps the output for the way back."""

    def compute_output(self, x):
        e = np.exp(-2 * np.abs(x))
        return np.sign(x) * (1 - e) / (1 + e)

    def compute_grad_input(self, x, grad_output):
        y = self.output
        return (1 - y) * (1 + y) * grad_output
