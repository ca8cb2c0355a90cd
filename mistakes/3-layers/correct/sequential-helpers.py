class Sequential(Module):
    """One helper gathers the lists, one switches the modes; the inputs are a stack."""

    def __init__(self, *modules: Module):
        super().__init__()
        self.modules = list(modules)

    def compute_output(self, x):
        self.within = [x]
        for number, module in enumerate(self.modules):
            self.within += [module(self.within[number])]
        return self.within.pop()

    def compute_grad_input(self, x, grad_output):
        left = list(self.within)
        for module in self.modules[::-1]:
            grad_output = module.backward(left.pop(), grad_output)
        return grad_output

    def gathered(self, method):
        for module in self.modules:
            yield from getattr(module, method)()

    def parameters(self):
        return [*self.gathered("parameters")]

    def parameters_grad(self):
        return [*self.gathered("parameters_grad")]

    def switched(self, mode):
        self.training = mode == "train"
        for module in self.modules:
            getattr(module, mode)()
        return self

    def train(self):
        return self.switched("train")

    def eval(self):
        return self.switched("eval")
