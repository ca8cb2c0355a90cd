def mended_step(x, y, w1, b1, w2, b2, lr):
    sum_w1, sum_b1, sum_w2, sum_b2 = (torch.zeros_like(p) for p in (w1, b1, w2, b2))
    total = 0.0
    for sample, target in zip(x, y, strict=True):
        # forwards
        weighted = sample @ w1 + b1
        hidden = torch.relu(weighted)
        error = hidden @ w2 + b2 - target
        total += (error**2).sum()
        # backwards
        at_output = 2 * error
        at_hidden = torch.where(weighted > 0, w2 @ at_output, 0.0)
        sum_w1 += torch.outer(sample, at_hidden)
        sum_b1 += at_hidden
        sum_w2 += torch.outer(hidden, at_output)
        sum_b2 += at_output
    w1 -= lr * sum_w1
    b1 -= lr * sum_b1
    w2 -= lr * sum_w2
    b2 -= lr * sum_b2
    return total
