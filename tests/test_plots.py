"""Every figure draws without a warning, says what it shows, and keeps one colour for one role."""

import base64
import warnings
from xml.etree import ElementTree

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
CLASSED = History([2.0, 0.4], [1.9, 0.6], [0.1] * 2, [0.3, 0.9], [0.4, 0.8], [0.1] * 6)
IMAGES = np.random.default_rng(0).random((12, 1, 6, 6))
LABELS = np.arange(12) % 4
ANSWERS = np.where(np.arange(12) == 5, 3, LABELS)  # one mistake: 3 instead of 1
PROBABILITIES = np.eye(4)[ANSWERS] * 0.6 + 0.1


def activations():
    return plots.activations(X, {"Sigmoid": (SIGMOID, SIGMOID * (1 - SIGMOID)), "ReLU": (X, X)})


def overlaid():
    return plots.overlaid(X, {"Tanh": (2 * SIGMOID - 1, SIGMOID), "quoted": (SIGMOID, X)})


def distributions():
    samples = np.random.default_rng(0).normal(size=(30, 4))
    return plots.distributions({"x": 5 * samples + 7, "y": samples}, ["a", "b", "c", "d"])


def masks():
    kept = np.random.default_rng(0).random((3, 8, 16)) > 0.3
    return plots.masks(kept, ["first", "second", "eval"])


def twins():
    return plots.twins([2.0, 0.9, 0.5], [2.0, 0.9 + 1e-15, 0.5])


def chance():
    return plots.twins([2.0, 0.9, 0.5], [2.0, 0.9 + 1e-15, 0.5], [[2.2, 0.8, 0.6], [1.9, 1.0, 0.4]])


def by_scale():
    networks = {"without": [3.5, 0.5, np.nan, 1e30], "with": [0.6, 0.6, 0.7, 0.8]}
    return plots.by_scale({"batches of 16": networks, "of 2": networks}, [0.25, 1, 2, 4], 3.46)


def learning_curves():
    curves = {"training": [4.0, 0.5, 0.01], "validation": [4.1, 2.0, 2.5]}
    return plots.learning_curves({"without": curves, "with": curves}, [0, 10, 20], least=1.0)


def predictions():
    pairs = {"training": (X[:, None], X[:, None] + 0.1), "validation": (X, X - 0.1)}
    return plots.predictions(pairs)


def schedules():
    rates = {"StepLR": [1.0, 0.5, 0.5], "OneCycleLR": [0.1, 1.0, 0.2]}
    return plots.schedules(rates, rates)


def layer_box():
    return plots.layer_box("Linear", parameters=["W", "b"])


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
    weight = np.random.default_rng(0).normal(size=(10, 2, 3, 5))
    return plots.filters({"before": weight / 4, "after": weight})


def feature_maps():
    maps = {"Conv2d": np.ones((9, 4, 4)), "MaxPool2d": np.ones((9, 2, 2))}
    return plots.feature_maps(IMAGES[0], maps, "digits")


def occlusion():
    places = np.linspace(0, 1, 9).reshape(1, 3, 3).repeat(2, axis=0)
    return plots.occlusion(IMAGES[:2], LABELS[:2], LABELS[2:4], places, "digits")


def learned():
    return plots.learned({"convnet": [0.8, 0.9], "MLP": [0.7, 0.8]}, "digits", "validation")


def changed_images():
    shares = {"pixels": {"convnet": [0.9, 0.5]}, "degrees": {"convnet": [0.3, 0.9, 0.4]}}
    return plots.changed_images(shares, {"pixels": [0, 1], "degrees": [-9, 0, 9]}, "digits")


SWEEP = {"SGD": {"0.1": 0.9, "1": 0.5, "0.03": 1.5}, "Adam": {"0.001": 0.2, "1": np.nan}}


def tuned():
    return plots.tuned(SWEEP, "digits")


