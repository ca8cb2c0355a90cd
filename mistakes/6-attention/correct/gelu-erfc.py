class GELU(Module):
    """With the tail of the distribution, and its slope kept from the forward pass."""

    def __init__(self):
        super().__init__()
        self.slope = None

    def compute_output(self, x):
        phi = 0.5 + 0.5 * erf(x * 2**-0.5)
        self.slope = phi + x * np.exp(-np.square(x) / 2) * (2 * math.pi) ** -0.5
        return np.multiply(x, phi)

    def compute_grad_input(self, x, grad_output):
        return np.multiply(grad_output, self.slope)
