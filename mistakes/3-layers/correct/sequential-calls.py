class Sequential(Module):
    """Calls its modules and keeps what went in."""

    def __init__(self, *modules: Module):
        super().__init__()
        self.modules = list(modules)

    def compute_output(self, x):
        self.seen = [x]
        for module in self.modules:
            self.seen.append(module(self.seen[-1]))
        return self.seen[-1]

    def compute_grad_input(self, x, grad_output):
        for i in range(len(self.modules) - 1, -1, -1):
            grad_output = self.modules[i].backward(self.seen[i], grad_output)
        return grad_output

    def parameters(self):
        return sum((module.parameters() for module in self.modules), [])

    def parameters_grad(self):
        return sum((module.parameters_grad() for module in self.modules), [])

    def train(self):
        [module.train() for module in self.modules]
        self.training = True
        return self

    def eval(self):
        [module.eval() for module in self.modules]
        self.training = False
        return self
