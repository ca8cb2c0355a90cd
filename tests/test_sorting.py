"""The sequences of 6-attention, and the network that sorts them."""

import numpy as np
import pytest
import torch

from byhand import sorting
from byhand.check.torch_attention import SelfAttention
from byhand.grading.course.notebooks import find_course, reference, source_notebook

REFERENCE = reference(source_notebook(find_course(), "6-attention"))


def test_a_sequence_is_digits_a_separator_and_the_digits_in_order():
    tokens, targets = sorting.sequences(50, np.random.default_rng(0))
    assert tokens.shape == (50, sorting.LENGTH)
    digits, rest = np.split(tokens, [sorting.DIGITS], axis=1)
    assert (rest[:, 0] == sorting.SEPARATOR).all()
    np.testing.assert_array_equal(targets, np.sort(digits, axis=1))
    np.testing.assert_array_equal(rest[:, 1:], targets[:, :-1])


def test_every_epoch_has_new_batches():
    np.random.seed(0)
    loader = sorting.Batches(count=3, size=5)
    assert len(loader) == 3
    first, again = list(loader), list(loader)
    assert [tokens.shape for tokens, _ in first] == [(5, sorting.LENGTH)] * 3
    assert not np.array_equal(first[0][0], again[0][0])
    assert not np.array_equal(first[0][0], first[1][0])


def test_a_network_reads_what_it_has_written():
    read = []

    class Network:
        def eval(self):
            pass

        def __call__(self, tokens):
            read.append(tokens)
            return np.eye(10)[np.minimum(tokens[..., None], 9)][..., 0, :]

    written = sorting.write(Network(), np.array([[3, 1, 4, 1, 5, 9, 2, 6]]))
    assert [len(tokens[0]) for tokens in read] == list(range(9, 17))
    assert (written == 9).all()
    np.testing.assert_array_equal(read[-1][0, 9:], written[0, :-1])


class Twin(torch.nn.Module):
    """The sorter in PyTorch, with the weights of ours."""

    def __init__(self, mine):
        super().__init__()
        embedding, positions, block, norm, linear = mine.modules
        self.table, self.places = torch.nn.Embedding(11, 32), torch.nn.Embedding(16, 32)
        self.block = torch.nn.TransformerEncoderLayer(
            32, 4, 128, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.norm, self.linear = torch.nn.LayerNorm(32), torch.nn.Linear(32, 10)
        attention, (first, _, second) = self.block.self_attn, block.mlp.modules
        heads = block.attention
        self.pairs = [
            (self.table.weight, embedding.weight),
            (self.places.weight, positions.weight),
            *self.same(self.block.norm1, block.norm1),
            (attention.in_proj_weight, heads.in_proj_weight),
            (attention.in_proj_bias, heads.in_proj_bias),
            (attention.out_proj.weight, heads.out_proj_weight),
            (attention.out_proj.bias, heads.out_proj_bias),
            *self.same(self.block.norm2, block.norm2),
            *self.same(self.block.linear1, first),
            *self.same(self.block.linear2, second),
            *self.same(self.norm, norm),
            *self.same(self.linear, linear),
        ]
        with torch.no_grad():
            for theirs, ours in self.pairs:
                theirs.copy_(torch.from_numpy(ours))

    def same(self, theirs, ours):
        return [(theirs.weight, ours.weight), (theirs.bias, ours.bias)]

    def forward(self, tokens):
        x = self.table(tokens) + self.places.weight[: tokens.shape[1]]
        mask = torch.nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        return self.linear(self.norm(self.block(x, mask, is_causal=True)))


def test_the_whole_sorter_trains_as_pytorchs():
    np.random.seed(0)
    network = REFERENCE.build_sorter()
    twin = Twin(network)
    optimizer, scheduler = REFERENCE.build_optimizer(network, 20)
    other = torch.optim.AdamW(twin.parameters(), lr=0.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(other, 5e-3, 20, cycle_momentum=False)

    class Run:
        loss = 0.0

        def batches(self, loader):
            return iter(loader)

    run = Run()
    for _ in range(5):
        tokens, targets = sorting.sequences(16, np.random.default_rng(1))
        REFERENCE.train(run, network, optimizer, scheduler, [(tokens, targets)])
        other.zero_grad()
        scores = twin(torch.from_numpy(tokens))[:, -sorting.DIGITS :].flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(scores, torch.from_numpy(targets).flatten())
        loss.backward()
        other.step()
        cycle.step()
        assert run.loss == pytest.approx(loss.item(), rel=1e-4)
    free = network.modules[2].attention.in_proj_bias  # a bias of the keys changes nothing
    for theirs, ours in twin.pairs:
        assert ours.dtype == np.float32
        if ours is free:
            continue
        np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=2e-4)


def test_pytorchs_attention_under_our_names_is_its_own_layer():
    torch.manual_seed(0)
    x = torch.randn(2, 5, 8)
    mask = torch.nn.Transformer.generate_square_subsequent_mask(5)
    for causal in (False, True):
        ours = SelfAttention(8, 2, causal)
        layer = torch.nn.MultiheadAttention(8, 2, batch_first=True)
        names = {name: name.replace("out_proj.", "out_proj_") for name in layer.state_dict()}
        layer.load_state_dict({name: getattr(ours, own) for name, own in names.items()})
        torch.testing.assert_close(ours(x), layer(x, x, x, attn_mask=mask if causal else None)[0])
    with pytest.raises(ValueError, match="do not divide"):
        SelfAttention(8, 3)


def test_a_token_or_place_that_is_not_there_is_an_index_error():
    network = REFERENCE.build_sorter()
    with pytest.raises(IndexError):
        network(np.full((1, 4), 11))
    with pytest.raises(IndexError):
        network(np.zeros((1, sorting.LENGTH + 1), int))
