class AdamW(Adam):
    """The given Adam does the rest, once the parameters have decayed."""

    def __init__(self, module, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(module, lr, betas, eps)
        self.decay = weight_decay

    def step(self):
        for p in self.module.parameters():
            p -= self.lr * self.decay * p
        super().step()
