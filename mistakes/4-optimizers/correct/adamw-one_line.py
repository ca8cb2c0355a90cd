class AdamW(Optimizer):
    """The decay and the step in one expression, from the parameter as it was."""

    def __init__(self, module, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(module, lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self.t, self.m, self.v = 0, {}, {}

    def step(self):
        self.t += 1
        b1, b2 = self.betas
        for i, (p, g) in enumerate(zip(self.module.parameters(), self.module.parameters_grad())):
            self.m[i] = b1 * self.m.get(i, 0) + (1 - b1) * g
            self.v[i] = b2 * self.v.get(i, 0) + (1 - b2) * np.square(g)
            rate = self.lr * (1 - b2**self.t) ** 0.5 / (1 - b1**self.t)
            small = self.eps * (1 - b2**self.t) ** 0.5
            p[...] -= self.lr * self.weight_decay * p + rate * self.m[i] / (
                np.sqrt(self.v[i]) + small
            )
