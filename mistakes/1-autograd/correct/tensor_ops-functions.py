def add(a, b):
    return torch.add(a, b)


def subtract(a, b):
    return torch.sub(a, b)


def multiply(a, b):
    return torch.mul(a, b)


def matmul(a, b):
    return torch.matmul(a, b)


def ones(rows, columns):
    return torch.zeros(size=(rows, columns)).fill_(1)


def reshape(t, rows, columns):
    return t.reshape((rows, columns))


def to_float64(t):
    return t.double()
