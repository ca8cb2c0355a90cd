class SGD(Optimizer):
    """Keeps its velocities in a list that it makes at the first step."""

    def __init__(self, module, lr=1e-2, momentum=0.0, weight_decay=0.0):
        super().__init__(module, lr)
        self.momentum, self.weight_decay = momentum, weight_decay

    def step(self):
        grads = [
            grad + self.weight_decay * parameter if self.weight_decay else grad.copy()
            for parameter, grad in zip(self.module.parameters(), self.module.parameters_grad())
        ]
        if self.momentum:
            if "velocity" in self.state:
                old = self.state["velocity"]
                grads = [self.momentum * v + g for v, g in zip(old, grads)]
            self.state["velocity"] = grads
        for i in range(len(grads)):
            self.module.parameters()[i][...] -= self.lr * grads[i]
