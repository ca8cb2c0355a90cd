class LayerNorm(Module):
    """Means over an axis that stays; keeps x̂ and s for the way back."""

    def __init__(self, normalized_shape: int, eps: float = 1e-5, elementwise_affine: bool = True):
        super().__init__()
        self.normalized_shape = normalized_shape
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.weight = np.ones(normalized_shape) if elementwise_affine else None
        self.bias = np.zeros(normalized_shape) if elementwise_affine else None
        self.grad_weight = np.zeros(normalized_shape) if elementwise_affine else None
        self.grad_bias = np.zeros(normalized_shape) if elementwise_affine else None

    def compute_output(self, x):
        centred = x - x.mean(axis=-1, keepdims=True)
        self.s = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self.eps)
        self.x_hat = centred / self.s
        return self.x_hat if self.weight is None else self.x_hat * self.weight + self.bias

    def compute_grad_input(self, x, grad_output):
        h = grad_output if self.weight is None else grad_output * self.weight
        along = (h * self.x_hat).mean(axis=-1, keepdims=True)
        return (h - h.mean(axis=-1, keepdims=True) - self.x_hat * along) / self.s

    def update_grad_parameters(self, x, grad_output):
        if self.weight is not None:
            tokens = tuple(range(x.ndim - 1))  # all axes but the last
            self.grad_weight += (grad_output * self.x_hat).sum(axis=tokens)
            self.grad_bias += grad_output.sum(axis=tokens)
