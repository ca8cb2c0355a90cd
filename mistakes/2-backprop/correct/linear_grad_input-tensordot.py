def linear_grad_input(x, W, grad_output):
    grad = np.zeros_like(x)
    grad += np.tensordot(grad_output, W, axes=1)
    return grad
