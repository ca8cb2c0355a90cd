def mse(prediction, target):
    """The squared length of the difference, as a float."""
    return float(np.linalg.norm(prediction - target) ** 2 / prediction.shape[0])


def mse_grad(prediction, target):
    difference = np.subtract(prediction, target)
    return np.true_divide(difference + difference, prediction.shape[0])
