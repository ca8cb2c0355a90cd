"""PyTorch's attention with the course's names and arguments."""

import torch
from torch.nn import functional as F


def scaled_dot_product_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool = False
) -> torch.Tensor:
    """torch.nn.functional's, (B, H, T, d)."""
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal)


def attention_weights(q: torch.Tensor, k: torch.Tensor, causal: bool = False) -> torch.Tensor:
    """How much each query takes of each key: what attention gives for one-hot values."""
    count = k.shape[-2]
    values = torch.eye(count, dtype=k.dtype).expand(*k.shape[:-1], count)
    return scaled_dot_product_attention(q, k, values, causal)


def rotated(x: torch.Tensor, base: float = 10_000.0) -> torch.Tensor:
    """Rotary positions as the paper has them: pairs of features as complex numbers, (..., T, d).

    Su et al. (2021), RoFormer, section 3.2.2: at place t the pair i is multiplied with
    exp(1j t base^(-2i/d)).
    """
    rates = base ** (-torch.arange(0, x.shape[-1], 2, dtype=x.dtype) / x.shape[-1])
    angles = torch.arange(x.shape[-2], dtype=x.dtype)[:, None] * rates
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2)


class SelfAttention(torch.nn.Module):
    """torch.nn.MultiheadAttention(batch_first=True) on x, x, x, its parameters under one roof.

    Raises ValueError if the heads do not divide the width.
    """

    def __init__(self, embed_dim: int, num_heads: int, causal: bool = False):
        super().__init__()
        if embed_dim % num_heads != 0:
            raise ValueError("the heads do not divide the width")
        self.embed_dim, self.num_heads, self.causal = embed_dim, num_heads, causal
        twin = torch.nn.MultiheadAttention(embed_dim, num_heads, batch_first=True)
        self.in_proj_weight, self.in_proj_bias = twin.in_proj_weight, twin.in_proj_bias
        self.out_proj_weight, self.out_proj_bias = twin.out_proj.weight, twin.out_proj.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, E) -> (B, T, E)"""
        mask = torch.nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype)
        x = x.transpose(0, 1)
        y, _ = F.multi_head_attention_forward(
            *(x, x, x, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias),
            *(None, None, False, 0.0, self.out_proj_weight, self.out_proj_bias),
            need_weights=False,
            attn_mask=mask if self.causal else None,
        )
        return y.transpose(0, 1)
