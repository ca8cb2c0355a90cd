def attention_weights(q, k, causal=False):
    """Queries are scaled first; a large negative number is the mask."""
    scores = np.einsum("bhid,bhjd->bhij", q / q.shape[-1] ** 0.5, k)
    if causal:
        later = np.triu(np.ones(scores.shape[-2:], dtype=bool), 1)
        scores[..., later] = -1e30
    scores -= scores.max(-1, keepdims=True)
    np.exp(scores, out=scores)
    return scores / scores.sum(-1, keepdims=True)


def attention(q, k, v, causal=False):
    return np.einsum("bhij,bhjd->bhid", attention_weights(q, k, causal), v)


def attention_backward(q, k, v, grad_output, causal=False):
    p = attention_weights(q, k, causal)
    G = np.einsum("bhid,bhjd->bhij", grad_output, v)
    D = p * G
    D -= p * D.sum(-1, keepdims=True)
    D /= q.shape[-1] ** 0.5
    grad_q = np.einsum("bhij,bhjd->bhid", D, k)
    grad_k = np.einsum("bhij,bhid->bhjd", D, q)
    return grad_q, grad_k, np.einsum("bhij,bhid->bhjd", p, grad_output)
