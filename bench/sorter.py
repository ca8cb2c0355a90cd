"""The network of 6-attention, for layers.py: a training step of it in NumPy and in PyTorch."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from byhand import sorting

PARTS = ("MultiHeadAttention", "TransformerBlock")  # whose arguments differ from PyTorch's
WIDTH, HEADS, HIDDEN = 32, 4, 128


def in_numpy(classes: Mapping[str, Any]) -> Callable:
    """A step of the reference's own loop on one batch."""
    network, batch = classes["build_sorter"](), sorting.sequences(64, np.random.default_rng(0))
    run, schedule = SimpleNamespace(batches=list), SimpleNamespace(step=lambda: None)
    optimizer = classes["AdamW"](network)
    return lambda: classes["train"](run, network, optimizer, schedule, [batch])


def part(name: str, width: int, heads: int, *more: Any) -> Any:
    """PyTorch's layer for one of PARTS, causal."""
    from byhand.check.torch_attention import SelfAttention, torch

    if name == "MultiHeadAttention":
        return SelfAttention(width, heads, *more)
    layer = torch.nn.TransformerEncoderLayer(
        width, heads, more[0], dropout=0, activation="gelu", batch_first=True, norm_first=True
    )
    mask = torch.nn.Transformer.generate_square_subsequent_mask(sorting.LENGTH)
    masked = dict(src_mask=mask, is_causal=True)
    layer.register_forward_pre_hook(lambda _, x, how: (x, how | masked), with_kwargs=True)
    return layer


def in_pytorch() -> Callable:
    """The same step in PyTorch."""
    import torch
    from torch import nn

    table, places = nn.Embedding(sorting.VOCABULARY, WIDTH), nn.Embedding(sorting.LENGTH, WIDTH)
    block = part("TransformerBlock", WIDTH, HEADS, HIDDEN)
    network = nn.Sequential(block, nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10))
    whole = nn.ModuleList([table, places, network])
    optimizer = torch.optim.AdamW(whole.parameters())
    tokens, targets = map(torch.from_numpy, sorting.sequences(64, np.random.default_rng(0)))

    def step() -> None:
        optimizer.zero_grad()
        scores = network(table(tokens) + places.weight)[:, -sorting.DIGITS :]
        nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten()).backward()
        optimizer.step()

    return step
