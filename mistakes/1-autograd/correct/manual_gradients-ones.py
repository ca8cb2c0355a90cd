def manual_gradients(x, y, w1, b1, w2, b2):
    h = torch.relu(torch.addmm(b1, x, w1))
    delta = (torch.addmm(b2, h, w2) - y) * 2
    back = torch.where(h > 0, delta.matmul(w2.t()), 0.0)
    ones = torch.ones(1, len(x), dtype=x.dtype, requires_grad=False)
    return x.t().mm(back), (ones @ back)[0], h.t().mm(delta), (ones @ delta).view(-1)
