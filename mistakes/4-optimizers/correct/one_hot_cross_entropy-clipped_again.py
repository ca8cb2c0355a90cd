class OneHotCrossEntropy(Criterion):
    """The clip in both: where it holds, the gradient still pushes the probability up."""

    def compute_output(self, prediction, target):
        return -(target * np.log(np.maximum(prediction, 1e-9))).sum() / len(target)

    def compute_grad_input(self, prediction, target):
        return -target / np.maximum(prediction, 1e-9) / len(target)
