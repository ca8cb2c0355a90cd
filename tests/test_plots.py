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


def layer_box():
    return plots.layer_box("Linear", parameters=["W", "b"])


CHARTS = [activations, distributions, masks, learning_curves, predictions, paths]
ALL = [*CHARTS, layer_box]


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


@pytest.mark.parametrize("draw", [distributions, masks, learning_curves, predictions, paths])
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
    assert "sines" in axes.get_title()
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


def test_paths_go_through_the_points_that_were_given():
    (sgd, _) = paths().axes[0].get_lines()
    np.testing.assert_array_equal(sgd.get_xydata(), [[-5, 4], [-2, 1], [0, 0]])


def test_what_is_not_written_yet_is_said_in_one_line(capsys):
    with plots.once_solved():
        raise NotImplementedError
    assert capsys.readouterr().out.count("\n") == 1


def test_other_errors_are_not_hidden():
    with pytest.raises(NameError), plots.once_solved():
        raise NameError
