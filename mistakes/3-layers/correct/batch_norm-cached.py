class BatchNormalization(Module):
    """Keeps what the forward pass computed; running statistics by the textbook formula."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True):
        super().__init__()
        self.eps, self.momentum, self.affine = eps, momentum, affine
        self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)
        self.weight = self.bias = self.grad_weight = self.grad_bias = None
        if affine:
            self.weight, self.bias = np.ones(num_features), np.zeros(num_features)
            self.grad_weight, self.grad_bias = np.zeros(num_features), np.zeros(num_features)

    def compute_output(self, x):
        if not self.training:
            self.centred = x - self.running_mean
            variance = self.running_var
        else:
            batch = x.shape[0]
            if batch < 2:
                raise ValueError("one sample has no variance")
            mean = np.sum(x, axis=0) / batch
            self.centred = x - mean
            variance = np.sum(np.square(self.centred), axis=0) / batch
            rest = 1 - self.momentum
            self.running_mean = rest * self.running_mean + self.momentum * mean
            unbiased = variance * batch / (batch - 1)
            self.running_var = rest * self.running_var + self.momentum * unbiased
        self.inverse = 1 / np.sqrt(variance + self.eps)
        self.normalised = self.centred * self.inverse
        if not self.affine:
            return self.normalised
        return self.normalised * self.weight + self.bias

    def compute_grad_input(self, x, grad_output):
        upstream = grad_output * self.weight if self.affine else grad_output
        if not self.training:
            return upstream * self.inverse
        batch = x.shape[0]
        grad_variance = np.sum(upstream * self.centred, axis=0) * -0.5 * self.inverse**3
        grad_mean = -np.sum(upstream, axis=0) * self.inverse
        return (
            upstream * self.inverse + grad_variance * 2 / batch * self.centred + grad_mean / batch
        )

    def update_grad_parameters(self, x, grad_output):
        if self.affine:
            self.grad_weight += np.einsum("bn,bn->n", grad_output, self.normalised)
            self.grad_bias += np.add.reduce(grad_output)
