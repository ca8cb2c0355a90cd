def forward(x, y, w1, b1, w2, b2):
    h = torch.nn.functional.relu(torch.nn.functional.linear(x, w1.T, b1))
    out = torch.nn.functional.linear(h, w2.T, b2)
    return h, out, torch.nn.functional.mse_loss(out, y, reduction="sum")