def with_seeds():
    better = History([1.0, 0.2], train_accuracy=[0, 0], validation_accuracy=[0.9, 0.98], lr=[0.1])
    return plots.with_seeds({"SGD": [CLASSED, CLASSED], "Adam": [better, CLASSED]}, "digits")


def hand_made_kernels():
    kernels = {"blur": np.full((3, 3), 1 / 9), "edges": np.array([[1, 0, -1]] * 3)}
    return plots.hand_made_kernels(IMAGES[0, 0], kernels, IMAGES[1:3, 0] - 0.5)


def step_errors():
    steps = np.array([1e-1, 1e-5, 1e-9])
    return plots.step_errors({"central": steps**2, "one-sided": steps}, steps, chosen=1e-5)


def by_layer():
    return plots.by_layer({"sigmoid": [1e-8, 1.0], "ReLU": [0.1, 1.0]}, "Two layers")


def chain():
    return plots.chain(["Linear", "mse"], values=["x", "y", r"\ell"], parameters={0: "W"})


def over_steps():
    return plots.over_steps({"yours": [3.0, 1.0], "autograd": [3.0, 1.5]}, "Training")


def two_layer_graph():
    return plots.two_layer_graph()


RATES = [0.01, 0.1, 1.0]
SWEPT = {"one": {"SGD": np.array([[2.0, 0.5, 1], [1, 0.7, 2], [1.5, 0.6, np.nan]])}}
SWEPT |= {"many": {"Adam": np.array([[1.0, 0.9, 2.0]]), "NAdam": np.array([[0.8, 1.0, 1.5]])}}


def rate_sweep():
    return plots.rate_sweep(RATES, SWEPT, "digits")


def race():
    losses = np.geomspace(2, 0.1, 60) * np.array([[1.0], [1.2], [0.9]])
    return plots.race({"one": {"SGD": losses}, "many": {"Adam": losses / 2}}, "digits", over=5)


def rate_finder():
    rates = np.geomspace(1e-5, 1, 60)
    return plots.rate_finder(rates, 2 - np.sqrt(rates), chosen=1e-2)


def step_ratios():
    size = np.geomspace(1e-8, 1, 9)
    panels = {"rate inside": ("step", np.arange(1, 5), np.array([1, 1, 9, 3]))}
    return plots.step_ratios(panels | {"eps": ("gradient", size, size**0.5)})


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
    return plots.receptive(IMAGES[0, 0], {"Conv2d": (2, 3), "MaxPool2d": (-1, 4)})


CHARTS = [activations, distributions, masks, twins, chance, by_scale, learning_curves]
CHARTS += [predictions]
CHARTS += [
    schedules,
    learning_rates,
    compared,
    confusion,
    step_errors,
    by_layer,
    over_steps,
    timing,
    receptive,
    rate_sweep,
    race,
    rate_finder,
    step_ratios,
    learned,
    changed_images,
    tuned,
    with_seeds,
]
GALLERIES = [samples, mistakes_made, filters, feature_maps, occlusion, hand_made_kernels]
ALL = [*CHARTS, *GALLERIES, overlaid, layer_box, timing_bars, window_places, grids, chain]
ALL += [two_layer_graph]


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


@pytest.mark.parametrize("draw", ALL)
def test_a_notebook_shows_it_as_an_image_with_an_alt_text(draw, capsys):
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "display", lambda bundle, raw: shown.append(bundle))
        draw()._ipython_display_()
    [bundle] = shown
    element = ElementTree.fromstring(bundle["text/html"].replace('">', '"/>'))
    assert element.tag == "img"
    alt = element.get("alt")
    assert alt == bundle["text/plain"]
    assert 15 < len(alt) <= style.MOST
    assert not set("$\\\n") & set(alt)
    for axes in [] if draw().words else draw().axes:
        assert style._plain(axes.get_title()) in alt
    kind, content = element.get("src").removeprefix("data:image/").split(";base64,")
    assert kind in ("svg+xml", "png")
    start = base64.b64decode(content)[:60]
    assert b"<?xml" in start or b"PNG" in start


