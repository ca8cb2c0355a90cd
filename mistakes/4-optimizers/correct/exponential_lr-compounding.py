class ExponentialLR(Scheduler):
    """Goes on from the rate that the optimizer has now."""

    def __init__(self, optimizer, gamma):
        super().__init__(optimizer)
        self.gamma = gamma

    def get_lr(self):
        return self.optimizer.lr * self.gamma
