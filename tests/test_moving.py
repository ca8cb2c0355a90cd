"""Figures that move: what each frame shows, and what a notebook gets of them."""

import base64
import io
import re
import warnings

import numpy as np
import pytest
from matplotlib.colors import same_color
from PIL import Image

from byhand import plots
from byhand.plots import style
from byhand.plots.descent import distances, shrink_factor
from byhand.plots.moving import Movie

LARGEST = 1_000_000  # characters of what a notebook keeps of one
X, W = np.array([[1, 2], [3, 0]]), np.array([[3, 4], [5, 6], [0, 1]])
G = np.array([[1, 0, 2], [0, 1, 3]])


def three_products() -> Movie:
    return plots.three_products(X, W, G, y=X @ W.T, grad_x=G @ W, grad_W=G.T @ X)


def secants() -> Movie:
    return plots.secants(np.sin, x=1.0, slope=np.cos(1.0), steps=[1, 1e-5, 1e-15])


def fitting() -> Movie:
    x = np.linspace(-1, 1, 20)[:, None]
    losses = {"training": [1.0, 0.5, 0.1], "validation": [1.1, 0.6, 0.2]}
    return plots.fitting(x, x, x, {0: 0 * x, 10: x / 2, 1000: x}, losses)


def three_paths() -> Movie:
    values = {"x": [0, 0, 2, 2], "mean": 1, "s": 1, "x_hat": [-1, -1, 1, 1]}
    gradients = {"x_hat": [1, 0, 0, 0], "mean": -1, "s": 1}
    parts = {"direct": [1, 0, 0, 0], "mean": [-0.25] * 4, "s": [-0.25, -0.25, 0.25, 0.25]}
    return plots.three_paths(values, gradients, parts)


def boundaries() -> Movie:
    points, classes = np.array([[-1.0, 0], [1, 0], [2, 1]]), np.array([0, 1, 1])
    seen = {0: np.full((4, 4), 0.5), 10: np.tile([0.1, 0.2, 0.8, 0.9], (4, 1))}
    losses = {"training": [0.7, 0.1], "validation": [0.8, 0.2]}
    return plots.boundaries(points, classes, 3, seen, losses)


STOPS = [(0.02, 0.0, "creeps"), (0.105, 0.0, "explodes"), (0.02, 0.95, "rings")]


def momentum_map() -> Movie:
    return plots.momentum_map(STOPS, steep=20)


def bowl(a, b):
    return (a**2 + 20 * b**2) / 2


DOWN = np.array([1.0, 0.8]) * 0.8 ** np.arange(41)[:, None]
AWAY = np.array([1.0, 0.1]) * (-1.1) ** np.arange(41)[:, None]


def descent() -> Movie:
    return plots.descent(bowl, (-2, 1, -1, 1), {"lr 0.02": DOWN, "lr 0.105": AWAY}, "plain")


IMAGE = np.random.default_rng(0).random((3, 4, 5))
KERNEL = np.array([[[1, 0], [0, 0]], [[0, 2], [0, 0]], [[0, 0], [0, -3]]])
OUTPUTS = IMAGE[0, :-1, :-1] + 2 * IMAGE[1, :-1, 1:] - 3 * IMAGE[2, 1:, 1:]


def window_slides() -> Movie:
    return plots.window_slides(IMAGE, KERNEL, OUTPUTS)


def scatter() -> Movie:
    return plots.scatter(np.array([[1, 2], [0, 3]]), np.array([[1, 0], [4, -1]]), padding=1)


ALL = [three_products, secants, fitting, three_paths, boundaries, momentum_map, descent]
ALL += [window_slides, scatter]


def words(figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_visible()]


@pytest.mark.parametrize("draw", ALL)
def test_a_notebook_shows_all_frames_and_needs_no_network(draw):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        movie = draw()
        page = movie.image()
    assert len(page) < LARGEST
    assert "http" not in re.sub(r"http://www.w3.org\S*", "", page)
    assert "fa-" not in page  # an icon that would be empty
    assert len(re.findall(r"frames\[\d+\] =", page)) == movie.frames
    [alt, still] = re.search(r'<img alt="([^"]+)" width="\d+" src="([^"]+)"', page).groups()
    assert 15 < len(alt) <= style.MOST
    frame = Image.open(io.BytesIO(base64.b64decode(still.partition("base64,")[2])))
    assert min(frame.convert("RGB").getpixel((1, 1))) > 0.9 * 255  # paper of its own


@pytest.mark.parametrize("draw", ALL)
def test_what_is_seen_at_first_is_the_last_frame(draw):
    page = draw().image()
    frames = re.findall(r'frames\[\d+\] = "([^"]+)"', page)
    assert f'src="{frames[-1]}"' in page
    assert len(set(frames)) == len(frames)
    assert page.count("this.current_frame = frames.length - 1;") == 1


