from scipy.special import ndtr


class GELU(Module):
    """SciPy's normal distribution; everything is computed anew on the way back."""

    def compute_output(self, x):
        return x * ndtr(x)

    def compute_grad_input(self, x, grad_output):
        root = float(np.sqrt(2 * np.pi))
        return grad_output * ndtr(x) + grad_output * x * np.exp(-0.5 * x * x) / root
