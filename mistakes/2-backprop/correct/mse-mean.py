def mse(prediction, target):
    """A loss for each sample, then their mean."""
    per_sample = np.square(target - prediction).sum(axis=1)
    return per_sample.mean()


def mse_grad(prediction, target):
    batch, _ = prediction.shape
    return -2.0 / batch * (target - prediction)
