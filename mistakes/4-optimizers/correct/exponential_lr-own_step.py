class ExponentialLR(Scheduler):
    """Sets the rate itself, through logarithms."""

    def __init__(self, optimizer, gamma):
        super().__init__(optimizer)
        self.gamma = gamma

    def step(self):
        self.last_epoch += 1
        self.optimizer.lr = self.base_lr * np.exp(self.last_epoch * np.log(self.gamma))
