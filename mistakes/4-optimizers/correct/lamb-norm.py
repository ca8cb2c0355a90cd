class Lamb(Optimizer):
    """Lengths by numpy.linalg.norm."""

    def __init__(self, module, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
        super().__init__(module, lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay

    def step(self):
        b1, b2 = self.betas
        for i, (p, g) in enumerate(zip(self.module.parameters(), self.module.parameters_grad())):
            m, v = self.state.get(i, (0, 0))
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
            self.state[i] = m, v
            u = m / (np.sqrt(v) + self.eps)
            if self.weight_decay:
                u = u + self.weight_decay * p
            lengths = min(np.linalg.norm(p.ravel()), 10.0), np.linalg.norm(u.ravel())
            ratio = 1.0 if 0 in lengths else lengths[0] / (lengths[1] + self.eps)
            np.add(p, -self.lr * ratio * u, out=p)
