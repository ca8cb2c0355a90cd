class MultiHeadAttention(Module):
    """Head by head, in a loop; keyword arguments for the functions."""

    def __init__(self, embed_dim, num_heads, causal=False):
        if embed_dim % num_heads != 0:
            raise ValueError("embed_dim must be divisible by num_heads")
        super().__init__()
        self.embed_dim, self.num_heads, self.causal = embed_dim, num_heads, causal
        self.d = embed_dim // num_heads
        self.in_proj_weight = np.random.randn(3 * embed_dim, embed_dim) / 10
        self.in_proj_bias = np.zeros(3 * embed_dim)
        self.out_proj_weight = np.random.randn(embed_dim, embed_dim) / 10
        self.out_proj_bias = np.zeros(embed_dim)
        self.grad_in_proj_weight = np.zeros((3 * embed_dim, embed_dim))
        self.grad_in_proj_bias = np.zeros(3 * embed_dim)
        self.grad_out_proj_weight = np.zeros((embed_dim, embed_dim))
        self.grad_out_proj_bias = np.zeros(embed_dim)

    def head(self, projected, part, h):
        start = part * self.embed_dim + h * self.d
        return projected[:, None, :, start : start + self.d]

    def compute_output(self, x):
        self.projected = np.einsum("bte,fe->btf", x, self.in_proj_weight) + self.in_proj_bias
        found = []
        for h in range(self.num_heads):
            q, k, v = (self.head(self.projected, part, h) for part in range(3))
            found.append(attention(q=q, k=k, v=v, causal=self.causal)[:, 0])
        self.found = np.concatenate(found, axis=2)
        return self.found @ self.out_proj_weight.T + self.out_proj_bias

    def projected_gradient(self, grad_output):
        grad_found = grad_output @ self.out_proj_weight
        grad = np.zeros_like(self.projected)
        for h in range(self.num_heads):
            q, k, v = (self.head(self.projected, part, h) for part in range(3))
            g = self.head(grad_found, 0, h)
            grads = attention_backward(q, k, v, grad_output=g, causal=self.causal)
            for part, of_part in enumerate(grads):
                self.head(grad, part, h)[...] = of_part
        return grad

    def compute_grad_input(self, x, grad_output):
        return self.projected_gradient(grad_output) @ self.in_proj_weight

    def update_grad_parameters(self, x, grad_output):
        grad = self.projected_gradient(grad_output)
        self.grad_in_proj_weight += np.einsum("btf,bte->fe", grad, x)
        self.grad_in_proj_bias += grad.sum((0, 1))
        self.grad_out_proj_weight += np.einsum("bte,btf->ef", grad_output, self.found)
        self.grad_out_proj_bias += grad_output.sum((0, 1))
