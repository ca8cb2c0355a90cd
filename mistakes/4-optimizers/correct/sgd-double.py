class SGD(Optimizer):
    """Computes in float64 whatever the parameter has, and writes through a flat view."""

    def __init__(self, module, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
        super().__init__(module, lr)
        if nesterov and (momentum == 0 or dampening != 0):
            raise ValueError("no such thing")
        self.how = momentum, dampening, weight_decay, nesterov

    def step(self):
        momentum, dampening, decay, nesterov = self.how
        for i, p in enumerate(self.module.parameters()):
            g = self.module.parameters_grad()[i].astype(np.float64) + decay * p.astype(np.float64)
            before = self.state.get(i)
            v = g if before is None else momentum * before + (1 - dampening) * g
            self.state[i] = v if momentum else None
            p.flat = (p - self.lr * (g + momentum * v if nesterov else v if momentum else g)).flat
