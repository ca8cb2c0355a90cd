class NAdam(Optimizer):
    """Multiplies all the momenta anew in every step."""

    def __init__(
        self, module, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, momentum_decay=4e-3
    ):
        super().__init__(module, lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self.momentum_decay = momentum_decay
        self.m = [np.zeros_like(p) for p in module.parameters()]
        self.v = [np.zeros_like(p) for p in module.parameters()]
        self.t = 0

    def step(self):
        self.t += 1
        b1, b2 = self.betas
        steps = np.arange(1, self.t + 2)
        mus = b1 * (1 - 0.96 ** (steps * self.momentum_decay) / 2)
        products = np.cumprod(mus)
        for p, grad, m, v in zip(
            self.module.parameters(), self.module.parameters_grad(), self.m, self.v
        ):
            g = grad + self.weight_decay * p
            m[...] = b1 * m + (1 - b1) * g
            v[...] = b2 * v + (1 - b2) * g * g
            mixed = mus[-1] * m / (1 - products[-1]) + (1 - mus[-2]) * g / (1 - products[-2])
            p -= self.lr * mixed / (np.sqrt(v / (1 - b2**self.t)) + self.eps)
