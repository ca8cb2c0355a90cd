class Conv2d(Module):
    """One tensordot over all windows; back to x, one for each place of the kernel."""

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

    def windows(self, x):
        """(B, C, H', W', kH, kW)"""
        (sH, sW), view = self.stride, sliding_window_view(self.pad(x), self.kernel_size, (2, 3))
        return view[:, :, ::sH, ::sW]

    def compute_output(self, x):
        output_size(x, self.kernel_size, self.stride, self.padding, channels=self.in_channels)
        y = np.tensordot(self.windows(x), self.weight, axes=([1, 4, 5], [1, 2, 3]))
        return np.moveaxis(y if self.bias is None else y + self.bias, -1, 1)

    def compute_grad_input(self, x, grad_output):
        (sH, sW), (rows, columns) = self.stride, grad_output.shape[2:]
        grad = np.zeros_like(self.pad(x))
        for i, j in np.ndindex(self.kernel_size):
            share = np.tensordot(grad_output, self.weight[:, :, i, j], axes=(1, 0))
            where = np.s_[:, :, i : i + sH * rows : sH, j : j + sW * columns : sW]
            grad[where] += np.moveaxis(share, -1, 1)
        (pH, pW), (H, W) = self.padding, x.shape[2:]
        return grad[:, :, pH : pH + H, pW : pW + W].copy()

    def update_grad_parameters(self, x, grad_output):
        over = [0, 2, 3]
        self.grad_weight += np.tensordot(grad_output, self.windows(x), axes=(over, over))
        if self.bias is not None:
            self.grad_bias += grad_output.sum(axis=3).sum(axis=2).sum(axis=0)
