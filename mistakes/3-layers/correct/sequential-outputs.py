class Sequential(Module):
    """Takes the inputs of the modules from the outputs that they keep."""

    def __init__(self, *modules):
        super().__init__()
        self.modules = list(modules)

    def compute_output(self, x):
        current = x
        for module in self.modules:
            current = module(current)
        return current

    def backward(self, x, grad_output):
        for i in range(len(self.modules) - 1, -1, -1):
            entered = self.modules[i - 1].output if i > 0 else x
            grad_output = self.modules[i].backward(entered, grad_output)
        return grad_output

    def parameters(self):
        collected = []
        for module in self.modules:
            collected += module.parameters()
        return collected

    def parameters_grad(self):
        return sum((module.parameters_grad() for module in self.modules), [])

    def zero_grad(self):
        for module in self.modules:
            module.zero_grad()

    def train(self):
        self.training = True
        for module in self.modules:
            module.train()
        return self

    def eval(self):
        self.training = False
        for module in self.modules:
            module.eval()
        return self
