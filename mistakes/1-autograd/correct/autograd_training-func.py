def train_autograd(x, y, w1, b1, w2, b2, lr, steps):
    def loss_of(*weights):
        return ((torch.relu(x @ weights[0] + weights[1]) @ weights[2] + weights[3] - y) ** 2).sum()

    losses = []
    weights = (w1, b1, w2, b2)
    for _ in range(steps):
        slopes, loss = torch.func.grad_and_value(loss_of, argnums=(0, 1, 2, 3))(*weights)
        losses.append(loss.item())
        with torch.no_grad():
            for weight, slope in zip(weights, slopes):
                weight.copy_(weight - lr * slope)
    return losses


def train_optim(x, y, w1, b1, w2, b2, lr, steps):
    losses = []
    weights = (w1, b1, w2, b2)
    for w in weights:
        w.requires_grad_()
        w.grad = None
    for _ in range(steps):
        optimizer = torch.optim.SGD(weights, lr=lr, momentum=0.0)
        loss = ((torch.relu(x @ w1 + b1) @ w2 + b2 - y) ** 2).sum()
        losses.append(loss.item())
        for w, g in zip(weights, torch.autograd.grad(loss, weights)):
            w.grad = g
        optimizer.step()
    return losses
