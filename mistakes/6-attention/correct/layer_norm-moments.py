class LayerNorm(Module):
    """From mean and var anew in every method; nothing is kept."""

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True):
        super().__init__()
        self.normalized_shape, self.eps = normalized_shape, eps
        self.elementwise_affine = elementwise_affine
        self.weight = self.bias = self.grad_weight = self.grad_bias = None
        if elementwise_affine:
            self.weight, self.bias = np.ones(normalized_shape), np.zeros(normalized_shape)
            self.grad_weight, self.grad_bias = np.zeros((2, normalized_shape))

    def statistics(self, x):
        s = (x.var(-1, keepdims=True) + self.eps) ** 0.5
        return (x - x.mean(-1, keepdims=True)) / s, s

    def compute_output(self, x):
        y, _ = self.statistics(x)
        if self.elementwise_affine:
            y *= self.weight
            y += self.bias
        return y

    def compute_grad_input(self, x, grad_output):
        n, s = self.statistics(x)
        h = grad_output * (self.weight if self.elementwise_affine else 1)
        E = x.shape[-1]
        return (E * h - h.sum(-1, keepdims=True) - n * (h * n).sum(-1, keepdims=True)) / (E * s)

    def update_grad_parameters(self, x, grad_output):
        if self.elementwise_affine:
            n, _ = self.statistics(x)
            self.grad_weight += (grad_output * n).reshape(-1, x.shape[-1]).sum(0)
            self.grad_bias += grad_output.reshape(-1, x.shape[-1]).sum(0)
