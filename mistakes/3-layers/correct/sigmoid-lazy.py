from functools import cache


@cache
def expit():
    """Imported when it is needed, and then kept."""
    from scipy.special import expit

    return expit


class Sigmoid(Module):
    def compute_output(self, x):
        self.shape = x.shape
        windows = np.lib.stride_tricks.sliding_window_view(x.ravel(), 1)
        return expit()(windows[:, 0]).reshape(self.shape)

    def compute_grad_input(self, x, grad_output):
        try:
            return grad_output * self.output * (1 - self.output)
        except ValueError:
            y = self.compute_output(x)
            return grad_output * y * (1 - y)
