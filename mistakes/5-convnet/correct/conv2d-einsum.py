class Conv2d(Module):
    """Windows and einsum; the gradient for x by laying the turned kernel on the gradient."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.stride = pair(stride, "stride")
        self.padding = pair(padding, "padding", least=0)
        self.weight = np.random.randn(out_channels, in_channels, *self.kernel_size) * 0.1
        self.grad_weight = np.zeros_like(self.weight)
        self.bias = np.zeros(out_channels) if bias else None
        self.grad_bias = np.zeros(out_channels) if bias else None

    def windows(self, x):
        pH, pW = self.padding
        x = np.pad(x, ((0, 0), (0, 0), (pH, pH), (pW, pW)), mode="constant")
        windows = np.lib.stride_tricks.sliding_window_view(x, self.kernel_size, axis=(-2, -1))
        return windows[:, :, :: self.stride[0], :: self.stride[1]]

    def compute_output(self, x):
        output_size(x, self.kernel_size, self.stride, self.padding, self.in_channels)
        y = np.einsum("bchwij,ocij->bohw", self.windows(x), self.weight, optimize=True)
        if self.bias is not None:
            y = y + self.bias[None, :, None, None]
        return y

    def compute_grad_input(self, x, grad_output):
        B, C, H, W = x.shape
        (kH, kW), (sH, sW), (pH, pW) = self.kernel_size, self.stride, self.padding
        # the gradient on the grid of stride 1, with a border of a kernel less one
        g = np.zeros((B, self.out_channels, H + 2 * pH + kH - 1, W + 2 * pW + kW - 1), x.dtype)
        rows, columns = grad_output.shape[2:]
        g[:, :, kH - 1 : kH - 1 + sH * rows : sH, kW - 1 : kW - 1 + sW * columns : sW] = grad_output
        windows = np.lib.stride_tricks.sliding_window_view(g, (kH, kW), axis=(2, 3))
        turned = self.weight[:, :, ::-1, ::-1]
        grad = np.einsum("bohwij,ocij->bchw", windows, turned, optimize=True)
        return grad[:, :, pH : pH + H, pW : pW + W]

    def update_grad_parameters(self, x, grad_output):
        self.grad_weight += np.einsum(
            "bohw,bchwij->ocij", grad_output, self.windows(x), optimize=True
        )
        if self.bias is not None:
            self.grad_bias += np.einsum("bohw->o", grad_output)
