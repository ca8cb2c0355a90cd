def linear_grad_weight(x, W, grad_output):
    """What is at stake in each sample, summed over the samples."""
    return (grad_output[:, :, np.newaxis] * x[:, np.newaxis, :]).sum(axis=0)
