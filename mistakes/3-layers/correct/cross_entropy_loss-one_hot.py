from scipy import special


class CrossEntropyLoss(Criterion):
    def compute_output(self, prediction, target):
        self.one_hot = np.eye(prediction.shape[1], dtype=prediction.dtype)[target]
        log_p = special.log_softmax(prediction, axis=1)
        return float(-(self.one_hot * log_p).sum() / prediction.shape[0])

    def compute_grad_input(self, prediction, target):
        return (special.softmax(prediction, axis=1) - self.one_hot) / prediction.shape[0]
