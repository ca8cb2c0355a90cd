class MSELoss(Criterion):
    """Returns a NumPy number and keeps the difference."""

    def compute_output(self, prediction, target):
        self.difference = np.subtract(prediction, target)
        return np.mean(np.square(self.difference))

    def compute_grad_input(self, prediction, target):
        return self.difference * (2.0 / self.difference.size)
