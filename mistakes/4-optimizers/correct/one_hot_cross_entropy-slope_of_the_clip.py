class OneHotCrossEntropy(Criterion):
    """A gradient of 0 where the clip is flat; probabilities clipped on both sides."""

    def compute_output(self, prediction, target):
        return float(np.mean(-(target * np.log(np.clip(prediction, 1e-9, 1.0))).sum(axis=1)))

    def compute_grad_input(self, prediction, target):
        inside = prediction > 1e-9
        return -target * inside / np.where(inside, prediction, 1) / prediction.shape[0]
