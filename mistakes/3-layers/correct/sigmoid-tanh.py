class Sigmoid(Module):
    def compute_output(self, x):
        return 0.5 * (1 + np.tanh(0.5 * x))

    def compute_grad_input(self, x, grad_output):
        return grad_output * self.output * (1 - self.output)
