class _Gate:
    def map(self, x):
        return np.where(x > 0, x, 0).astype(x.dtype)


_gate = _Gate()


class ReLU(Module):
    """y = max(x, 0), entry by entry."""

    def compute_output(self, x):
        """Any shape to the same shape"""
        return _gate.map(x)

    def compute_grad_input(self, x, grad_output):
        """dl/dx, of x's shape; the derivative at 0 is 0"""
        return grad_output * (x > 0)