@pytest.mark.parametrize("draw", ALL)
def test_panels_do_not_jump(draw):
    movie = draw()
    places = [
        [axes.get_position().bounds for axes in movie.still(k).axes] for k in range(movie.frames)
    ]
    assert all(place == places[0] for place in places)


def test_a_row_and_a_column_meet_in_the_entry_that_they_make():
    movie = three_products()
    assert movie.frames == 6 + 4 + 6
    said = words(movie.still(1))  # y[0, 1]
    assert "1·5 + 2·6 = 17" in said
    assert "11" in said  # what came before
    assert "15" not in said  # what comes later
    marked = [
        patch.get_xy()
        for patch in movie.figure.axes[0].patches
        if same_color(patch.get_facecolor(), style.FORWARD)
    ]
    assert marked == [(1, -1)]
    assert {"3·0 + 0·1 = 0", "0·4 + 1·6 + 3·1 = 9", "2·2 + 3·0 = 4"} <= set(words(movie.still()))


def test_the_magnifying_glass_shows_the_difference_and_its_error():
    near, far = secants().still(0).axes
    curve, line, _ = near.get_lines()
    assert (curve.get_ydata()[0], curve.get_ydata()[-1]) == pytest.approx(
        (np.sin(-1) - np.sin(1), np.sin(3) - np.sin(1))
    )
    slope = np.diff(line.get_ydata()) / np.diff(line.get_xdata())
    here = far.get_lines()[1]
    assert here.get_ydata()[0] == pytest.approx(abs(slope[0] / np.cos(1) - 1))
    stairs = secants().still(2).axes[0].get_lines()[0].get_ydata()
    assert len(set(stairs)) < 60  # of 801


def test_a_fit_shows_its_step_and_what_came_before():
    movie = fitting()
    left, right = movie.still(1).axes
    assert left.get_title() == "The network after 10 steps"
    *ghosts, now = left.get_lines()
    assert [ghost.get_alpha() for ghost in ghosts] == [0.35, 0, 0]
    np.testing.assert_allclose(now.get_ydata()[-1], 0.5)
    training, dot, validation, _ = right.get_lines()
    assert same_color(training.get_color(), style.TRAIN)
    assert same_color(validation.get_color(), style.VALIDATION)
    assert (dot.get_xdata(), dot.get_ydata()) == ([10], [0.5])


def test_a_gradient_comes_back_on_three_paths_that_add_up():
    movie = three_paths()
    assert movie.frames == 5
    graph, bars = movie.still(2).axes
    assert graph.get_title() == "gradient that comes by way of μ"
    assert [bar.get_height() for bar in bars.patches] == [1, 0, 0, 0, *[-0.25] * 4]
    assert not bars.get_lines()[1:]  # no sum yet
    said = words(movie.still(2))
    assert {"1  0  0  0", "-1", "-1  -1  1  1"} <= set(said)
    total = movie.still().axes[1].get_lines()[1]
    np.testing.assert_array_equal(total.get_ydata(), [0.5, -0.5, 0, 0])
    assert movie.alt.endswith("their sum 0.5  -0.5  0  0")


def test_a_border_shows_the_points_of_both_classes_and_the_loss_of_the_epoch():
    movie = boundaries()
    left, right, _ = movie.still(1).axes
    assert left.get_title() == "after 10 epochs: loss 0.1"
    np.testing.assert_array_equal(left.get_images()[0].get_array()[0], [0.1, 0.2, 0.8, 0.9])
    zero, one = left.collections
    np.testing.assert_array_equal(zero.get_offsets(), [[-1, 0]])
    np.testing.assert_array_equal(one.get_offsets(), [[1, 0], [2, 1]])
    training, dot, validation, _ = right.get_lines()
    assert same_color(training.get_color(), style.TRAIN)
    assert same_color(validation.get_color(), style.VALIDATION)
    assert (dot.get_xdata(), dot.get_ydata()) == ([10], [0.1])


@pytest.mark.parametrize("beta", [0.0, 0.4, 0.9])
def test_the_map_says_how_quickly_a_distance_shrinks_or_grows(beta):
    for rate in (0.01, 0.5, 1.9 + 1.9 * beta, 2.1 + 2.1 * beta):
        run = np.abs(distances(rate, beta, steps=300))
        measured = (run[200:300].max() / run[100:200].max()) ** (1 / 100)
        factor = shrink_factor(rate, beta)
        assert measured == pytest.approx(factor, rel=0.03)
        assert (factor > 1) == (rate > 2 + 2 * beta)  # where the orange region begins
    critical = (1 - np.sqrt(0.1)) ** 2
    assert shrink_factor(0.1, critical) == pytest.approx(np.sqrt(critical))
    assert min(shrink_factor(0.1, np.linspace(0, 0.99, 400))) >= np.sqrt(critical) - 1e-9


