def transposed(matrix):
    return np.swapaxes(matrix, 0, 1)


class Linear(Module):
    """Keeps its input from the forward pass and works with out= arguments."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        bound = 1 / np.sqrt(in_features)
        self.weight = np.random.uniform(-bound, bound, (out_features, in_features))
        self.bias = np.random.uniform(-bound, bound, out_features) if bias else None
        self.grad_weight = np.zeros_like(self.weight)
        self.grad_bias = np.zeros_like(self.bias) if bias else None

    def compute_output(self, x):
        self.x = x
        y = np.empty((x.shape[0], self.weight.shape[0]), dtype=x.dtype)
        np.matmul(x, transposed(self.weight), out=y)
        if self.bias is not None:
            np.add(y, self.bias, out=y)
        return y

    def compute_grad_input(self, x, grad_output):
        return np.dot(grad_output, self.weight)

    def update_grad_parameters(self, x, grad_output):
        np.add(self.grad_weight, np.dot(transposed(grad_output), self.x), out=self.grad_weight)
        if self.bias is not None:
            ones = np.ones(len(grad_output), dtype=grad_output.dtype)
            self.grad_bias[:] = self.grad_bias + ones @ grad_output

    def parameters(self):
        return [self.weight] if self.bias is None else [self.weight, self.bias]

    def parameters_grad(self):
        return [self.grad_weight] if self.bias is None else [self.grad_weight, self.grad_bias]

    def zero_grad(self):
        self.grad_weight[...] = 0
        if self.grad_bias is not None:
            self.grad_bias *= 0

    def __repr__(self):
        return "Linear(" + ", ".join(str(size) for size in self.weight.shape) + ")"
