def generate(network, tokens, steps: int, temperature: float, rng):
    embedding, positions, *blocks, norm, linear = network.modules
    new, place = np.array(tokens), len(tokens)
    x = positions(embedding(new[None]))
    caches = []
    for block in blocks:  # the prompt goes through the blocks as they are
        x = block(x)
        E = x.shape[-1]
        W, b = block.attention.in_proj_weight, block.attention.in_proj_bias
        kv = block.norm1.output @ W[E:].T + b[E:]
        caches.append([heads(part, block.attention.num_heads) for part in np.split(kv, 2, axis=-1)])
    written = []
    for _ in range(steps):
        s = linear(norm(x))[0, -1]
        if temperature == 0:
            written.append(int(s.argmax()))
        else:
            e = np.exp((s - s.max()) / temperature)
            written.append(int(rng.choice(len(e), p=e / e.sum())))
        if len(written) == steps:
            break
        x = embedding(np.array([written[-1:]])) + positions.weight[place]
        place += 1
        for block, cache in zip(blocks, caches, strict=True):
            a, n = block.attention, block.norm1(x)
            q, k, v = (
                heads(p, a.num_heads)
                for p in np.split(n @ a.in_proj_weight.T + a.in_proj_bias, 3, axis=-1)
            )
            cache[:] = [np.concatenate(pair, axis=2) for pair in zip(cache, (k, v), strict=True)]
            y = attention(q, *cache).swapaxes(1, 2).reshape(1, 1, -1)
            h = x + y @ a.out_proj_weight.T + a.out_proj_bias
            x = h + block.mlp(block.norm2(h))
    return np.array(written)


def heads(x, count):
    return x.reshape(*x.shape[:2], count, -1).swapaxes(1, 2)
