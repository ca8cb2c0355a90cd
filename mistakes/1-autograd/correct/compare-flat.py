def largest_relative_error(first, second):
    p = torch.cat([t.reshape(-1) for t in first])
    q = torch.cat([t.reshape(-1) for t in second])
    return torch.max(
        (p - q).abs() / torch.maximum(p.abs() + q.abs(), torch.tensor(1e-8, dtype=p.dtype))
    )
