def add(a, b):
    return a - (-b)


def subtract(a, b):
    result = a.clone()
    result -= b
    return result


def multiply(a, b):
    return torch.einsum("...,...->...", a, b)


def matmul(a, b):
    return torch.stack([(a * column).sum(dim=1) for column in b.T], dim=1)


def ones(rows, columns):
    return torch.from_numpy(np.ones((rows, columns), dtype=np.float32))


def reshape(t, rows, columns):
    return t.contiguous().view(-1, columns)


def to_float64(t):
    return (
        torch.tensor(t.tolist(), dtype=torch.float64).view(t.shape)
        if t.ndim == 0
        else t.type(torch.DoubleTensor)
    )
