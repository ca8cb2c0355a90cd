class MultiHeadAttention(Module):
    """The heads as an axis of the matrices; the attention of its own, without a function."""

    def __init__(self, embed_dim: int, num_heads: int, causal: bool = False):
        super().__init__()
        if embed_dim // num_heads * num_heads != embed_dim:
            raise ValueError(f"{embed_dim} features, {num_heads} heads")
        self.embed_dim, self.num_heads, self.causal = embed_dim, num_heads, causal
        bound = math.sqrt(6 / (4 * embed_dim))
        self.in_proj_weight = np.random.uniform(-bound, bound, (3 * embed_dim, embed_dim))
        self.in_proj_bias = np.zeros(3 * embed_dim)
        self.out_proj_weight = np.random.uniform(-bound, bound, (embed_dim, embed_dim))
        self.out_proj_bias = np.zeros(embed_dim)
        self.grad_in_proj_weight = np.zeros_like(self.in_proj_weight)
        self.grad_in_proj_bias = np.zeros_like(self.in_proj_bias)
        self.grad_out_proj_weight = np.zeros_like(self.out_proj_weight)
        self.grad_out_proj_bias = np.zeros_like(self.out_proj_bias)

    def compute_output(self, x):
        H, E = self.num_heads, self.embed_dim
        W, b = self.in_proj_weight.reshape(3, H, -1, E), self.in_proj_bias.reshape(3, H, 1, -1)
        self.q, self.k, self.v = np.einsum("bte,chde->cbhtd", x, W) + b[:, None]
        s = np.einsum("bhid,bhjd->bhij", self.q, self.k) / math.sqrt(E // H)
        if self.causal:
            s = np.where(np.tri(x.shape[1]) > 0, s, -np.inf)
        e = np.exp(s - s.max(-1, keepdims=True))
        self.p = e / e.sum(-1, keepdims=True)
        self.y = np.einsum("bhij,bhjd->bihd", self.p, self.v).reshape(x.shape)
        return self.y @ self.out_proj_weight.T + self.out_proj_bias

    def back(self, x, grad_output):
        H = self.num_heads
        g = (grad_output @ self.out_proj_weight).reshape(*x.shape[:2], H, -1)
        G = np.einsum("bihd,bhjd->bhij", g, self.v)
        D = self.p * (G - (G * self.p).sum(-1, keepdims=True)) / math.sqrt(self.embed_dim // H)
        grads = [
            np.einsum("bhij,bhjd->bihd", D, self.k),
            np.einsum("bhij,bhid->bjhd", D, self.q),
            np.einsum("bhij,bihd->bjhd", self.p, g),
        ]
        return np.concatenate([grad.reshape(x.shape) for grad in grads], axis=2)

    def compute_grad_input(self, x, grad_output):
        return self.back(x, grad_output) @ self.in_proj_weight

    def update_grad_parameters(self, x, grad_output):
        grad = self.back(x, grad_output)
        self.grad_in_proj_weight += np.tensordot(grad, x, axes=((0, 1), (0, 1)))
        self.grad_in_proj_bias += grad.sum(axis=(0, 1))
        self.grad_out_proj_weight += np.tensordot(grad_output, self.y, axes=((0, 1), (0, 1)))
        self.grad_out_proj_bias += grad_output.sum(axis=(0, 1))
