class LogSoftmax(Module):
    def compute_output(self, x):
        self.total = np.logaddexp.reduce(x, axis=-1, keepdims=True)
        return x - self.total

    def compute_grad_input(self, x, grad_output):
        probabilities = np.exp(x - self.total)
        return grad_output - probabilities * np.sum(grad_output, axis=-1, keepdims=True)
