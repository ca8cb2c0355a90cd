def mean(x):
    """The mean of every feature, slowly: to compare with. No method calls it."""
    return np.array([sum(column) / len(column) for column in x.T])


def variance(x):
    """The variance of every feature, slowly: to compare with."""
    return mean(np.array([row - mean(x) for row in x]) ** 2)


class BatchNormalization(Module):
    """Its methods have local variables of the same names as the slow functions above."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True):
        super().__init__()
        self.eps, self.momentum, self.affine = eps, momentum, affine
        self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)
        self.weight = self.bias = self.grad_weight = self.grad_bias = None
        if affine:
            self.weight, self.bias = np.ones(num_features), np.zeros(num_features)
            self.grad_weight, self.grad_bias = np.zeros(num_features), np.zeros(num_features)

    def mean(self):
        """The means of all batches so far, as a list."""
        return [float(value) for value in self.running_mean]

    def normalised(self, x):
        if self.training:
            mean, variance = x.mean(axis=0), x.var(axis=0)
        else:
            mean, variance = self.running_mean, self.running_var
        deviation = np.sqrt(variance + self.eps)
        return (x - mean) / deviation, deviation

    def compute_output(self, x):
        if self.training:
            if len(x) < 2:
                raise ValueError("one sample has no variance")
            mean, variance = x.mean(axis=0), x.var(axis=0, ddof=1)
            self.running_mean += self.momentum * (mean - self.running_mean)
            self.running_var += self.momentum * (variance - self.running_var)
        output, _ = self.normalised(x)
        return output * self.weight + self.bias if self.affine else output

    def compute_grad_input(self, x, grad_output):
        normalised, deviation = self.normalised(x)
        grad = grad_output * self.weight if self.affine else grad_output
        if self.training:
            mean = grad.mean(axis=0)
            grad = grad - mean - normalised * (grad * normalised).mean(axis=0)
        return grad / deviation

    def update_grad_parameters(self, x, grad_output):
        if self.affine:
            normalised, _ = self.normalised(x)
            self.grad_weight += (grad_output * normalised).sum(axis=0)
            self.grad_bias += grad_output.sum(axis=0)
