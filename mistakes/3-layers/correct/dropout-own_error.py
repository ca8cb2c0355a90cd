class NotAProbability(ValueError):
    pass


class Dropout(Module):
    """In train mode, y = x · mask, where an entry of mask is 0 with probability p, else 1/(1-p).

    mask: that of the last forward pass, of x's shape.
    Raises ValueError if p is not in [0, 1].
    """

    def __init__(self, p: float = 0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise NotAProbability(f"p is a probability, between 0 and 1, not {p}")
        self.p = p
        self.mask = None

    def compute_output(self, x):
        """Any shape to the same shape; in eval mode y equals x"""
        self.mask = np.ones_like(x)
        if self.training:
            self.mask[np.random.random(x.shape) < self.p] = 0
            self.mask /= 1 - self.p if self.p < 1 else 1
        return x * self.mask

    def compute_grad_input(self, x, grad_output):
        """dl/dx, of x's shape, through the mask of the last forward pass"""
        return grad_output * self.mask
