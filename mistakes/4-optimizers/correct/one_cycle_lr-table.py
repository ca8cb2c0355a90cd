class OneCycleLR(Scheduler):
    """All rates worked out in advance."""

    def __init__(
        self,
        optimizer,
        max_lr,
        total_steps,
        pct_start=0.3,
        div_factor=25.0,
        final_div_factor=1e4,
    ):
        super().__init__(optimizer)
        t = np.arange(total_steps + 1)
        peak, end = total_steps * pct_start - 1, total_steps - 1
        low, lowest = max_lr / div_factor, max_lr / div_factor / final_div_factor
        up = low + (max_lr - low) * (1 - np.cos(np.pi * t / peak)) / 2
        down = lowest + (max_lr - lowest) * (1 + np.cos(np.pi * (t - peak) / (end - peak))) / 2
        self.rates = np.where(t <= peak, up, down)
        self.total_steps = total_steps
        optimizer.lr = float(self.rates[0])

    def get_lr(self):
        if self.last_epoch >= len(self.rates):
            raise ValueError("the schedule is over")
        return float(self.rates[self.last_epoch])
