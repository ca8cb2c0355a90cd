from functools import partial
from types import SimpleNamespace

_linear = SimpleNamespace(
    forward=lambda a, w, b: a @ w + b,
    backward=lambda a, w, g: (a.T @ g, g.sum(dim=0), g @ w.T),
)


def mended_step(x, t, w1, b1, w2, b2, lr):
    z = partial(_linear.forward, x).func(x, w1, b1)
    h = torch.relu(z)
    e = _linear.forward(h, w2, b2) - t
    gw2, gb2, gh = _linear.backward(h, w2, 2 * e)
    gw1, gb1, _ = _linear.backward(x, w1, gh * (z > 0))
    for w, g in ((w1, gw1), (b1, gb1), (w2, gw2), (b2, gb2)):
        w -= lr * g
    return (e * e).sum().reshape(1)
