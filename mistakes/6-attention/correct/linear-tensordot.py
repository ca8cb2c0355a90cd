class Linear(Module):
    """Sums over all axes but the last, with tensordot."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True):
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.in_features = in_features
        self.out_features = out_features
        self.weight = np.random.uniform(-bound, bound, (out_features, in_features))
        self.bias = np.random.uniform(-bound, bound, out_features) if bias else None
        self.grad_weight = np.zeros_like(self.weight)
        self.grad_bias = np.zeros_like(self.bias) if bias else None

    def compute_output(self, x):
        y = np.tensordot(x, self.weight, axes=(-1, 1))
        return y if self.bias is None else np.add(y, self.bias)

    def compute_grad_input(self, x, grad_output):
        return np.tensordot(grad_output, self.weight, axes=1)

    def update_grad_parameters(self, x, grad_output):
        tokens = list(range(x.ndim - 1))
        self.grad_weight += np.tensordot(grad_output, x, axes=(tokens, tokens))
        if self.bias is not None:
            self.grad_bias += np.sum(grad_output, axis=tuple(tokens))
