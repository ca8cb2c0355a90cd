"""The figure of a training run: right with one point, within an epoch, and in the end."""

import re
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

from byhand import plots
from byhand.plots import live, style
from byhand.training import History

SVG = "{http://www.w3.org/2000/svg}"
FULL = History(
    train_loss=[1.0, 0.5],
    validation_loss=[0.8, 0.4],
    seconds=[1.0, 1.0],
    train_accuracy=[0.6, 0.9],
    validation_accuracy=[0.7, 0.985],
    lr=[0.1, 0.2, 0.3, 0.2],
    loss=[2.0, 1.0, 0.5, 0.25],
)
REGRESSION = History([1.0], [0.8], [1.0], lr=[0.1, 0.1], loss=[2.0, 1.0])
FIRST = History(lr=[1.6e-4], loss=[2.3])


def parsed(drawn):
    return ElementTree.fromstring(drawn.svg)


def words(drawn):
    return [text.text for text in parsed(drawn).iter(f"{SVG}text")]


def lines(drawn, colour, width=None):
    """The points of the lines of a colour, each (n, 2)."""
    found = [
        line
        for line in parsed(drawn).iter(f"{SVG}polyline")
        if line.get("stroke") == colour and width in (None, float(line.get("stroke-width")))
    ]
    return [np.array(line.get("points").split(), float).reshape(-1, 2) for line in found]


def insides(drawn):
    """The attributes of what keeps the curves of each panel inside."""
    return [one.attrib for one in parsed(drawn).iter(f"{SVG}svg") if one.get("x")]


def dots(drawn, colour):
    found = [dot for dot in parsed(drawn).iter(f"{SVG}circle") if dot.get("fill") == colour]
    return np.array([[float(dot.get("cx")), float(dot.get("cy"))] for dot in found])


def panels(monkeypatch, *args, **options):
    """The panels that training_run draws, by title."""
    made = {}

    def note(title, *values):
        made[title] = panel = original(title, *values)
        return panel

    original = live.Panel
    monkeypatch.setattr(live, "Panel", note)
    plots.training_run(*args, **options)
    return made


def test_the_curves_are_what_was_measured(monkeypatch):
    made = panels(monkeypatch, FULL, "digits", goal=0.99)
    loss, rate, whole, close = made.values()
    every, mean, validation = loss.curves
    np.testing.assert_allclose(every.x, [0.5, 1, 1.5, 2])
    np.testing.assert_allclose(every.y, FULL.loss)
    np.testing.assert_allclose(mean.y, FULL.loss)  # of so few steps each is its own mean
    np.testing.assert_allclose([validation.x, validation.y], [[1, 2], [0.8, 0.4]])
    np.testing.assert_allclose(rate.curves[0].y, FULL.lr)
    train, validation, goal = whole.curves
    np.testing.assert_allclose(train.y, [60, 90])
    np.testing.assert_allclose(validation.y, [70, 98.5])
    np.testing.assert_allclose(goal.y, [99, 99])
    assert close.curves == whole.curves
    assert (whole.low, whole.high) == (0, 100)
    assert (close.low, close.high) == pytest.approx((97, 100))


def test_colours_are_those_of_the_roles():
    drawn = plots.training_run(FULL, goal=0.99)
    assert len(dots(drawn, style.VALIDATION)) == 6
    assert len(lines(drawn, style.TRAIN, 2.0)) == 4 + 3  # curves, legends
    assert f'fill="{style.PAPER}"' in drawn.svg


def test_the_running_mean_is_over_a_fortieth_of_the_run(monkeypatch):
    loss = np.random.default_rng(0).random(400).tolist()
    long = History(seconds=[1.0] * 2, loss=loss, lr=[0.1] * 400)
    mean = panels(monkeypatch, long)["Loss (logarithmic)"].curves[1]
    assert mean.y[3] == pytest.approx(np.mean(loss[:4]))
    assert mean.y[-1] == pytest.approx(np.mean(loss[-10:]))


def test_the_first_picture_is_right_with_a_single_point():
    drawn = plots.training_run(FIRST, "digits", 0.99, planned=8, steps=782, accuracy=0.125)
    points = dots(drawn, style.TRAIN)
    assert len(points) == 2 + 1 + 2  # loss and its mean, rate, accuracy twice
    assert np.isfinite(points).all()
    assert set(points[:, 0].round()) == {52, 466}  # the left edges
    assert {"digits", "1.5e-4", "2", "1", "8", "goal 99"} <= set(words(drawn))
    assert "nan" not in drawn.svg
    assert "0.00128 of 8 epochs on digits: running mean of the loss at 2.3" in drawn.alt


def test_within_an_epoch_the_accuracy_moves(monkeypatch):
    begun = History([1.0], [], [1.0], [0.6], [0.7], lr=[0.1] * 3, loss=[2.0, 1.0, 0.5])
    made = panels(monkeypatch, begun, planned=4, steps=2, accuracy=0.75)
    train = made["Right answers in %"].curves[0]
    np.testing.assert_allclose([train.x, train.y], [[1, 1.5], [60, 75]])
    assert made["Loss (logarithmic)"].end == 4
    over = panels(monkeypatch, begun, planned=4, steps=3, accuracy=0.6)
    assert len(over["Right answers in %"].curves[0].x) == 1


