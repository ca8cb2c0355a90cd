class SGD(Optimizer):
    """Knows the first step by a count of its own, and keys its state by the place of the array."""

    def __init__(self, module, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
        if nesterov and not (momentum and dampening == 0):
            raise ValueError("Nesterov needs a momentum")
        super().__init__(module, lr)
        self.momentum, self.nesterov = momentum, nesterov
        self.dampening, self.weight_decay = dampening, weight_decay
        self.count = 0

    def step(self):
        share = 1 if self.count == 0 else 1 - self.dampening
        self.count += 1
        for place, (theta, g) in enumerate(
            zip(self.module.parameters(), self.module.parameters_grad())
        ):
            g = g + self.weight_decay * theta
            v = self.momentum * self.state.get(("v", place), 0) + share * g
            self.state["v", place] = v
            u = g + self.momentum * v if self.nesterov else v if self.momentum else g
            np.subtract(theta, self.lr * u, out=theta)