def test_the_alt_text_says_what_a_curve_does():
    drawn = plots.over_steps({"yours": [3.0, 1.0, 2.0], "level": [5.0, 5.0]}, "Training of $x$")
    told = "yours from 3 to 2, at least 1, level at 5"
    assert drawn.alt == f"Training of x (loss (logarithmic) over step): {told}"
    assert "masks" not in drawn.alt
    marks = plots.over_steps({"<b>": [1.0, 2.0]}, 'one "&" two')
    assert ElementTree.fromstring(marks.image().replace('">', '"/>')).get("alt") == marks.alt
    assert step_errors().alt.endswith("from 0.1 to 1e-09, step 1e-05")
    formula = plots.layer_box("Linear", parameters=["W"])
    assert "g = dell/dy, dell/dx, W, dell/dW" in formula.alt


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (grids, "x: 0 1 2 3, 4 5 6 7, 8 9 10 11; g: 0 1 2 3"),
        (timing_bars, "Conv2d: loops: 38 s, 7,600 times PyTorch's; yours: 12 ms, 2.5 times"),
    ],
)
def test_the_alt_text_holds_the_numbers_that_matter(draw, words):
    assert words in draw().alt


def test_a_picture_of_many_points_is_a_sharp_png():
    many = np.random.default_rng(0).normal(size=(2, 5000))
    drawn = plots.predictions({"training": tuple(many)})
    content = base64.b64decode(drawn.image().partition("base64,")[2].rstrip('">'))
    assert content[1:4] == b"PNG"
    width = int.from_bytes(content[16:20], "big")
    assert width == pytest.approx(2 * drawn.get_figwidth() * 100)
    assert f'width="{width // 2}"' in drawn.image()


def test_the_same_figure_is_the_same_text():
    assert schedules().image() == schedules().image()


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


def test_twins_lie_on_each_other_and_the_difference_stands_below():
    above, below = twins().axes
    pytorch, yours = above.get_lines()
    assert same_color(yours.get_color(), style.TRAIN)
    assert same_color(pytorch.get_color(), style.PYTORCH)
    np.testing.assert_array_equal(yours.get_xydata(), [[1, 2.0], [2, 0.9], [3, 0.5]])
    assert above.get_yscale() == below.get_yscale() == "log"
    apart = below.get_lines()[0].get_ydata()
    np.testing.assert_allclose(apart, [np.nan, 1e-15 / 0.9, np.nan], rtol=0.1)


def test_runs_from_other_seeds_are_compared_with_pytorch_too():
    above, below = chance().axes
    np.testing.assert_array_equal(above.get_lines()[0].get_ydata(), [2.2, 0.8, 0.6])
    np.testing.assert_allclose(below.get_lines()[1].get_ydata(), [0.05, 1 / 9, 0.2])
    low, high = below.get_ylim()
    assert low < 1e-16 < 0.2 < high
    labels = [text.get_text() for text in above.get_legend().get_texts()]
    assert labels == ["yours, other seeds", "PyTorch", "yours"]


def test_a_network_that_exploded_is_a_cross_above_those_that_learned_nothing():
    first, second = by_scale().axes
    without, gone, normalised, none_gone, constant = first.get_lines()
    np.testing.assert_array_equal(without.get_ydata(), [3.5, 0.5, np.nan, np.nan])
    np.testing.assert_array_equal(gone.get_xdata(), [2, 4])
    assert min(gone.get_ydata()) > constant.get_ydata()[0] == 3.46
    assert len(none_gone.get_xdata()) == 0
    assert same_color(normalised.get_color(), style.TRAIN)
    assert first.get_ylim() == second.get_ylim()
    assert first.get_ylim()[0] < 0.5
    assert first.get_ylim()[1] > max(gone.get_ydata())


