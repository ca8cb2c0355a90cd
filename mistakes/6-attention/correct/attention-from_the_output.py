def scores_of(q, k, causal):
    scores = np.matmul(q, np.swapaxes(k, 2, 3)) / float(np.sqrt(q.shape[3]))
    places = np.arange(scores.shape[2])[:, None], np.arange(scores.shape[3])[None]
    return np.where((places[1] > places[0]) & causal, -np.inf, scores)


def attention_weights(q, k, causal=False):
    return softmax(scores_of(q, k, causal), axis=-1)


def attention(q, k, v, causal=False):
    """The sums are divided at the end."""
    scores = scores_of(q, k, causal)
    e = np.exp(scores - np.max(scores, axis=3, keepdims=True))
    return np.matmul(e, v) / np.sum(e, axis=3, keepdims=True)


def attention_backward(q, k, v, grad_output, causal=False):
    """The sum over a row is g · y."""
    p, y = attention_weights(q, k, causal), attention(q, k, v, causal)
    along = np.sum(grad_output * y, axis=3, keepdims=True)
    scale = float(np.sqrt(q.shape[3]))
    D = p * (np.matmul(grad_output, np.swapaxes(v, 2, 3)) - along)
    turned = np.swapaxes(D, 2, 3)
    return [D @ k / scale, turned @ q / scale, np.swapaxes(p, 2, 3) @ grad_output]


from scipy.special import softmax
