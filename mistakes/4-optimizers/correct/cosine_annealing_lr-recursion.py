class CosineAnnealingLR(Scheduler):
    """PyTorch's recursion, from the rate of the step before."""

    def __init__(self, optimizer, T_max, eta_min=0.0):
        super().__init__(optimizer)
        self.T_max, self.eta_min = T_max, eta_min

    def get_lr(self):
        t, T, low = self.last_epoch, self.T_max, self.eta_min
        if (t - 1 - T) % (2 * T) == 0:
            return self.optimizer.lr + (self.base_lr - low) * (1 - np.cos(np.pi / T)) / 2
        share = (1 + np.cos(np.pi * t / T)) / (1 + np.cos(np.pi * (t - 1) / T))
        return low + share * (self.optimizer.lr - low)
