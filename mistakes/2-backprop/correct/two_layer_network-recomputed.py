class Linear:
    def __init__(self, n_in, n_out):
        bound = 1 / np.sqrt(n_in)
        self.W = np.random.uniform(-bound, bound, (n_out, n_in))
        self.grad_W = np.zeros_like(self.W)

    def forward(self, x):
        return linear_forward(x, self.W)

    def backward(self, x, grad_output):
        self.grad_W = linear_grad_weight(x, self.W, grad_output)
        return linear_grad_input(x, self.W, grad_output)


class Sigmoid:
    def forward(self, x):
        return sigmoid(x)

    def backward(self, x, grad_output):
        return sigmoid_grad(x, grad_output)


class TwoLayerNetwork:
    """Nothing kept: backward goes forwards again to find the inputs of the layers."""

    def __init__(self, first, activation, second):
        self.first = first
        self.activation = activation
        self.second = second

    def forward(self, x):
        return self.second.forward(self.activation.forward(self.first.forward(x)))

    def backward(self, x, grad_output):
        z = self.first.forward(x)
        h = self.activation.forward(z)
        return self.first.backward(
            x, self.activation.backward(z, self.second.backward(h, grad_output))
        )
