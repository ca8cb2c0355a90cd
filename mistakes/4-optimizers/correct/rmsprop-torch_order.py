class RMSprop(Optimizer):
    """The order of PyTorch's own computation; state only where it is needed."""

    def __init__(
        self, module, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False
    ):
        super().__init__(module, lr)
        self.alpha, self.eps, self.weight_decay = alpha, eps, weight_decay
        self.momentum, self.centered = momentum, centered

    def step(self):
        for i, (p, g) in enumerate(zip(self.module.parameters(), self.module.parameters_grad())):
            own = self.state.setdefault(i, {"square": np.zeros_like(p)})
            if self.weight_decay:
                g = g + p * self.weight_decay
            own["square"] = self.alpha * own["square"] + (1 - self.alpha) * g * g
            variance = own["square"]
            if self.centered:
                own["mean"] = self.alpha * own.get("mean", 0) + (1 - self.alpha) * g
                variance = variance - own["mean"] ** 2
            step = g / (variance**0.5 + self.eps)
            if self.momentum > 0:
                step = own["buffer"] = self.momentum * own.get("buffer", 0) + step
            p -= self.lr * step
