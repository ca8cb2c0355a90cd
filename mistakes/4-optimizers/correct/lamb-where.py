class Lamb(Optimizer):
    """The trust ratio by np.linalg.norm and np.where."""

    def __init__(self, module, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
        super().__init__(module, lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self.m = [np.zeros_like(p) for p in module.parameters()]
        self.v = [np.zeros_like(p) for p in module.parameters()]

    def step(self):
        (b1, b2), grads = self.betas, self.module.parameters_grad()
        for p, g, m, v in zip(self.module.parameters(), grads, self.m, self.v, strict=True):
            m[...] = b1 * m + (1 - b1) * g
            v[...] = b2 * v + (1 - b2) * g * g
            update = m / (np.sqrt(v) + self.eps) + self.weight_decay * p
            size, length = np.linalg.norm(p), np.linalg.norm(update)
            both = size > 0 and length > 0
            ratio = np.clip(size, 0, 10) / (length + self.eps) if both else 1.0
            p -= self.lr * ratio * update
