"""Every figure draws without a warning, says what it shows, and keeps one colour for one role."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import same_color, to_rgb
from matplotlib.figure import Figure

from byhand import plots
from byhand.plots import style
from byhand.training import History

X = np.linspace(-6, 6, 50)
SIGMOID = 1 / (1 + np.exp(-X))
GRID = X[:, None] ** 2 + X**2
HISTORY = History(train_loss=[2.0, 0.9, 0.4], test_loss=[1.9, 1.1, 0.6], seconds=[0.1] * 3)

CLASSED = History([2.0, 0.4], [1.9, 0.6], [0.1] * 2, [0.3, 0.9], [0.4, 0.8], [0.1] * 6)
IMAGES = np.random.default_rng(0).random((12, 1, 6, 6))
LABELS = np.arange(12) % 4
ANSWERS = np.where(np.arange(12) == 5, 3, LABELS)  # one mistake: 3 instead of 1
PROBABILITIES = np.eye(4)[ANSWERS] * 0.6 + 0.1


def activations():
    return plots.activations(X, {"Sigmoid": (SIGMOID, SIGMOID * (1 - SIGMOID)), "ReLU": (X, X)})


def distributions():
    samples = np.random.default_rng(0).normal(size=(30, 4))
    return plots.distributions({"x": 5 * samples, "y": samples})


def masks():
    kept = np.random.default_rng(0).random((3, 8, 16)) > 0.3
    return plots.masks(kept, ["first", "second", "eval"])


def learning_curves():
    return plots.learning_curves({"yours": HISTORY, "PyTorch": HISTORY}, data="sines")


def predictions():
    return plots.predictions({"train": (X[:, None], X[:, None] + 0.1), "test": (X, X - 0.1)})


def paths():
    steps = np.array([[-5, 4], [-2, 1], [0, 0]])
    return plots.paths(GRID, (-6, 6, -6, 6), {"SGD": steps, "Adam": steps / 2})


def schedules():
    rates = {"StepLR": [1.0, 0.5, 0.5], "OneCycleLR": [0.1, 1.0, 0.2]}
    return plots.schedules(rates, rates)


def layer_box():
    return plots.layer_box("Linear", parameters=["W", "b"])


def accuracy_curves():
    return plots.learning_curves({"yours": CLASSED, "PyTorch": CLASSED}, data="digits")


def learning_rates():
    return plots.learning_rates({"one cycle": [0.1, 0.3, 0.2], "steps": [0.3, 0.3, 0.03]})


def compared():
    return plots.compared({"SGD": CLASSED, "Adam": CLASSED}, data="digits")


def confusion():
    return plots.confusion(LABELS, ANSWERS, "digits")


def samples():
    return plots.samples(IMAGES, LABELS, "digits")


def mistakes_made():
    return plots.mistakes_made(IMAGES, LABELS, PROBABILITIES, "digits")


def filters():
    return plots.filters(np.random.default_rng(0).normal(size=(10, 2, 3, 5)))


def feature_maps():
    maps = {"Conv2d": np.ones((9, 4, 4)), "MaxPool2d": np.ones((9, 2, 2))}
    return plots.feature_maps(IMAGES[0], maps, "digits")


def step_errors():
    steps = np.array([1e-1, 1e-5, 1e-9])
    return plots.step_errors({"central": steps**2, "one-sided": steps}, steps, chosen=1e-5)


def fitted():
    return plots.fitted(X, SIGMOID, {"at first": 0 * X, "in the end": SIGMOID}, X)


def chain():
    return plots.chain(["Linear", "mse"], values=["x", "y", r"\ell"], parameters={0: "W"})


def over_steps():
    return plots.over_steps({"yours": [3.0, 1.0], "autograd": [3.0, 1.5]}, "Training")


def two_layer_graph():
    return plots.two_layer_graph()


def timing():
    seconds = {"loops": [0.1, 1.0, np.nan], "PyTorch": [0.01, 0.02, 0.1]}
    return plots.timing(seconds, [1, 10, 100], "Linear, forwards", size="samples")


def timing_bars():
    return plots.timing_bars({"loops": 38.0, "yours": 0.0125, "PyTorch": 0.005}, "Conv2d")


def grids():
    x = np.arange(12).reshape(3, 4)
    return plots.grids({"x": x, "g": x[:1]}, {"x": np.s_[1, 1:3], "g": x[:1] > 1}, backward=["g"])


def window_places():
    padded = dict(size=5, kernel_size=2, stride=2, padding=1)
    return plots.window_places({"padded": padded, "gaps": dict(size=5, kernel_size=2, dilation=2)})


def receptive():
    return plots.receptive(IMAGES[0, 0], {"Conv2d": 3, "MaxPool2d": 4})


CHARTS = [activations, distributions, masks, learning_curves, predictions, paths]
CHARTS += [
    schedules,
    accuracy_curves,
    learning_rates,
    compared,
    confusion,
    step_errors,
    fitted,
    over_steps,
    timing,
    receptive,
]
GALLERIES = [samples, mistakes_made, filters, feature_maps]
ALL = [*CHARTS, *GALLERIES, layer_box, timing_bars, window_places, grids, chain, two_layer_graph]


def words(figure: Figure) -> str:
    """All the text of a figure, in one string."""
    return " ".join(text.get_text() for text in figure.findobj(plt.Text))


@pytest.mark.parametrize("draw", ALL)
def test_returns_a_figure_and_draws_without_warnings(draw):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw()
        figure.canvas.draw()
    assert isinstance(figure, Figure)


@pytest.mark.parametrize("draw", ALL)
def test_is_closed_for_pyplot_so_that_a_notebook_shows_it_once(draw):
    before = plt.get_fignums()
    draw()
    assert plt.get_fignums() == before


@pytest.mark.parametrize("draw", ALL)
def test_leaves_the_settings_of_matplotlib_alone(draw):
    with plt.rc_context():
        plt.rcdefaults()
        before = dict(plt.rcParams)
        draw()
        assert dict(plt.rcParams) == before


@pytest.mark.parametrize("draw", ALL)
def test_dark_text_on_light_paper_of_its_own(draw):
    figure = draw()
    assert figure.get_facecolor()[3] == 1
    assert min(to_rgb(figure.get_facecolor())) > 0.9
    titles = [axes.title for axes in figure.axes]
    assert all(max(to_rgb(title.get_color())) < 0.3 for title in titles)


@pytest.mark.parametrize("draw", CHARTS)
def test_every_panel_has_a_title_and_a_name_on_its_x_axis(draw):
    for axes in draw().axes:
        assert axes.get_title()
        assert axes.get_xlabel()


@pytest.mark.parametrize("draw", CHARTS[1:])
def test_the_y_axis_has_a_name(draw):
    assert draw().axes[0].get_ylabel()


def test_a_layer_box_names_everything_that_goes_in_and_out():
    text = words(layer_box())
    for name in ("Linear", "$x$", "$y$", r"\partial\ell/\partial x", r"\partial\ell/\partial y"):
        assert name in text
    for parameter in ("W", "b"):
        assert f"${parameter}$" in text
        assert rf"\partial\ell/\partial {parameter}$" in text


def test_a_layer_without_parameters_has_no_gradients_for_them():
    assert words(plots.layer_box("ReLU")).count(r"\partial\ell") == 2


def test_learning_curves_show_the_losses_in_the_colours_of_their_roles():
    axes = learning_curves().axes[0]
    lines = {line.get_label(): line for line in axes.get_lines()}
    np.testing.assert_array_equal(lines["yours: train"].get_ydata(), HISTORY.train_loss)
    np.testing.assert_array_equal(lines["PyTorch: test"].get_ydata(), HISTORY.test_loss)
    np.testing.assert_array_equal(lines["yours: test"].get_xdata(), [1, 2, 3])
    assert same_color(lines["yours: train"].get_color(), style.TRAIN)
    assert same_color(lines["yours: test"].get_color(), style.TEST)
    assert same_color(lines["PyTorch: train"].get_color(), style.PYTORCH)
    assert lines["PyTorch: train"].get_linestyle() != lines["PyTorch: test"].get_linestyle()
    assert axes.get_yscale() == "log"
    assert "sines" in words(learning_curves())
    assert len(axes.get_legend().get_texts()) == 4


def test_losses_are_labelled_with_plain_numbers():
    figure = learning_curves()
    figure.canvas.draw()
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert {"0.5", "1", "2"} <= set(labels)


def test_predictions_show_train_and_test_in_the_colours_of_their_roles():
    axes = predictions().axes[0]
    train, test = axes.collections
    assert same_color(to_rgb(train.get_facecolor()[0]), style.TRAIN)
    assert same_color(to_rgb(test.get_facecolor()[0]), style.TEST)
    (perfect,) = axes.get_lines()
    np.testing.assert_array_equal(perfect.get_xdata(), perfect.get_ydata())


def test_masks_show_the_first_sample_on_top():
    kept = np.zeros((1, 2, 3), dtype=bool)
    kept[0, 0, 1] = True
    (mesh,) = plots.masks(kept, ["pass"]).axes[0].collections
    np.testing.assert_array_equal(mesh.get_array(), [[0, 0, 0], [0, 1, 0]])


def test_schedules_show_both_rates_in_the_colours_of_their_roles():
    first, second = schedules().axes
    theirs, own = second.get_lines()
    np.testing.assert_array_equal(own.get_ydata(), [0.1, 1.0, 0.2])
    np.testing.assert_array_equal(theirs.get_ydata(), own.get_ydata())
    assert same_color(theirs.get_color(), style.PYTORCH)
    assert first.get_legend() is not None


def test_paths_go_through_the_points_that_were_given():
    sgd, _ = paths().axes[0].get_lines()
    np.testing.assert_array_equal(sgd.get_xydata(), [[-5, 4], [-2, 1], [0, 0]])


def test_accuracy_stands_in_percent_beside_the_loss():
    right = accuracy_curves().axes[1]
    lines = {line.get_label(): line for line in right.get_lines()}
    np.testing.assert_allclose(lines["yours: train"].get_ydata(), [30, 90])
    np.testing.assert_allclose(lines["yours: test"].get_ydata(), [40, 80])
    assert same_color(lines["yours: test"].get_color(), style.TEST)


def test_a_single_epoch_can_be_seen():
    one = History([2.0], [1.9], [0.1], [0.3], [0.4], [0.1])
    drawn = plots.learning_curves({"yours": one})
    assert {line.get_marker() for axes in drawn.axes for line in axes.get_lines()} == {"o"}


@pytest.mark.parametrize(
    "draw", [accuracy_curves, compared, confusion, samples, mistakes_made, feature_maps]
)
def test_a_figure_of_data_names_the_data(draw):
    assert "digits" in words(draw())


def test_learning_rates_are_one_a_step():
    first, second = learning_rates().axes[0].get_lines()
    np.testing.assert_array_equal(first.get_xydata(), [[1, 0.1], [2, 0.3], [3, 0.2]])
    assert first.get_color() != second.get_color()


def test_runs_are_compared_on_the_test_data():
    left, right = compared().axes
    np.testing.assert_array_equal(left.get_lines()[0].get_ydata(), CLASSED.test_loss)
    np.testing.assert_allclose(right.get_lines()[0].get_ydata(), [40, 80])


def test_the_confusion_matrix_counts_labels_by_answers():
    axes = confusion().axes[0]
    counts = {text.get_position(): text.get_text() for text in axes.texts}
    assert counts == {(0, 0): "3", (1, 1): "2", (2, 2): "3", (3, 3): "3", (3, 1): "1"}
    assert "11 of 12 right" in axes.get_title()


def test_every_sample_has_its_label_and_dark_ink():
    axes = samples().axes[0]
    assert [text.get_text() for text in axes.texts] == [str(label) for label in LABELS]
    tiles = axes.get_images()
    np.testing.assert_array_equal(tiles[11].get_array(), IMAGES[11, 0])
    assert max(tiles[0].cmap(1.0)[:3]) < 0.3 < 0.9 < min(tiles[0].cmap(0.0)[:3])


def test_the_most_confident_mistakes_come_first():
    sure = PROBABILITIES.copy()
    sure[[2, 7]] = [[0.8, 0.1, 0.1, 0], [0.0, 0.0, 0.95, 0.05]]
    axes = plots.mistakes_made(IMAGES, LABELS, sure, "digits", most=2).axes[0]
    told = [text.get_text() for text in axes.texts]
    assert told == ["3, not 2\n95.0% sure", "2, not 0\n80.0% sure"]
    np.testing.assert_array_equal(axes.get_images()[0].get_array(), IMAGES[7, 0])
    assert "of 3 mistakes" in axes.get_title()


def test_a_network_without_mistakes_is_no_error():
    drawn = plots.mistakes_made(IMAGES, LABELS, np.eye(4)[LABELS], "digits")
    drawn.canvas.draw()
    assert "0 mistakes" in words(drawn)


def test_a_kernel_has_the_colour_of_zero_where_it_is_zero():
    weight = np.zeros((1, 1, 3, 3))
    weight[0, 0, 0, 0] = -2
    (tile,) = plots.filters(weight).axes[0].get_images()
    assert tile.norm(0.0) == 0.5
    assert same_color(tile.cmap(tile.norm(-2.0)), style.FORWARD)


def test_every_layer_has_its_maps_and_its_name():
    axes = feature_maps().axes[0]
    assert len(axes.get_images()) == 1 + 9 + 9
    assert {"the image", "Conv2d", "MaxPool2d"} <= {text.get_text() for text in axes.texts}


def test_live_curves_are_quiet_where_there_is_no_notebook(capsys):
    plots.live_curves("digits")(CLASSED)
    assert capsys.readouterr() == ("", "")


def test_live_curves_draw_one_figure_anew_every_epoch(monkeypatch):
    shown = []

    class Handle:
        update = staticmethod(shown.append)

    monkeypatch.setattr("byhand.plots.training.get_ipython", lambda: object())
    monkeypatch.setattr("byhand.plots.training.display", lambda display_id: Handle)
    watch = plots.live_curves("digits")
    watch(CLASSED)
    watch(CLASSED)
    assert len(shown) == 2
    assert "digits" in words(shown[1])


def test_what_is_not_written_yet_is_said_in_one_line(capsys):
    with plots.once_solved():
        raise NotImplementedError
    assert capsys.readouterr().out.count("\n") == 1


def test_other_errors_are_not_hidden():
    with pytest.raises(NameError), plots.once_solved():
        raise NameError


def test_times_are_drawn_over_sizes_pytorchs_in_its_colour():
    axes = timing().axes[0]
    loops, pytorch = axes.get_lines()
    np.testing.assert_array_equal(loops.get_xydata(), [[1, 0.1], [10, 1.0], [100, np.nan]])
    assert same_color(pytorch.get_color(), style.PYTORCH)
    assert not same_color(loops.get_color(), style.PYTORCH)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "10", "100"]


def test_bars_say_how_long_it_took_and_how_many_times_pytorchs():
    figure = timing_bars()
    for label in ("38 s, 7,600 times PyTorch's", "12 ms, 2.5 times PyTorch's", "5.0 ms"):
        assert label in [text.get_text() for text in figure.axes[0].texts]
    *own, pytorch = figure.axes[0].patches
    assert same_color(pytorch.get_facecolor(), style.PYTORCH)
    assert not any(same_color(bar.get_facecolor(), style.PYTORCH) for bar in own)


def squares(figure, axes, colour):
    """The corners of the squares of a colour."""
    drawn = [patch for patch in figure.axes[axes].patches if isinstance(patch, plt.Rectangle)]
    return {patch.get_xy() for patch in drawn if same_color(patch.get_facecolor(), colour)}


def test_grids_mark_what_was_asked_for_in_the_colour_of_its_direction():
    figure = grids()
    assert squares(figure, 0, style.FORWARD) == {(1, 1), (2, 1)}
    assert squares(figure, 0, style.BACKWARD) == {(7, 1), (8, 1)}  # beside x, a column between
    assert "11" in [text.get_text() for text in figure.axes[0].texts]


def test_a_window_stands_in_the_corner_and_its_places_are_counted():
    figure = window_places()
    padded, gaps = figure.axes
    assert squares(figure, 0, style.FORWARD) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert squares(figure, 1, style.FORWARD) == {(0, 0), (0, 2), (2, 0), (2, 2)}
    assert padded.get_xlabel() == gaps.get_xlabel() == "3 by 3 places"
    np.testing.assert_array_equal(padded.collections[0].get_offsets()[:3], [[1, 1], [3, 1], [5, 1]])


def test_what_a_number_sees_lies_in_the_middle():
    first, second = (patch.get_bbox() for patch in receptive().axes[0].patches)
    assert (first.width, second.width) == (3, 4)
    assert (first.x0 + first.x1) / 2 == (second.x0 + second.x1) / 2 == 2.5
