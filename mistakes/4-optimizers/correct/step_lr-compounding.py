class StepLR(Scheduler):
    """Falls from the rate of now, whenever step_size steps are over."""

    def __init__(self, optimizer, step_size, gamma=0.1):
        super().__init__(optimizer)
        self.step_size, self.gamma = step_size, gamma

    def get_lr(self):
        if self.last_epoch % self.step_size:
            return self.optimizer.lr
        return self.optimizer.lr * self.gamma
