class NAdam(Optimizer):
    """Every factor of the product is rounded to float32, too."""

    def __init__(
        self, module, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, momentum_decay=4e-3
    ):
        super().__init__(module, lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self.momentum_decay = momentum_decay
        self.t, self.product = 0, np.float32(1)

    def step(self):
        b1, b2 = self.betas
        self.t += 1
        mu, after = (
            b1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay)) for t in (self.t, self.t + 1)
        )
        self.product *= np.float32(mu)
        for i, (p, g) in enumerate(zip(self.module.parameters(), self.module.parameters_grad())):
            g = g + self.weight_decay * p
            m, v = self.state.get(i, (0, 0))
            m, v = self.state[i] = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
            step = after * m / (1 - self.product * after) + (1 - mu) * g / (1 - self.product)
            p -= self.lr * step / (np.sqrt(v / (1 - b2**self.t)) + self.eps)
