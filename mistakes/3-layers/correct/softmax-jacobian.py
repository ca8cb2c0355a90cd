class Softmax(Module):
    """Multiplies by the whole Jacobian, sample by sample in one product."""

    def compute_output(self, x):
        shifted = x - np.max(x, axis=-1)[..., np.newaxis]
        exps = np.exp(shifted)
        return exps / np.sum(exps, axis=-1)[..., None]

    def compute_grad_input(self, x, grad_output):
        y = self.output
        jacobian = y[..., :, None] * (np.eye(y.shape[-1], dtype=y.dtype) - y[..., None, :])
        return np.einsum("...i,...ij->...j", grad_output, jacobian)
