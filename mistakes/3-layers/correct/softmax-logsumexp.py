from scipy.special import logsumexp


class Softmax(Module):
    def compute_output(self, x):
        return np.exp(x - logsumexp(x, axis=-1, keepdims=True))

    def compute_grad_input(self, x, grad_output):
        weighted = grad_output * self.output
        return weighted - self.output * weighted.sum(-1, keepdims=True)
