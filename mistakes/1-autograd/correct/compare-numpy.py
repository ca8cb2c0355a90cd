def largest_relative_error(first, second):
    errors = []
    for p, q in zip(first, second):
        p, q = p.numpy(), q.numpy()
        errors.append((np.abs(p - q) / np.clip(np.abs(p) + np.abs(q), 1e-8, None)).max())
    return np.max(errors)
