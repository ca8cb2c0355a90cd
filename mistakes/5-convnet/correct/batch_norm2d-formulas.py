class BatchNorm2d(BatchNormalization):
    """The formulas of BatchNormalization, over three axes."""

    def statistics(self, x):
        if self.training:
            mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
        else:
            mean, var = self.running_mean, self.running_var
        std = np.sqrt(var + self.eps)[:, None, None]
        return (x - mean[:, None, None]) / std, std

    def compute_output(self, x):
        if self.training:
            count = x.size // x.shape[1]
            if count == 1:
                raise ValueError("more than one number a channel, please")
            keep = 1 - self.momentum
            mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3), ddof=1)
            self.running_mean = keep * self.running_mean + self.momentum * mean
            self.running_var = keep * self.running_var + self.momentum * var
        y, _ = self.statistics(x)
        return y * self.weight[:, None, None] + self.bias[:, None, None] if self.affine else y

    def compute_grad_input(self, x, grad_output):
        x_hat, std = self.statistics(x)
        g = grad_output * self.weight[:, None, None] if self.affine else grad_output
        if self.training:
            axes = dict(axis=(0, 2, 3), keepdims=True)
            g = g - g.mean(**axes) - x_hat * (g * x_hat).mean(**axes)
        return g / std

    def update_grad_parameters(self, x, grad_output):
        if self.affine:
            self.grad_weight += (grad_output * self.statistics(x)[0]).sum(axis=(0, 2, 3))
            self.grad_bias += grad_output.sum(axis=(0, 2, 3))
