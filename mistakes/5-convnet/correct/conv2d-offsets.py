class Conv2d(Module):
    """A sum over the entries of the kernel, each of which sees the whole image, moved a little."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.stride = pair(stride, "stride")
        self.padding = pair(padding, "padding", least=0)
        self.weight = np.random.uniform(-0.1, 0.1, (out_channels, in_channels, *self.kernel_size))
        self.grad_weight = np.zeros(self.weight.shape)
        self.bias, self.grad_bias = None, None
        if bias:
            self.bias, self.grad_bias = np.zeros(out_channels), np.zeros(out_channels)

    def place(self, i, j, size):
        (sH, sW), (rows, columns) = self.stride, size
        return np.s_[:, :, i : i + sH * rows : sH, j : j + sW * columns : sW]

    def padded(self, x):
        (pH, pW), (B, C, H, W) = self.padding, x.shape
        padded = np.zeros((B, C, H + 2 * pH, W + 2 * pW), x.dtype)
        padded[:, :, pH : pH + H, pW : pW + W] = x
        return padded

    def compute_output(self, x):
        size = output_size(x, self.kernel_size, self.stride, self.padding, self.in_channels)
        padded = self.padded(x)
        y = np.zeros((len(x), self.out_channels, *size), x.dtype)
        for i in range(self.kernel_size[0]):
            for j in range(self.kernel_size[1]):
                seen = padded[self.place(i, j, size)].reshape(len(x), self.in_channels, -1)
                y += (self.weight[:, :, i, j] @ seen).reshape(y.shape)
        if self.bias is not None:
            y += self.bias.reshape(1, -1, 1, 1)
        return y

    def compute_grad_input(self, x, grad_output):
        (pH, pW), size = self.padding, grad_output.shape[2:]
        grad = np.zeros_like(self.padded(x))
        g = grad_output.reshape(len(x), self.out_channels, -1)
        for i in range(self.kernel_size[0]):
            for j in range(self.kernel_size[1]):
                share = self.weight[:, :, i, j].T @ g
                grad[self.place(i, j, size)] += share.reshape(len(x), self.in_channels, *size)
        return grad[:, :, pH : grad.shape[2] - pH, pW : grad.shape[3] - pW]

    def update_grad_parameters(self, x, grad_output):
        size, padded = grad_output.shape[2:], self.padded(x)
        g = grad_output.reshape(len(x), self.out_channels, -1)
        for i in range(self.kernel_size[0]):
            for j in range(self.kernel_size[1]):
                seen = padded[self.place(i, j, size)].reshape(len(x), self.in_channels, -1)
                self.grad_weight[:, :, i, j] += (g @ seen.transpose(0, 2, 1)).sum(axis=0)
        if self.bias is not None:
            self.grad_bias += grad_output.sum(axis=(0, 2, 3))
