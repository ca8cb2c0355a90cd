class Conv2d(Module):
    """Slides kernels over images and takes a weighted sum at every place, as torch.nn.Conv2d.

    weight: (out_channels, in_channels, kH, kW); bias: (out_channels,) or None.
    kernel_size, stride and padding become pairs (rows, columns).
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size, stride=1, padding=0, bias=True
    ):
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.stride = pair(stride, "stride")
        self.padding = pair(padding, "padding", least=0)
        shape = (out_channels, in_channels, *self.kernel_size)
        bound = 1 / np.sqrt(np.prod(shape[1:]))
        self.weight = np.random.uniform(-bound, bound, shape)
        self.bias = np.random.uniform(-bound, bound, out_channels) if bias else None
        self.grad_weight = np.zeros_like(self.weight)
        self.grad_bias = np.zeros_like(self.bias) if bias else None

    def compute_output(self, x):
        """(B, in_channels, H, W) -> (B, out_channels, H', W')"""
        rows, columns = output_size(
            x, self.kernel_size, self.stride, self.padding, channels=self.in_channels
        )
        y = self.weight.reshape(self.out_channels, -1) @ self.columns(x)
        if self.bias is not None:
            y += self.bias[:, None]
        return y.reshape(len(x), self.out_channels, rows, columns)

    def columns(self, x):
        """What the kernel sees, one place a column: (B, in_channels * kH * kW, H' * W')"""
        sH, sW = self.stride
        windows = sliding_window_view(self.padded(x), self.kernel_size, axis=(2, 3))
        windows = windows[:, :, ::sH, ::sW].transpose(0, 1, 4, 5, 2, 3)
        return windows.reshape(len(x), self.weight[0].size, -1)

    def padded(self, x):
        """x with zeros around it: (B, C, H + 2 pH, W + 2 pW)"""
        pH, pW = self.padding
        return np.pad(x, [(0, 0), (0, 0), (pH, pH), (pW, pW)]) if pH or pW else x

    def compute_grad_input(self, x, grad_output):
        """dl/dx: (B, out_channels, H', W') -> (B, in_channels, H, W)"""
        B, _, rows, columns = grad_output.shape
        (sH, sW), (pH, pW) = self.stride, self.padding
        g = grad_output.reshape(B, self.out_channels, -1)
        seen = self.weight.reshape(self.out_channels, -1).T @ g  # the gradient for columns(x)
        seen = seen.reshape(B, self.in_channels, *self.kernel_size, rows, columns)
        grad = np.zeros_like(self.padded(x))
        for i, j in np.ndindex(self.kernel_size):
            grad[:, :, i : i + sH * rows : sH, j : j + sW * columns : sW] += seen[:, :, i, j]
        return grad[:, :, pH : pH + x.shape[2], pW : pW + x.shape[3]]

    def update_grad_parameters(self, x, grad_output):
        """Add dl/dweight to grad_weight and, if there is a bias, dl/dbias to grad_bias."""
        g = grad_output.reshape(len(x), self.out_channels, -1)
        grad = (g @ self.columns(x).swapaxes(1, 2)).sum(axis=0)
        self.grad_weight += grad.reshape(self.weight.shape)
        if self.bias is not None:
            self.grad_bias += g.sum(axis=(0, 2))
