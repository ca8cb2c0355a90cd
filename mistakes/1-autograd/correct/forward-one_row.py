def forward(x, t, w1, b1, w2, b2):
    h = torch.relu(x @ w1 + b1)
    y = h @ w2 + b2
    errors = (y - t).reshape(1, -1)
    return h, y, errors @ errors.T
