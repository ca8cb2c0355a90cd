class Adam(Optimizer):
    """The order of PyTorch's own computation, with state made when the optimizer is."""

    def __init__(self, module, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(module, lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self.t = 0
        self.m = [0.0] * len(module.parameters())
        self.v = [0.0] * len(module.parameters())

    def step(self):
        self.t += 1
        b1, b2 = self.betas
        step_size = self.lr / (1 - b1**self.t)
        root = (1 - b2**self.t) ** 0.5
        for i, p in enumerate(self.module.parameters()):
            g = self.module.parameters_grad()[i]
            if self.weight_decay != 0:
                g = g + p * self.weight_decay
            self.m[i] = b1 * self.m[i] + (1 - b1) * g
            self.v[i] = b2 * self.v[i] + (1 - b2) * g * g
            np.subtract(p, step_size * self.m[i] / (np.sqrt(self.v[i]) / root + self.eps), out=p)
