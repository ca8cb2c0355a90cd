class MaxPool2d(Module):
    """Windows, one argmax for each, and np.add.at for the way back."""

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.stride = pair(self.kernel_size if stride is None else stride, "stride")
        self.padding = pair(padding, "padding", least=0)

    def compute_output(self, x):
        output_size(x, self.kernel_size, self.stride, self.padding)
        pH, pW = self.padding
        padded = np.pad(x, ((0, 0), (0, 0), (pH, pH), (pW, pW)), constant_values=-np.inf)
        windows = sliding_window_view(padded, self.kernel_size, axis=(2, 3))
        windows = windows[:, :, :: self.stride[0], :: self.stride[1]]
        flat = windows.reshape(*windows.shape[:4], -1)
        self.winner = flat.argmax(axis=-1)
        return np.take_along_axis(flat, self.winner[..., None], axis=-1)[..., 0]

    def compute_grad_input(self, x, grad_output):
        (pH, pW), (sH, sW) = self.padding, self.stride
        B, C, H, W = x.shape
        grad = np.zeros((B, C, H + 2 * pH, W + 2 * pW), dtype=grad_output.dtype)
        b, c, r, q = np.indices(grad_output.shape, sparse=True)
        i, j = np.divmod(self.winner, self.kernel_size[1])
        np.add.at(grad, (b, c, sH * r + i, sW * q + j), grad_output)
        return grad[:, :, pH : pH + H, pW : pW + W]
