class Linear(Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        bound = in_features**-0.5
        self.in_features, self.out_features = in_features, out_features
        self.weight = np.random.uniform(-bound, bound, size=(out_features, in_features))
        self.grad_weight = np.zeros((out_features, in_features))
        self.bias = self.grad_bias = None
        if bias:
            self.bias = np.random.uniform(-bound, bound, size=out_features)
            self.grad_bias = np.zeros(out_features)

    def compute_output(self, x):
        y = np.einsum("...n,mn->...m", x, self.weight)
        if self.bias is not None:
            y += self.bias
        return y

    def compute_grad_input(self, x, grad_output):
        return np.einsum("...m,mn->...n", grad_output, self.weight)

    def update_grad_parameters(self, x, grad_output):
        g, x = grad_output.reshape(-1, self.out_features), x.reshape(-1, self.in_features)
        self.grad_weight += np.einsum("im,in->mn", g, x)
        if self.bias is not None:
            self.grad_bias += grad_output.sum(axis=tuple(range(grad_output.ndim - 1)))