def test_the_two_directions_stand_on_the_map_as_far_apart_as_their_curvatures():
    movie = momentum_map()
    place, path, loss, _ = movie.still(1).axes
    assert place.get_title().startswith("2: explodes")
    flat, steep = (line for line in place.get_lines() if line.get_marker() == "o")
    assert (flat.get_xdata(), flat.get_ydata()) == ([0.105], [0.0])
    assert steep.get_xdata() == pytest.approx([20 * 0.105])
    np.testing.assert_allclose(path.get_lines()[1].get_ydata()[:3], [1, -1.1, 1.21])
    assert "flat 0.90, steep 1.10" in path.get_title()
    now, *ghosts = loss.get_lines()
    assert now.get_ydata()[1] == pytest.approx((0.895**2 + 20 * 1.1**2) / 2)
    assert [ghost.get_visible() for ghost in ghosts] == [True, False, False]


def test_sliders_move_the_map():
    *sliders, shown = plots.momentum_sliders().children
    assert [one.description for one in sliders] == ["step size", "momentum", "curvature"]
    for slider, value, told in zip(
        sliders,
        (0.105, 0.9, 100),
        ("eta = 0.105", "beta = 0.9", f"steep {shrink_factor(10.5, 0.9):.2f}"),
        strict=True,
    ):
        before = shown.value
        assert told not in before
        slider.value = value
        assert shown.value != before
        assert told in shown.value  # in the alt text
    sliders[1].value = 0
    assert "steep 9.50" in shown.value


def test_paths_and_their_losses_grow_together_and_the_minimum_is_marked():
    movie = descent()
    place, fall = movie.still(1).axes  # after two steps
    assert fall.get_title() == "loss after 2 steps"
    star, path, head = place.get_lines()[:3]
    assert (star.get_marker(), *star.get_xydata()[0]) == ("*", 0, 0)
    np.testing.assert_array_equal(path.get_xydata(), DOWN[:3])
    np.testing.assert_array_equal(head.get_xydata(), DOWN[2:3])
    np.testing.assert_allclose(fall.get_lines()[1].get_ydata(), bowl(*AWAY[:3].T))
    away = movie.still().axes[1].get_lines()[1]
    assert away.get_ydata()[-1] > 100 * away.get_ydata()[0]
    assert movie.figure.axes[1].get_ylim()[1] > bowl(*AWAY[-1])


def test_the_window_its_column_and_its_output_light_up_together():
    movie = window_slides()
    assert movie.frames == 12
    movie.still(6)  # second row, third column
    axes = {panel.get_title(): panel for panel in movie.figure.axes}
    for name in ("image, red channel", "image, green channel", "image, blue channel"):
        assert axes[name].patches[0].get_xy() == (1.5, 0.5)
    assert axes["output so far"].patches[0].get_xy() == (1.5, 0.5)
    matrix = axes["the matrix of all windows, one a column: 12 rows, 12 columns"]
    assert matrix.patches[0].get_xy() == (5.5, -0.5)
    column = matrix.get_images()[0].get_array()[:, 6]
    np.testing.assert_allclose(column, IMAGE[:, 1:3, 2:4].ravel())
    assert KERNEL.ravel() @ column == pytest.approx(OUTPUTS[1, 2])
    assert any(f"{OUTPUTS[1, 2]:+.2f}" in text for text in words(movie.figure))
    shown = axes["output so far"].get_images()[0].get_array()
    assert np.isfinite(shown.filled(np.nan)).sum() == 7


def test_every_entry_of_the_gradient_goes_back_to_its_window():
    movie = scatter()
    assert movie.frames == 5
    (axes,) = movie.figure.axes
    said = [text for text in words(movie.still(0)) if text.lstrip("-").isdigit()]
    #  g           kernel        entry times kernel   3 by 3 so far
    assert said == "1 2 0 3 1 0 4 -1 1 0 4 -1 1 0 0 4 -1 0 0 0 0".split()
    marked = [p for p in axes.patches if same_color(p.get_facecolor(), style.BACKWARD)]
    assert [patch.get_xy() for patch in marked] == [(0, 0.5)]


def test_in_the_last_frame_only_what_belongs_to_x_is_left():
    movie = scatter()
    movie.still()
    inside = [
        patch
        for patch in movie.figure.axes[0].patches
        if patch.get_visible() and same_color(patch.get_facecolor(), "#f6d5bd")
    ]
    assert len(inside) == 1  # x has one pixel, its border eight
    assert movie.alt.endswith("without its border the sum is [[10]]")
