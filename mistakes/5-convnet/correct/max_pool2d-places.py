class MaxPool2d(Module):
    """Loops over the places of the window, all images and channels at once."""

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.stride = pair(kernel_size if stride is None else stride, "stride")
        self.padding = pair(padding, "padding", least=0)

    def padded(self, x, value):
        (pH, pW), (B, C, H, W) = self.padding, x.shape
        padded = np.full((B, C, H + 2 * pH, W + 2 * pW), value, dtype=x.dtype)
        padded[:, :, pH : pH + H, pW : pW + W] = x
        return padded

    def compute_output(self, x):
        rows, columns = output_size(x, self.kernel_size, self.stride, self.padding)
        (kH, kW), (sH, sW) = self.kernel_size, self.stride
        padded = self.padded(x, -np.inf)
        y = np.empty((*x.shape[:2], rows, columns), x.dtype)
        for r in range(rows):
            for c in range(columns):
                window = padded[:, :, r * sH : r * sH + kH, c * sW : c * sW + kW]
                y[:, :, r, c] = window.max(axis=(2, 3))
        return y

    def compute_grad_input(self, x, grad_output):
        (kH, kW), (sH, sW), (pH, pW) = self.kernel_size, self.stride, self.padding
        padded = self.padded(x, -np.inf)
        grad = np.zeros_like(padded)
        image, channel = np.ogrid[: x.shape[0], : x.shape[1]]
        for r, c in np.ndindex(*grad_output.shape[2:]):
            window = padded[:, :, r * sH : r * sH + kH, c * sW : c * sW + kW]
            i, j = np.divmod(window.reshape(*x.shape[:2], -1).argmax(axis=-1), kW)
            grad[image, channel, r * sH + i, c * sW + j] += grad_output[:, :, r, c]
        return grad[:, :, pH : pH + x.shape[2], pW : pW + x.shape[3]]
