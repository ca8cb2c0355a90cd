class Around(Sequential):
    """x plus what the modules make of it."""

    def compute_output(self, x):
        return x + super().compute_output(x)

    def compute_grad_input(self, x, grad_output):
        return grad_output + super().compute_grad_input(x, grad_output)


class TransformerBlock(Sequential):
    """Two halves, each with its path around: all else is a Sequential's."""

    def __init__(self, embed_dim: int, num_heads: int, hidden: int, causal: bool = True):
        self.norm1 = LayerNorm(embed_dim)
        self.attention = MultiHeadAttention(embed_dim, num_heads, causal)
        self.norm2 = LayerNorm(embed_dim)
        self.mlp = Sequential(Linear(embed_dim, hidden), GELU(), Linear(hidden, embed_dim))
        super().__init__(Around(self.norm1, self.attention), Around(self.norm2, self.mlp))
