def largest_relative_error(first, second):
    return max(
        abs(a - b) / max(1e-8, abs(a) + abs(b))
        for p, q in zip(first, second)
        for a, b in zip(p.flatten().tolist(), q.flatten().tolist())
    )
