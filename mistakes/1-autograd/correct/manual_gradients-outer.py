def manual_gradients(x, y, w1, b1, w2, b2):
    with torch.inference_mode():
        h, out, _ = network_of_mine(x, y, w1, b1, w2, b2)
        g = 2 * (out - y)
        grad_h = g @ w2.transpose(0, 1)
        grad_h[h <= 0] = 0
        grad_w1 = (x.unsqueeze(2) * grad_h.unsqueeze(1)).sum(0)
        grad_w2 = (h[:, :, None] * g[:, None, :]).sum(dim=0)
        return grad_w1, torch.sum(grad_h, 0), grad_w2, torch.sum(g, 0)


def network_of_mine(x, y, w1, b1, w2, b2):
    h = torch.relu(x @ w1 + b1)
    return h, h @ w2 + b2, None
