class LayerNorm(Module):
    """Backwards step by step, by way of the mean and the variance."""

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
        self.centred = x - np.mean(x, axis=-1)[..., None]
        self.var = np.mean(np.square(self.centred), axis=-1)[..., None] + self.eps
        y = self.centred * self.var**-0.5
        return y if self.weight is None else self.weight * y + self.bias

    def compute_grad_input(self, x, grad_output):
        h = grad_output if self.weight is None else self.weight * grad_output
        through_var = -0.5 * np.sum(h * self.centred, axis=-1)[..., None] * self.var**-1.5
        grad_centred = h * self.var**-0.5 + 2 * self.centred * through_var / x.shape[-1]
        return grad_centred - grad_centred.mean(axis=-1)[..., None]

    def update_grad_parameters(self, x, grad_output):
        if self.weight is None:
            return
        g = grad_output.reshape(-1, self.normalized_shape)
        y = (self.centred * self.var**-0.5).reshape(g.shape)
        self.grad_weight[:] = self.grad_weight + (g * y).sum(axis=0)
        self.grad_bias[:] = self.grad_bias + np.ones(len(g), g.dtype) @ g
