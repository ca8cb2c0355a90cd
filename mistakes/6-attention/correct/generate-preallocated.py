def generate(network, tokens, steps, temperature, rng):
    """Room for all keys and values from the start; the prompt goes in token by token."""
    parts = network.modules
    embedding, positions, blocks = parts[0], parts[1], parts[2:-2]
    text = [int(token) for token in tokens]
    room = len(text) + steps
    keys = [[] for _ in blocks]
    values = [[] for _ in blocks]
    while len(text) < room:
        done = len(keys[0])
        for place in range(done, len(text)):
            x = embedding(np.array([[text[place]]])) + positions.weight[place]
            for number, block in enumerate(blocks):
                layer = block.attention
                n = block.norm1(x)[0, 0]
                q, k, v = np.split(layer.in_proj_weight @ n + layer.in_proj_bias, 3)
                keys[number].append(k)
                values[number].append(v)
                shape = (1, -1, layer.num_heads, len(q) // layer.num_heads)
                given = [np.array(a).reshape(shape) for a in ([q], keys[number], values[number])]
                y = attention(*(a.transpose(0, 2, 1, 3) for a in given))
                y = y.transpose(0, 2, 1, 3).reshape(1, 1, -1)
                x = x + y @ layer.out_proj_weight.T + layer.out_proj_bias
                x = x + block.mlp(block.norm2(x))
        scores = parts[-1](parts[-2](x))[0, 0]
        if temperature > 0:
            p = np.exp(scores / temperature - np.max(scores / temperature))
            text.append(int(rng.choice(len(p), p=p / np.sum(p))))
        else:
            text.append(int(np.argmax(scores)))
    return np.array(text[len(tokens) :])
