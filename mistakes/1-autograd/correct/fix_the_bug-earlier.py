def mended_step(x, y, w1, b1, w2, b2, lr):
    """With the functions of the earlier tasks."""
    _, _, loss = forward(x, y, w1, b1, w2, b2)
    gradients = manual_gradients(x, y, w1, b1, w2, b2)
    with torch.no_grad():
        for parameter, gradient in zip((w1, b1, w2, b2), gradients):
            parameter.add_(gradient, alpha=-lr)
    return loss.item()
