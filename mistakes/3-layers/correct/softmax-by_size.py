class Softmax(Module):
    """In place on large arrays, in one line on small ones."""

    def compute_output(self, x):
        if x.size < 200:
            exps = np.exp(x - x.max(axis=-1, keepdims=True))
            return exps / exps.sum(axis=-1, keepdims=True)
        y = np.array(x)
        y -= y.max(axis=-1, keepdims=True)
        np.exp(y, out=y)
        total = y.sum(axis=-1)
        y /= total[..., None]
        return y

    def compute_grad_input(self, x, grad_output):
        y = self.output
        dot = np.einsum("...i,...i,->...", grad_output, y, np.ones((), y.dtype), optimize=True)
        return y * (grad_output - dot[..., None])