def test_without_classes_there_is_no_accuracy():
    drawn = plots.training_run(REGRESSION)
    assert "Right answers in %" not in words(drawn)
    assert "right answers" not in drawn.alt
    assert max(points[:, 0].max() for points in lines(drawn, style.TRAIN)) > 600


def test_what_is_off_the_axes_ends_at_their_edge_and_looks_like_no_value_there():
    loss = [1.0] * 400
    loss[200] = 1e-9
    far = History(seconds=[1.0], loss=loss, lr=[0.1] * 400)
    drawn = plots.training_run(far)
    lower = 236 + 1
    first = insides(drawn)[0]
    assert float(first["y"]) + float(first["height"]) == lower
    assert lines(drawn, style.TRAIN, 0.8)[0][:, 1].max() > lower
    for points in lines(drawn, style.TRAIN):
        assert (points >= 0).all()
        assert (points[:, 0] <= live.WIDTH).all()
    low = plots.training_run(History([1.0], [1.0], [1.0], [0.3], [0.4], [0.1], [1.0]), goal=0.99)
    assert (dots(low, style.VALIDATION)[:, 1] > live.HEIGHT).sum() == 1  # not one at 97%


def test_names_of_epochs_stand_apart():
    drawn = plots.training_run(FULL, planned=400, goal=0.99)
    names = [
        text for text in parsed(drawn).iter(f"{SVG}text") if text.get("text-anchor") == "middle"
    ]
    rows = {}
    for text in names:
        rows.setdefault(text.get("y"), []).append(float(text.get("x")))
    assert rows
    for row in rows.values():
        assert (np.diff(np.sort(row)) > 30).all()


@pytest.mark.parametrize("loss", [[0.0, 0.0], [1e-12, 5e3], [-1.0, 2.0]])
def test_strange_losses_are_drawn(loss):
    drawn = plots.training_run(History(seconds=[1.0], loss=loss, lr=[0.0, 0.0]))
    assert "nan" not in drawn.svg


def test_a_long_curve_keeps_its_peaks_and_its_end():
    y = np.zeros(50_000)
    y[[7, 31_234]] = 5, -3
    y[-1] = 2
    x, thinned = live._thinned(np.arange(50_000), y)
    assert len(x) <= 2 * live.POINTS + 3
    assert (np.diff(x) >= 0).all()
    assert {5, -3} <= set(thinned)
    assert (x[-1], thinned[-1]) == (49_999, 2)


@pytest.mark.parametrize(
    ("ends", "ticks"),
    [
        ((0, 8), [0, 2, 4, 6, 8]),
        ((97, 100), [97, 97.5, 98, 98.5, 99, 99.5, 100]),
        ((0, 0.0042), [0, 0.001, 0.002, 0.003, 0.004]),
        ((0, 1e-13), [0, 2e-14, 4e-14, 6e-14, 8e-14, 1e-13]),
    ],
)
def test_ticks_are_few_round_numbers(ends, ticks):
    assert live._ticks(*ends) == pytest.approx(ticks, abs=1e-20)


@pytest.mark.parametrize(
    ("ends", "ticks"),
    [
        ((0.8, 3.7), [1, 2]),
        ((0.02, 4), [0.03, 0.1, 0.3, 1, 3]),
        ((1e-4, 10), [1e-4, 1e-3, 1e-2, 0.1, 1, 10]),
    ],
)
def test_logarithmic_ticks_are_few_round_numbers(ends, ticks):
    assert live._ticks(*ends, log=True) == pytest.approx(ticks)


def test_a_frame_is_a_part_of_the_page_and_the_end_is_an_image():
    drawn = plots.training_run(FULL, "a < b", goal=0.99)
    frame = ElementTree.fromstring(drawn.frame())
    assert frame.get("role") == "img"
    assert frame.get("aria-label") == drawn.alt
    assert re.match('<img alt="A training run, 2 of 2 epochs on a &lt; b:', drawn.image())
    assert "share of right answers in %, validation from 70 to 98.5" in drawn.alt


def run(over=False, history=FULL):
    return SimpleNamespace(history=history, planned=4, steps=2, train_accuracy=0.5, over=over)


def test_it_is_quiet_where_there_is_no_notebook(capsys):
    plots.live_training("digits")(run())
    assert capsys.readouterr() == ("", "")


def test_one_figure_is_drawn_anew(monkeypatch):
    shown = []

    class Handle:
        update = staticmethod(lambda bundle, raw: shown.append(bundle))

    def display(bundle, raw, display_id):
        shown.append(bundle)
        return Handle

    monkeypatch.setattr(live, "get_ipython", lambda: object())
    monkeypatch.setattr(live, "display", display)
    watch = plots.live_training("digits", goal=0.99)
    watch(run(history=FIRST))
    watch(run())
    watch(run(over=True))
    first, second, last = (bundle["text/html"] for bundle in shown)
    assert first.startswith("<svg role=")
    assert second.startswith("<svg role=")
    assert last.startswith("<img alt=")
    assert "digits" in first
    assert all("2 of 4 epochs" in bundle["text/plain"] for bundle in shown[1:])
