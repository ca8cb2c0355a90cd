class MSELoss(Criterion):
    def compute_output(self, prediction, target):
        difference = (prediction - target).ravel()
        return np.dot(difference, difference) / difference.size

    def compute_grad_input(self, prediction, target):
        grad = prediction - target
        grad *= 2 / grad.size
        return grad
