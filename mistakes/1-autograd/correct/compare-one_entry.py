def largest_relative_error(first, second):
    worst = torch.zeros(1, dtype=first[0].dtype)
    for p, q in zip(first, second):
        r = (p - q).abs() / torch.maximum(p.abs() + q.abs(), torch.tensor(1e-8, dtype=p.dtype))
        worst = torch.maximum(worst, r.max())
    return worst
