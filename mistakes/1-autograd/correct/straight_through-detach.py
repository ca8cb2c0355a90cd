class BernoulliGate(torch.autograd.Function):
    """Not needed: what is detached has no derivative, and the rest is p."""


def gate(p):
    sample = torch.distributions.Bernoulli(p.detach()).sample()
    return p + (sample - p).detach()
