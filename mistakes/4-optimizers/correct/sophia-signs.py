class Sophia(Optimizer):
    """The sign of m times a length of at most rho; two states under keys of their own."""

    def __init__(self, module, lr=6e-2, betas=(0.96, 0.99), rho=1e-2, eps=1e-12, weight_decay=0.0):
        super().__init__(module, lr)
        self.betas, self.rho, self.eps, self.weight_decay = betas, rho, eps, weight_decay

    def update_hessian(self, batch_size):
        b2 = self.betas[1]
        for i, g in enumerate(self.module.parameters_grad()):
            old = self.state.get(("h", i), np.zeros_like(g))
            self.state["h", i] = b2 * old + (1 - b2) * batch_size * g * g

    def step(self):
        b1 = self.betas[0]
        for i, (p, g) in enumerate(zip(self.module.parameters(), self.module.parameters_grad())):
            m = self.state["m", i] = b1 * self.state.get(("m", i), 0) + (1 - b1) * g
            h = self.state.get(("h", i), np.zeros_like(g))
            length = np.minimum(np.abs(m) / np.maximum(h, self.eps), self.rho)
            p -= self.lr * (self.weight_decay * p + np.sign(m) * length)
