class MaxPool2d(Module):
    """The largest value in every window, as torch.nn.MaxPool2d.

    kernel_size, stride and padding become pairs (rows, columns); stride is kernel_size if None.
    """

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.stride = self.kernel_size if stride is None else pair(stride, "stride")
        self.padding = pair(padding, "padding", least=0)

    def compute_output(self, x):
        """(B, C, H, W) -> (B, C, H', W')"""
        rows, columns = output_size(x, self.kernel_size, self.stride, self.padding)
        return np.max(self.views(self.padded(x), rows, columns), axis=0)

    def padded(self, x):
        """x with a border that is never the largest: (B, C, H + 2 pH, W + 2 pW)"""
        pH, pW = self.padding
        border = [(0, 0), (0, 0), (pH, pH), (pW, pW)]
        return np.pad(x, border, constant_values=-np.inf) if pH or pW else x

    def views(self, padded, rows, columns):
        """For each place in the window, what stands there in all windows: (B, C, H', W') each"""
        sH, sW = self.stride
        return [
            padded[:, :, i : i + sH * rows : sH, j : j + sW * columns : sW]
            for i, j in np.ndindex(self.kernel_size)
        ]

    def compute_grad_input(self, x, grad_output):
        """dl/dx: (B, C, H', W') -> (B, C, H, W)"""
        rows, columns = grad_output.shape[2:]
        padded = self.padded(x)
        grad = np.zeros_like(padded)
        waiting = np.ones(grad_output.shape, dtype=bool)  # windows whose maximum is yet to come
        views = self.views(padded, rows, columns), self.views(grad, rows, columns)
        for seen, share in zip(*views, strict=True):
            first = waiting & (seen == self.output)
            share += first * grad_output
            waiting &= ~first
        pH, pW = self.padding
        return grad[:, :, pH : pH + x.shape[2], pW : pW + x.shape[3]]
