class BernoulliGate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, p):
        return torch.bernoulli(p)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.clone()


def gate(p):
    return BernoulliGate.apply(p)