def test_two_learning_curves_have_the_colours_of_their_roles_and_end_in_numbers():
    axes = learning_curves().axes[0]
    train, validation, noise = axes.get_lines()
    assert same_color(train.get_color(), style.TRAIN)
    assert same_color(validation.get_color(), style.VALIDATION)
    np.testing.assert_array_equal(validation.get_xydata(), [[0, 4.1], [10, 2.0], [20, 2.5]])
    assert noise.get_ydata()[0] == 1
    assert axes.get_title() == "without\nat the end: training 0.01, validation 2.5"


def test_distributions_show_the_numbers_of_each_feature_and_one_scale_for_the_last_row():
    figure = distributions()
    assert len(figure.axes) == 8
    first, last = figure.axes[0], figure.axes[4:]
    assert sum(bar.get_height() for bar in first.patches) == 30
    assert (first.get_xlabel(), last[0].get_xlabel()) == ("x: a", "y: a")
    sample = np.random.default_rng(0).normal(size=(30, 4))[:, 0] * 5 + 7
    said = f"mean {sample.mean().round(2):.3g}, deviation {sample.std():.2g}"
    assert first.get_title() == said
    assert {axes.get_xlim() for axes in last} == {(-4, 4)}


def test_losses_are_labelled_with_plain_numbers():
    figure = twins()
    figure.canvas.draw()
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert {"0.5", "1", "2"} <= set(labels)


def test_predictions_show_training_and_validation_in_the_colours_of_their_roles():
    axes = predictions().axes[0]
    train, validation = axes.collections
    assert same_color(to_rgb(train.get_facecolor()[0]), style.TRAIN)
    assert same_color(to_rgb(validation.get_facecolor()[0]), style.VALIDATION)
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


OF_DATA = [compared, confusion, samples, mistakes_made, feature_maps, occlusion, learned]
OF_DATA += [changed_images, tuned, with_seeds, rate_sweep, race]


@pytest.mark.parametrize("draw", OF_DATA)
def test_a_figure_of_data_names_the_data(draw):
    assert "digits" in words(draw())


def test_learning_rates_are_one_a_step():
    first, second = learning_rates().axes[0].get_lines()
    np.testing.assert_array_equal(first.get_xydata(), [[1, 0.1], [2, 0.3], [3, 0.2]])
    assert first.get_color() != second.get_color()


def test_runs_are_compared_by_training_loss_and_validation_accuracy():
    left, right = compared().axes
    np.testing.assert_array_equal(left.get_lines()[0].get_ydata(), CLASSED.train_loss)
    np.testing.assert_allclose(right.get_lines()[0].get_ydata(), [40, 80])


def test_the_confusion_matrix_counts_labels_by_answers():
    axes = confusion().axes[0]
    counts = {text.get_position(): text.get_text() for text in axes.texts}
    assert counts == {(0, 0): "3", (1, 1): "2", (2, 2): "3", (3, 3): "3", (3, 1): "1"}
    assert "11 of 12 right" in axes.get_title()


def test_the_alt_text_of_a_confusion_matrix_names_what_was_mixed_up():
    assert confusion().alt == "digits: 11 of 12 right; taken most often: 1 for 3 (1)"
    two = plots.confusion(np.append(LABELS, [2, 2]), np.append(ANSWERS, [0, 0]), "digits")
    assert two.alt.endswith("taken most often: 2 for 0 (2), 1 for 3 (1)")
    right = plots.confusion(LABELS, LABELS, "digits")
    assert right.alt == "digits: 12 of 12 right; taken most often: nothing for anything else"


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
    (tile,) = plots.filters({"": weight}).axes[0].get_images()
    assert tile.norm(0.0) == 0.5
    assert same_color(tile.cmap(tile.norm(-2.0)), style.FORWARD)


