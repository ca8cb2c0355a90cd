class Adan(Optimizer):
    """Keeps its state in dictionaries of its own."""

    def __init__(self, module, lr=1e-3, betas=(0.98, 0.92, 0.99), eps=1e-8, weight_decay=0.0):
        super().__init__(module, lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self.t, self.m, self.d, self.n, self.old = 0, {}, {}, {}, {}

    def step(self):
        self.t += 1
        b1, b2, b3 = self.betas
        for i, (p, grad) in enumerate(zip(self.module.parameters(), self.module.parameters_grad())):
            change = grad - self.old.get(i, grad)
            self.old[i] = np.array(grad)
            self.m[i] = b1 * self.m.get(i, 0) + (1 - b1) * grad
            self.d[i] = b2 * self.d.get(i, 0) + (1 - b2) * change
            self.n[i] = b3 * self.n.get(i, 0) + (1 - b3) * np.square(grad + b2 * change)
            root = np.sqrt(self.n[i]) / np.sqrt(1 - b3**self.t) + self.eps
            step = self.m[i] / (1 - b1**self.t) / root
            step = step + b2 * self.d[i] / (1 - b2**self.t) / root
            p[...] = (p - self.lr * step) / (1 + self.lr * self.weight_decay)
