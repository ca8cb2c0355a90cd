class TransformerBlock(Sequential):
    """Step by step, every input kept under a name; the norms run forwards once more."""

    def __init__(self, embed_dim, num_heads, hidden, causal=True):
        super().__init__()
        self.norm1, self.norm2 = LayerNorm(embed_dim), LayerNorm(embed_dim)
        self.attention = MultiHeadAttention(embed_dim, num_heads, causal=causal)
        self.linear1, self.gelu = Linear(embed_dim, hidden), GELU()
        self.linear2 = Linear(hidden, embed_dim)
        self.modules = [self.norm1, self.attention, self.norm2]
        self.modules += [self.linear1, self.gelu, self.linear2]

    def compute_output(self, x):
        n1 = self.norm1.forward(x)
        h = np.add(x, self.attention.forward(n1))
        n2 = self.norm2.forward(h)
        a = self.linear1.forward(n2)
        b = self.gelu.forward(a)
        self.kept = n1, h, n2, a, b
        return np.add(h, self.linear2.forward(b))

    def compute_grad_input(self, x, grad_output):
        n1, h, n2, a, b = self.kept
        g = self.linear2.backward(b, grad_output)
        g = self.linear1.backward(n2, self.gelu.backward(a, g))
        grad = grad_output + self.norm2.backward(h, g)
        return grad + self.norm1.backward(x, self.attention.backward(n1, grad))
