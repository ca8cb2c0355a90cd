class Conv2d(Module):
    """One tensordot for each place of the kernel."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.stride = pair(stride, "stride")
        self.padding = pair(padding, "padding", least=0)
        self.weight = np.random.randn(out_channels, in_channels, *self.kernel_size)
        self.grad_weight = np.zeros_like(self.weight)
        self.bias = np.random.randn(out_channels) if bias else None
        self.grad_bias = np.zeros(out_channels) if bias else None

    def pad(self, x):
        return np.pad(x, [(0, 0), (0, 0), *((p, p) for p in self.padding)])

    def window(self, r, c):
        (kH, kW), (sH, sW) = self.kernel_size, self.stride
        return np.s_[:, :, r * sH : r * sH + kH, c * sW : c * sW + kW]

    def compute_output(self, x):
        rows, columns = output_size(
            x, self.kernel_size, self.stride, self.padding, channels=self.in_channels
        )
        x = self.pad(x)
        y = np.empty((len(x), self.out_channels, rows, columns), x.dtype)
        for r in range(rows):
            for c in range(columns):
                y[:, :, r, c] = np.tensordot(
                    x[self.window(r, c)], self.weight, axes=([1, 2, 3],) * 2
                )
        return y if self.bias is None else y + self.bias[:, None, None]

    def compute_grad_input(self, x, grad_output):
        grad = np.zeros_like(self.pad(x))
        for r, c in np.ndindex(*grad_output.shape[2:]):
            grad[self.window(r, c)] += np.tensordot(grad_output[:, :, r, c], self.weight, axes=1)
        (pH, pW), (H, W) = self.padding, x.shape[2:]
        return grad[:, :, pH : pH + H, pW : pW + W].copy()

    def update_grad_parameters(self, x, grad_output):
        padded = self.pad(x)
        for r, c in np.ndindex(*grad_output.shape[2:]):
            g = grad_output[:, :, r, c]
            self.grad_weight += np.tensordot(g, padded[self.window(r, c)], axes=(0, 0))
        if self.bias is not None:
            self.grad_bias += grad_output.sum(axis=3).sum(axis=2).sum(axis=0)
