class Lion(Optimizer):
    """State made with the optimizer; the decay in one expression with the step."""

    def __init__(self, module, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(module, lr)
        self.betas, self.weight_decay = betas, weight_decay
        self.m = [np.zeros_like(p) for p in module.parameters()]

    def step(self):
        b1, b2 = self.betas
        pairs = zip(self.module.parameters(), self.module.parameters_grad(), self.m)
        for p, g, m in pairs:
            c = m + (1 - b1) * (g - m)
            p -= self.lr * (np.sign(c) + self.weight_decay * p)
            m[...] = b2 * m + (1 - b2) * g
