class _Layer:
    def __init__(self, w, b):
        self.w, self.b = w, b

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, g):
        self.grads = self.x.T @ g, g.sum(0)
        return g @ self.w.T


def mended_step(x, t, w1, b1, w2, b2, lr):
    one, two = _Layer(w1, b1), _Layer(w2, b2)
    z = one.forward(x)
    e = two.forward(z.clamp(min=0)) - t
    one.backward(two.backward(2 * e) * (z > 0))
    for layer in (one, two):
        layer.w -= lr * layer.grads[0]
        layer.b -= lr * layer.grads[1]
    return float((e * e).sum())
