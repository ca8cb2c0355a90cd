class BernoulliGate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, p):
        u = torch.rand(p.shape, dtype=torch.float64)
        return torch.where(u <= p, torch.ones_like(p), torch.zeros_like(p))

    @staticmethod
    def backward(ctx, *grads):
        return grads[0] * 1.0


def gate(p):
    return BernoulliGate.apply(p)