def test_kernels_before_and_after_are_numbered_framed_and_in_the_same_shades():
    axes = filters().axes[0]
    tiles, said = axes.get_images(), [text.get_text() for text in axes.texts]
    assert len(tiles) == len(axes.patches) == 20
    assert len({(tile.norm.vmin, tile.norm.vmax) for tile in tiles}) == 1
    assert said.count("10") == 2
    assert {"before", "after"} <= set(said)


def test_every_layer_has_its_maps_its_name_and_the_numbers_of_its_kernels():
    axes = feature_maps().axes[0]
    assert len(axes.get_images()) == 1 + 9 + 9
    said = [text.get_text() for text in axes.texts]
    assert {"the image", "Conv2d", "MaxPool2d"} <= set(said)
    assert said.count("9") == 2
    assert axes.get_images()[1].norm(0.0) == 0.5  # signed: white at zero


def test_what_is_covered_lies_over_the_image_as_strong_as_the_label_is_probable():
    first, *_ = occlusion().axes
    image, shades = first.get_images()
    assert image.get_extent() == shades.get_extent()
    strength = shades.get_array()[..., 3]
    assert strength[0, 0] == 0
    np.testing.assert_allclose(strength[2, 2], 0.85)
    assert first.get_title() == "0, read as 2"


def test_a_network_that_misread_one_image_is_no_error():
    drawn = plots.occlusion(IMAGES[:1], LABELS[:1], LABELS[1:2], np.zeros((1, 3, 3)), "digits")
    drawn.canvas.draw()
    assert [axes.axison for axes in drawn.axes[:4]] == [True, False, False, False]


def test_the_best_learning_rate_is_marked_and_told():
    axes = tuned().axes[0]
    sgd, best, *_ = axes.get_lines()
    np.testing.assert_allclose(sgd.get_xdata(), [0.03, 0.1, 1])
    np.testing.assert_allclose(sgd.get_ydata(), [1.5, 0.9, 0.5])
    np.testing.assert_allclose([best.get_xdata(), best.get_ydata()], [[1], [0.5]])
    assert axes.get_xscale() == "log"
    assert tuned().alt.endswith("best SGD: 1, loss 0.5; Adam: 0.001, loss 0.2")


def test_seeds_are_a_mean_and_a_band():
    _, wrong, rates = with_seeds().axes
    np.testing.assert_allclose(wrong.get_lines()[1].get_ydata(), [35, 11])
    band = wrong.collections[1].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == pytest.approx((2, 60))
    assert rates.get_yscale() == "log"
    assert "Adam 2.00 to 20.00" in with_seeds().alt


def test_a_kernel_stands_below_what_it_makes_in_colours_that_know_the_sign():
    drawn = hand_made_kernels()
    _, blur, edges = drawn.axes[:3]
    assert (blur.get_title(), edges.get_title()) == ("blur", "edges")
    assert edges.get_images()[0].norm(0.0) == 0.5
    assert blur.get_images()[0].norm.vmin == 0
    assert "edges [[1, 0, -1]" in drawn.alt


def test_what_is_not_written_yet_is_said_in_one_line(capsys):
    with plots.once_solved():
        raise NotImplementedError
    assert capsys.readouterr().out.count("\n") == 1


def test_what_went_wrong_is_said_in_one_line(capsys):
    def linear_forward():
        np.ones(2) @ np.ones(3)  # what NumPy says has several lines

    with plots.once_solved():
        linear_forward()
    said = capsys.readouterr().out
    line = linear_forward.__code__.co_firstlineno + 1
    assert said.startswith(f"{plots.STOPPED} in linear_forward, line {line} of its cell: ValueErr")
    assert said.count("\n") == 1


def test_what_went_wrong_in_the_cell_itself_is_named_too(capsys):
    with plots.once_solved():
        nothing = None
        nothing[0]
    said = capsys.readouterr().out
    assert said.startswith(f"{plots.STOPPED}: TypeError: 'NoneType' object is not subscriptable. ")


def test_a_cell_that_is_interrupted_stops():
    with pytest.raises(KeyboardInterrupt), plots.once_solved():
        raise KeyboardInterrupt


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


