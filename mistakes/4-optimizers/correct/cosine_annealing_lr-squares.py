import math


class CosineAnnealingLR(Scheduler):
    """The square of a cosine of half the angle."""

    def __init__(self, optimizer, T_max, eta_min=0.0):
        super().__init__(optimizer)
        self.T_max, self.eta_min = T_max, eta_min

    def get_lr(self):
        share = math.cos(math.pi * self.last_epoch / (2 * self.T_max)) ** 2
        return share * self.base_lr + (1 - share) * self.eta_min
