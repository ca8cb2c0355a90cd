from torch.optim import SGD


def loss_of(x, y, w1, b1, w2, b2):
    return ((torch.relu(x @ w1 + b1) @ w2 + b2 - y) ** 2).sum()


def train_autograd(x, y, w1, b1, w2, b2, lr, steps):
    losses = torch.zeros(steps)
    history = []
    params = (w1, b1, w2, b2)
    for p in params:
        p.requires_grad = True
    for step in range(steps):
        for p in params:
            if p.grad is not None:
                p.grad.zero_()
        loss = loss_of(x, y, *params)
        loss.backward()
        for p in params:
            p.data -= lr * p.grad
        history.append(loss)
    return history


def train_optim(x, y, w1, b1, w2, b2, lr, steps):
    for p in (w1, b1, w2, b2):
        p.requires_grad_(True)
    optimizer = SGD([{"params": [w1, w2]}, {"params": [b1, b2]}], lr=lr, foreach=False)
    history = []

    def closure():
        optimizer.zero_grad(set_to_none=False)
        loss = loss_of(x, y, w1, b1, w2, b2)
        loss.backward()
        return loss

    for _ in range(steps):
        history.append(optimizer.step(closure).item())
    return history