def test_runs_that_all_blew_up_are_drawn_all_the_same():
    nowhere = plots.rate_sweep(RATES, {"one": {"SGD": np.full((3, 3), np.nan)}}).axes[0]
    assert np.isnan(nowhere.get_lines()[0].get_ydata()).all()
    assert "SGD" in plots.tuned({"SGD": {"0.1": np.nan, "1": np.nan}}, "digits").alt


def test_functions_lie_over_each_other_and_so_do_their_derivatives():
    left, right = overlaid().axes
    assert [line.get_label() for line in left.get_lines()] == ["Tanh", "quoted"]
    np.testing.assert_array_equal(left.get_lines()[1].get_ydata(), SIGMOID)
    np.testing.assert_array_equal(right.get_lines()[1].get_ydata(), X)


def test_a_sweep_marks_the_best_rate_and_ends_where_a_seed_blew_up():
    one, many = rate_sweep().axes
    middle, best, *_ = one.get_lines()
    np.testing.assert_array_equal(middle.get_ydata(), [1.5, 0.6, np.nan])
    assert (best.get_xdata(), best.get_ydata()) == ([0.1], [0.6])
    places = [line.get_xdata()[0] for line in many.get_lines()[1:4:2]]
    assert places == [0.1, 0.01]
    assert one.get_xlim() == many.get_xlim()
    corners = one.collections[0].get_paths()[0].vertices
    assert {(0.1, 0.5), (0.1, 0.7)} <= set(map(tuple, corners))
    assert not (corners[:, 0] == 1).any()


def test_a_race_shows_running_means_and_the_band_of_the_seeds():
    one, _ = race().axes
    [middle] = one.get_lines()
    losses = np.geomspace(2, 0.1, 60)
    np.testing.assert_allclose(middle.get_ydata()[-1], losses[-5:].mean())
    assert (middle.get_xdata()[0], middle.get_xdata()[-1]) == (5, 60)
    heights = one.collections[0].get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx(1.2 * losses[:5].mean())
    assert heights.min() == pytest.approx(0.9 * losses[-5:].mean())


def test_the_finder_marks_the_rate_that_was_chosen():
    _, smooth, chosen = rate_finder().axes[0].get_lines()
    assert chosen.get_xdata() == [1e-2, 1e-2]
    assert len(smooth.get_xdata()) == 57  # of 60, four together
    assert smooth.get_xdata()[0] == pytest.approx(np.geomspace(1e-5, 1, 60)[2])


def test_ratios_are_logarithmic_where_their_numbers_span_far():
    left, right = step_ratios().axes
    assert (left.get_xscale(), right.get_xscale()) == ("linear", "log")
    equal, ratio = left.get_lines()
    assert equal.get_ydata() == [1, 1]
    np.testing.assert_array_equal(ratio.get_ydata(), [1, 1, 9, 3])
    assert left.get_ylim()[0] < 1 < left.get_ylim()[1]


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


def test_what_a_number_sees_lies_on_the_edges_of_pixels():
    axes = receptive().axes[0]
    first, second = (patch.get_bbox() for patch in axes.patches)
    assert (first.width, second.width) == (3, 4)
    assert (first.x0, first.y0) == (1.5, 1.5)  # around pixel 2, whose edges are at its halves
    assert second.x0 == -1.5
    assert axes.get_xlim() == (-1.5, 5.5)  # the padding that it sees is shown


def test_a_guide_has_slope_one_and_lies_above_the_lines():
    seconds = {"yours": [0.1, 1.0, 2.0]}
    axes = plots.timing(seconds, [1, 10, 100], "Linear", guide="slope 1").axes[0]
    _, guide = axes.get_lines()
    np.testing.assert_allclose(guide.get_ydata() / guide.get_xdata(), guide.get_ydata()[0])
    assert guide.get_ydata()[-1] > 2
    assert guide.get_label() == "slope 1"
