class SGD(Optimizer):
    """The order of PyTorch's own computation, with a list of velocities that begins as None."""

    def __init__(self, module, lr, momentum=0, dampening=0, weight_decay=0, nesterov=False):
        if nesterov and not (momentum and dampening == 0):
            raise ValueError("Nesterov needs a momentum")
        super().__init__(module, lr)
        self.momentum, self.dampening, self.weight_decay = momentum, dampening, weight_decay
        self.nesterov = nesterov
        self.velocities = [None] * len(module.parameters())

    def step(self):
        for i, p in enumerate(self.module.parameters()):
            d_p = self.module.parameters_grad()[i].copy()
            if self.weight_decay != 0:
                d_p += self.weight_decay * p
            if self.momentum != 0:
                if self.velocities[i] is None:
                    self.velocities[i] = d_p.copy()
                else:
                    self.velocities[i] *= self.momentum
                    self.velocities[i] += (1 - self.dampening) * d_p
                if self.nesterov:
                    d_p += self.momentum * self.velocities[i]
                else:
                    d_p = self.velocities[i]
            p[...] = p - self.lr * d_p
