class NAdam(Optimizer):
    """Keeps the product in float32, as PyTorch does, and apart for every parameter."""

    def __init__(
        self, module, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, momentum_decay=4e-3
    ):
        super().__init__(module, lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self.momentum_decay = momentum_decay

    def step(self):
        b1, b2 = self.betas
        for i, (p, g) in enumerate(zip(self.module.parameters(), self.module.parameters_grad())):
            own = self.state.setdefault(i, dict(t=0, product=np.float32(1), m=0.0, v=0.0))
            own["t"] += 1
            t = own["t"]
            now, after = (b1 * (1 - 0.5 * 0.96 ** (s * self.momentum_decay)) for s in (t, t + 1))
            own["product"] = np.float32(own["product"] * now)
            product = float(own["product"])
            if self.weight_decay:
                g = g + self.weight_decay * p
            own["m"] = b1 * own["m"] + (1 - b1) * g
            own["v"] = b2 * own["v"] + (1 - b2) * g**2
            root = np.sqrt(own["v"] / (1 - b2**t)) + self.eps
            p -= self.lr * (1 - now) / (1 - product) * g / root
            p -= self.lr * after / (1 - product * after) * own["m"] / root
