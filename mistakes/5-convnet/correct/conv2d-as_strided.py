class Conv2d(Module):
    """as_strided, one large matrix product for the whole batch, columns kept from forward."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.stride = pair(stride, "stride")
        self.padding = pair(padding, "padding", least=0)
        k = in_channels * self.kernel_size[0] * self.kernel_size[1]
        self.weight = np.random.randn(out_channels, in_channels, *self.kernel_size) / k**0.5
        self.bias = np.random.randn(out_channels) / k**0.5 if bias else None
        self.grad_weight = np.zeros_like(self.weight)
        self.grad_bias = np.zeros_like(self.bias) if bias else None

    def compute_output(self, x):
        rows, columns = output_size(
            x, self.kernel_size, self.stride, self.padding, channels=self.in_channels
        )
        (pH, pW), (sH, sW) = self.padding, self.stride
        x = np.ascontiguousarray(np.pad(x, ((0, 0), (0, 0), (pH, pH), (pW, pW))))
        b, c, h, w = x.strides
        windows = np.lib.stride_tricks.as_strided(
            x,
            shape=(self.in_channels, *self.kernel_size, len(x), rows, columns),
            strides=(c, h, w, b, h * sH, w * sW),
            writeable=False,
        )
        self.columns = windows.reshape(-1, len(x) * rows * columns)
        y = self.weight.reshape(self.out_channels, -1) @ self.columns
        if self.bias is not None:
            y += self.bias[:, np.newaxis]
        return y.reshape(self.out_channels, len(x), rows, columns).swapaxes(0, 1)

    def compute_grad_input(self, x, grad_output):
        B, O, rows, columns = grad_output.shape
        (kH, kW), (sH, sW), (pH, pW) = self.kernel_size, self.stride, self.padding
        g = grad_output.swapaxes(0, 1).reshape(O, -1)
        share = self.weight.reshape(O, -1).T @ g
        share = share.reshape(self.in_channels, kH, kW, B, rows, columns)
        H, W = x.shape[2:]
        grad = np.zeros((self.in_channels, B, H + 2 * pH, W + 2 * pW), x.dtype)
        for i in range(kH):
            for j in range(kW):
                grad[:, :, i : i + sH * rows : sH, j : j + sW * columns : sW] += share[:, i, j]
        return grad[:, :, pH : pH + H, pW : pW + W].swapaxes(0, 1)

    def update_grad_parameters(self, x, grad_output):
        g = np.moveaxis(grad_output, 1, 0).reshape(self.out_channels, -1)
        self.grad_weight += (g @ self.columns.T).reshape(self.weight.shape)
        if self.bias is not None:
            self.grad_bias += g.sum(axis=1)
