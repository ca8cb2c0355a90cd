"""Figures of attention show the numbers that they are given."""

import numpy as np
import pytest
from matplotlib.colors import same_color

from byhand import plots
from byhand.plots import style
from byhand.plots.attention import COLOURS, WEIGHTS

WORDS = ["the", "cat", "sat"]


def weights(count: int) -> np.ndarray:
    table = np.tril(np.random.default_rng(0).random((count, count)) + 0.1)
    return table / table.sum(axis=1, keepdims=True)


def test_a_query_moves_and_gets_the_mixture_of_the_values():
    def attend(queries):
        far = np.abs(queries[:, None] - np.array([0.0, 1.0]))
        return 1 - far

    movie = plots.soft_dictionary([0, 1], [10, 20], [0.0, 0.25, 1.0], attend)
    for frame, (query, answer) in enumerate([(0, 10), (0.25, 12.5), (1, 20)]):
        left, right = movie.still(frame).axes
        assert [bar.get_height() for bar in left.patches] == [1 - query, query]
        assert f"{query:.2f}" in [text.get_text() for text in left.texts]
        assert right.get_title() == f"The query {query:.1f} gets {answer:.2f}"
    assert len(movie.image()) < 1_000_000


def test_the_mask_is_read_token_by_token():
    scores = np.random.default_rng(1).standard_normal((3, 3))
    movie = plots.causal_mask(scores, weights(3), WORDS)
    assert movie.frames == 3
    for frame in range(3):
        left, right = movie.still(frame).axes
        assert (
            right.get_title() == f'weights: "{WORDS[frame]}" sees {", ".join(WORDS[: frame + 1])}'
        )
        covers = [patch for patch in left.patches if patch.get_zorder() == 4]
        assert sum(cover.get_visible() for cover in covers) == 2 - frame
    texts = [text.get_text() for text in left.texts]
    assert texts.count("-∞") == 3
    assert [text.get_text() for text in right.texts].count("0") == 3


def test_a_head_has_its_own_features_of_every_token_and_a_reshape_mixes_them():
    _, right, wrong = plots.heads(tokens=3, features=4, count=2).axes

    def colours(axes):
        """Number -> the head whose colour it has, in the order in which they are drawn."""
        boxes = [box.get_facecolor()[:3] for box in axes.patches]
        names = [text.get_text() for text in axes.texts if text.get_text()[0].isdigit()]
        heads = [next(h for h, c in enumerate(COLOURS) if same_color(c, box)) for box in boxes]
        return names, heads

    names, heads = colours(right)
    assert names[:6] == ["0a", "0b", "1a", "1b", "2a", "2b"]
    assert heads == [0] * 6 + [1] * 6
    names, heads = colours(wrong)
    assert names[:6] == ["0a", "0b", "0c", "0d", "1a", "1b"]
    assert set(heads[:6]) == {0, 1}


def test_maps_show_each_heads_weights_and_say_where_it_looks():
    tables = np.stack([np.eye(6), np.eye(6)[[0, 0, 1, 2, 3, 4]]])
    figure = plots.attention_maps(tables, list("31>134"), "sorted")
    shown = [axes.images[0].get_array() for axes in figure.axes]
    np.testing.assert_array_equal(shown, tables)
    assert [axes.get_title() for axes in figure.axes] == ["head 1", "head 2"]
    assert "head 1 looks most at 1 3 4; head 2 looks most at > 1 3" in figure.alt
    assert same_color(WEIGHTS(0.0), "white")


def test_profiles_have_a_curve_for_each_head():
    figure = plots.head_profiles([-1, 0, 1], [[0.1, 0.6, 0.3], [0.2, 0.2, 0.6]])
    curves = [line for line in figure.axes[0].get_lines() if line.get_label().startswith("head")]
    np.testing.assert_array_equal(curves[1].get_ydata(), [0.2, 0.2, 0.6])
    assert "head 1 from 0.1 to 0.3, at most 0.6" in figure.alt


def test_variants_have_a_line_for_each_seed_and_one_for_the_mean():
    runs = np.array([[0, 50], [20, 70], [40, 90]])
    figure = plots.variants({"as it is": runs, "other": runs / 2}, [100, 200], "right", "t")
    lines = figure.axes[0].get_lines()
    assert len(lines) == 2 * (3 + 1)
    np.testing.assert_array_equal(lines[3].get_ydata(), [20, 70])
    assert "as it is from 20 to 70" in figure.alt


def test_bits_are_shown_beside_what_tables_reach():
    figure = plots.bits(np.linspace(6, 2, 100), {50: 4.0, 100: 3.0}, {"letter pairs": 3.5})
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    np.testing.assert_array_equal(lines["other text"].get_ydata(), [4, 3])
    assert set(lines["letter pairs"].get_ydata()) == {3.5}
    assert same_color(lines["text it learns from"].get_color(), style.TRAIN)
    assert same_color(lines["other text"].get_color(), style.VALIDATION)


@pytest.mark.parametrize("parts", [("attention", "mlp"), ("attention",)])
def test_the_residual_path_has_a_sum_for_every_part(parts):
    figure = plots.residual_stream(parts)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words.count("+") == words.count("norm") == len(parts)
    assert all(part in figure.alt for part in parts)
