class BatchNorm2d(BatchNormalization):
    """BatchNormalization of every channel over all images and all places: (B, C, H, W).

    The constructor, running_mean, running_var, weight and bias are those of BatchNormalization.
    """

    def compute_output(self, x):
        """(B, C, H, W) -> (B, C, H, W)"""
        return self.images(super().compute_output(self.rows(x)), x.shape)

    def rows(self, x):
        """One row for every place of every image: (B, C, H, W) -> (B * H * W, C)"""
        return x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])

    def images(self, rows, shape):
        """The way back: (B * H * W, C) -> (B, C, H, W)"""
        B, C, H, W = shape
        return rows.reshape(B, H, W, C).transpose(0, 3, 1, 2)

    def compute_grad_input(self, x, grad_output):
        """dl/dx: (B, C, H, W) -> (B, C, H, W), in train mode and in eval mode"""
        grad = super().compute_grad_input(self.rows(x), self.rows(grad_output))
        return self.images(grad, x.shape)

    def update_grad_parameters(self, x, grad_output):
        """Add dl/dweight to grad_weight and dl/dbias to grad_bias, unless affine is False."""
        super().update_grad_parameters(self.rows(x), self.rows(grad_output))
