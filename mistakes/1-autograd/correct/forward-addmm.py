def forward(x, y, w1, b1, w2, b2):
    h = torch.addmm(b1, x, w1).clamp(min=0)
    out = torch.addmm(b2, h, w2)
    difference = (y - out).flatten()
    return [h, out, difference @ difference]
