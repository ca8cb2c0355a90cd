"""The checks of 6-attention on right answers, on wrong ones, and what they leave behind."""

import numpy as np
import pytest
import torch

from byhand import check, sorting
from byhand.check import stand_ins
from byhand.check.comparisons.attention import given_attention, given_attention_backward
from byhand.check.random_inputs import Draw
from byhand.grading.course.notebooks import find_course, reference, source_notebook
from byhand.nn import Module

REFERENCE = reference(source_notebook(find_course(), "6-attention"))
HEADS = dict(embed_dim=4, num_heads=2)


def fails(match: str):
    return pytest.raises(check.CheckFailed, match=match)


def test_broken_attention_costs_the_heads_nothing(monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("no")

    monkeypatch.setattr(REFERENCE, "attention", broken)
    monkeypatch.setattr(REFERENCE, "attention_backward", broken)
    assert check.self_attention(REFERENCE.MultiHeadAttention, HEADS, (2, 3, 4)).passed
    assert check.generate(REFERENCE.generate).passed
    assert REFERENCE.attention is broken


def test_broken_parts_cost_a_block_nothing(monkeypatch):
    for name in stand_ins.KINDS:
        monkeypatch.setattr(REFERENCE, name, None)
    make = dict(embed_dim=4, num_heads=2, hidden=3)
    assert check.block(REFERENCE.TransformerBlock, make, x=(2, 3, 4)).passed
    assert all(getattr(REFERENCE, name) is None for name in stand_ins.KINDS)


def test_what_stands_in_goes_away_again_after_an_error():
    before = REFERENCE.attention
    others = {"attention": 1, "new_name": 2}
    with pytest.raises(ZeroDivisionError), stand_ins.standing_in(REFERENCE.generate, others):
        _ = 1 / (REFERENCE.attention - 1 + REFERENCE.new_name - 2)
    assert REFERENCE.attention is before
    assert not hasattr(REFERENCE, "new_name")


def test_the_attention_that_is_given_is_pytorchs_and_refuses_what_does_not_fit():
    rng = np.random.default_rng(0)
    q, k, v, g = rng.standard_normal((4, 1, 2, 3, 4))
    tensors = [torch.from_numpy(a).requires_grad_() for a in (q, k, v)]
    y = torch.nn.functional.scaled_dot_product_attention(*tensors, is_causal=True)
    np.testing.assert_allclose(given_attention(q, k, v, True), y.detach().numpy())
    grads = torch.autograd.grad(y, tensors, torch.from_numpy(g))
    for mine, theirs in zip(given_attention_backward(q, k, v, g, True), grads, strict=True):
        np.testing.assert_allclose(mine, theirs.numpy())
    long = np.zeros((1, 1, 4000, 1))
    for wrong in [(q, k[:, :1], v), (q, k, v[:, :, :2]), (q[0], k[0], v[0]), (long, long, long)]:
        with pytest.raises(ValueError, match=r"shapes do not fit|floats expected|too many"):
            given_attention(*wrong)
    with pytest.raises(ValueError, match="grad_output of shape"):
        given_attention_backward(q, k, v, g[:, :, :2])


def test_tokens_are_drawn_in_range_and_repeat():
    for seed in range(20):
        tokens = Draw(seed).tokens((1, 3), 50)
        assert tokens.dtype.kind == "i"
        assert 0 <= tokens.min() <= tokens.max() < 50
        assert len(np.unique(tokens)) < tokens.size


def test_an_input_can_be_told_where_an_error_is_expected():
    table = dict(num_embeddings=3, embedding_dim=2)
    assert check.raises(IndexError, REFERENCE.Embedding, make=table, forward=[[0, 3]]).passed
    with fails("nothing was raised, expected IndexError"):
        check.raises(IndexError, REFERENCE.Embedding, make=table, forward=[[0, 2]])


def without_a_cache(network, tokens, steps, temperature, rng):
    text = list(tokens)
    for _ in range(steps):
        scores = network(np.array([text]))[0, -1]
        text.append(scores.argmax())
    return np.array(text[len(tokens) :])


def test_writing_without_a_cache_is_right_and_too_much():
    with fails("ok    tokens") as caught:
        check.generate(without_a_cache, temperature=0)
    assert "39 tokens went through a layer for a text of 10" in str(caught.value)


class Table(Module):
    """Scores that know nothing, or with weights that say so, all that there is to know."""

    def __init__(self):
        super().__init__()
        self.weight, self.grad_weight = np.zeros(3), np.zeros(3)

    def compute_output(self, x):
        scores = np.zeros((*x.shape, 10))
        for row, seen in zip(scores, x, strict=True):
            for place in range(sorting.DIGITS, x.shape[1]):
                row[place, np.sort(seen[: sorting.DIGITS])[place - sorting.DIGITS]] = 1
        return scores


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (Table, "100% right without training"),
        (lambda: None, "None: is a `return` missing"),
        (lambda: np.zeros(3), "a ndarray"),
    ],
)
def test_what_has_not_learned_to_sort_is_told(build, says, tmp_path, monkeypatch):
    from byhand.checkpoints import History, save_checkpoint

    monkeypatch.chdir(tmp_path)
    save_checkpoint("sorter.npz", Table(), History(), sorting.NAME)
    builder = type("build", (), {"__call__": lambda self: build()})()
    builder.__name__ = "build"
    with fails(says):
        check.sorts(builder, "sorter.npz")


@pytest.mark.parametrize("shape", ["(2, 9)", "(2, 9, 3)"])
def test_scores_of_another_shape_are_told(shape):
    from byhand.check.networks import sort
    from byhand.protocol.runner import Told

    class Other(Table):
        def compute_output(self, x):
            return np.zeros((*x.shape, 3)[: shape.count(",") + 1])

    with pytest.raises(Told, match=r"has shape .*, expected \(2, 9, 10\)"):
        sort(Other(), np.zeros((4, sorting.DIGITS), int))


def test_weights_for_something_else_are_told(tmp_path, monkeypatch):
    from byhand.checkpoints import History, save_checkpoint

    monkeypatch.chdir(tmp_path)
    save_checkpoint("sorter.npz", Table(), History(), "MNIST")
    with fails("was trained on 'MNIST', not on 'digits to sort'"):
        check.sorts(Table, "sorter.npz")
