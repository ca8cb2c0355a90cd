class DilatedConv2d(Module):
    """Group by group, offset by offset."""

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
    ):
        super().__init__()
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"{groups} groups do not fit")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.stride = pair(stride, "stride")
        self.padding = pair(padding, "padding", least=0)
        self.dilation = pair(dilation, "dilation")
        self.weight = np.random.randn(out_channels, in_channels // groups, *self.kernel_size)
        self.bias = np.random.randn(out_channels) if bias else None
        self.grad_weight = np.zeros_like(self.weight)
        self.grad_bias = np.zeros_like(self.bias) if bias else None

    def pieces(self, size):
        """For each group and offset: (its outputs, where its inputs are, i, j)"""
        ins, outs = self.in_channels // self.groups, self.out_channels // self.groups
        (sH, sW), (dH, dW), (rows, columns) = self.stride, self.dilation, size
        for n in range(self.groups):
            for i, j in np.ndindex(*self.kernel_size):
                down = slice(i * dH, i * dH + sH * rows, sH)
                across = slice(j * dW, j * dW + sW * columns, sW)
                mine = slice(n * outs, (n + 1) * outs)
                yield mine, (slice(None), slice(n * ins, (n + 1) * ins), down, across), i, j

    def padded(self, x):
        pH, pW = self.padding
        return np.pad(x, ((0, 0), (0, 0), (pH, pH), (pW, pW)))

    def compute_output(self, x):
        reach = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel_size)]
        size = output_size(x, tuple(reach), self.stride, self.padding, self.in_channels)
        y, padded = np.zeros((len(x), self.out_channels, *size), x.dtype), self.padded(x)
        for mine, seen, i, j in self.pieces(size):
            y[:, mine] += np.einsum("oc,bchw->bohw", self.weight[mine, :, i, j], padded[seen])
        return y if self.bias is None else y + self.bias[:, None, None]

    def compute_grad_input(self, x, grad_output):
        grad = np.zeros_like(self.padded(x))
        for mine, seen, i, j in self.pieces(grad_output.shape[2:]):
            grad[seen] += np.einsum(
                "oc,bohw->bchw", self.weight[mine, :, i, j], grad_output[:, mine]
            )
        (pH, pW), (H, W) = self.padding, x.shape[2:]
        return grad[:, :, pH : pH + H, pW : pW + W]

    def update_grad_parameters(self, x, grad_output):
        padded = self.padded(x)
        for mine, seen, i, j in self.pieces(grad_output.shape[2:]):
            self.grad_weight[mine, :, i, j] += np.einsum(
                "bohw,bchw->oc", grad_output[:, mine], padded[seen]
            )
        if self.bias is not None:
            self.grad_bias += grad_output.sum(axis=(0, 2, 3))
