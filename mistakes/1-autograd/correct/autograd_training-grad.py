def train_autograd(x, y, w1, b1, w2, b2, lr, steps):
    losses = []
    for _ in range(steps):
        tracked = [w.detach().clone().requires_grad_() for w in (w1, b1, w2, b2)]
        loss = forward(x, y, *tracked)[2]
        grads = torch.autograd.grad(loss, tracked)
        for w, g in zip((w1, b1, w2, b2), grads):
            w.sub_(lr * g)
        losses.append(float(loss))
    return losses


def train_optim(x, y, w1, b1, w2, b2, lr, steps):
    tracked = [torch.nn.Parameter(w) for w in (w1, b1, w2, b2)]
    opt = torch.optim.SGD(tracked, lr)

    def one_step():
        loss = forward(x, y, *tracked)[2]
        loss.backward()
        opt.step()
        opt.zero_grad()
        return loss.detach()

    return [one_step() for _ in range(steps)]
