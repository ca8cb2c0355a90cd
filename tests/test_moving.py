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


IMAGE = np.random.default_rng(0).random((3, 4, 5))
KERNEL = np.array([[[1, 0], [0, 0]], [[0, 2], [0, 0]], [[0, 0], [0, -3]]])
OUTPUTS = IMAGE[0, :-1, :-1] + 2 * IMAGE[1, :-1, 1:] - 3 * IMAGE[2, 1:, 1:]


def window_slides() -> Movie:
    return plots.window_slides(IMAGE, KERNEL, OUTPUTS)


def scatter() -> Movie:
    return plots.scatter(np.array([[1, 2], [0, 3]]), np.array([[1, 0], [4, -1]]), padding=1)


ALL = [three_products, secants, fitting, window_slides, scatter]


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
