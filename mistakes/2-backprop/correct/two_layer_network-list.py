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
    """A list of layers and of their inputs."""

    def __init__(self, first, activation, second):
        self.first, self.activation, self.second = first, activation, second
        self.layers = [first, activation, second]

    def forward(self, x):
        self.inputs = []
        for layer in self.layers:
            self.inputs.append(x)
            x = layer.forward(x)
        return x

    def backward(self, x, grad_output):
        for layer, given in zip(self.layers[::-1], self.inputs[::-1]):
            grad_output = layer.backward(given, grad_output)
        return grad_output
