class Linear(Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        bound = in_features**-0.5
        self.weight = np.random.default_rng().uniform(
            -bound, bound, size=(out_features, in_features)
        )
        self.grad_weight = np.zeros((out_features, in_features))
        self.bias = self.grad_bias = None
        if bias:
            self.bias = np.random.default_rng().uniform(-bound, bound, size=out_features)
            self.grad_bias = np.zeros(out_features)

    def compute_output(self, x):
        y = np.einsum("bi,oi->bo", x, self.weight)
        if self.bias is not None:
            y += self.bias
        return y

    def compute_grad_input(self, x, grad_output):
        return np.einsum("bo,oi->bi", grad_output, self.weight)

    def update_grad_parameters(self, x, grad_output):
        self.grad_weight += np.einsum("bo,bi->oi", grad_output, x)
        if self.bias is not None:
            self.grad_bias += np.einsum("bo->o", grad_output)
