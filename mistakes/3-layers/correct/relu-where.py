class ReLU(Module):
    def compute_output(self, x):
        return np.where(x > 0, x, np.zeros_like(x))

    def compute_grad_input(self, x, grad_output):
        grad = grad_output.copy()
        grad[x <= 0] = 0
        return grad
