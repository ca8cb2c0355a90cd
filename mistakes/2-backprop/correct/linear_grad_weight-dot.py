def linear_grad_weight(x, W, grad_output):
    """The product the other way round, turned."""
    return x.T.dot(grad_output).T
