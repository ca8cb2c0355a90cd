class OneCycleLR(Scheduler):
    """The share of the way by interpolation, bent by a cosine."""

    def __init__(
        self, optimizer, max_lr, total_steps, pct_start=0.3, div_factor=25, final_div_factor=1e4
    ):
        super().__init__(optimizer)
        self.max_lr, self.total_steps, self.pct_start = max_lr, total_steps, pct_start
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        self.optimizer.lr = max_lr / div_factor

    def get_lr(self):
        t, total = self.last_epoch, self.total_steps
        if t > total:
            raise ValueError(f"there are only {total} steps")
        stops = [0, self.pct_start * total - 1, total - 1]
        first = self.max_lr / self.div_factor
        levels = [first, self.max_lr, first / self.final_div_factor]
        leg = 0 if t <= stops[1] else 1
        share = (t - stops[leg]) / (stops[leg + 1] - stops[leg])
        bent = (1 - np.cos(np.pi * share)) / 2
        return (1 - bent) * levels[leg] + bent * levels[leg + 1]
