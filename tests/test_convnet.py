"""What 5-convnet says is so: the numbers in its text, its three versions, its last cells."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from byhand import plots, training
from byhand.grading.course.notebooks import read, reference, source_notebook
from byhand.training import History

NOTEBOOK = source_notebook(Path(__file__).parents[1], "5-convnet")
REFERENCE = reference(NOTEBOOK)
CELLS = {cell.id: cell.source for cell in read(NOTEBOOK).cells}
X = np.arange(1.0, 10).reshape(1, 1, 3, 3)
RUN = vars(History(train_loss=[1.0], validation_accuracy=[0.9], lr=[0.1], loss=[1.0]))


def test_the_worked_example_of_the_convolution():
    layer = REFERENCE.Conv2d(1, 1, 2, bias=False)
    layer.weight[...] = [[1, 2], [0, -1]]
    np.testing.assert_array_equal(layer(X)[0, 0], [[0, 2], [6, 8]])
    grad = layer.backward(X, np.array([[[[1.0, 0], [0, 2]]]]))
    np.testing.assert_array_equal(layer.grad_weight[0, 0], [[11, 14], [20, 23]])
    np.testing.assert_array_equal(grad[0, 0], [[1, 2, 0], [0, 1, 4], [0, 0, -2]])


def test_the_sizes_that_the_questions_name():
    layer = REFERENCE.Conv2d(8, 16, 3)
    assert sum(p.size for p in layer.parameters()) == 1168
    assert layer(np.zeros((1, 8, 12, 12))).size == 1600
    assert 64 * 64 * 9 == 36_864
    assert 64 * 9 + 64 * 64 == 4_672


@pytest.mark.parametrize("name", ["loops", "offsets", "windows"])
def test_the_three_versions_are_the_same_convolution(name):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(2, 3, 5, 6)), rng.normal(size=(4, 3, 2, 3))
    expected = torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(weight)).numpy()
    np.testing.assert_allclose(getattr(REFERENCE, name)(x, weight), expected, atol=1e-12)


def test_a_convolution_of_images_that_lie_last_in_memory_is_the_same():
    rng = np.random.default_rng(0)
    layer, x = REFERENCE.Conv2d(3, 2, 3, padding=1), rng.normal(size=(4, 3, 6, 5))
    first = layer(x).copy()
    last = np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
    np.testing.assert_array_equal(layer(last), first)


def test_the_interval_of_9910_right_answers_is_the_one_in_the_text():
    place = CELLS["interval"].split("with plots")[0]
    names = {"np": np}
    exec(place, names)
    low, high = names["interval"](9_910, 10_000)
    text = CELLS["mnist-task"]
    assert f"between {low:.2%} and {high:.2%}" in text


def drawn_by_the_plot_cell(folder, monkeypatch, content):
    """What the cell that draws the comparison shows for a file with this content."""
    monkeypatch.chdir(folder)
    (folder / "comparison.json").write_text(content)
    shown = []
    names = dict(display=shown.append, json=json, Path=Path, plots=plots, training=training)
    exec(CELLS["compare-plot"], names)
    return shown


def test_the_plot_cell_draws_what_the_run_cell_writes(tmp_path, monkeypatch, capsys):
    runs = {f"{name}, seed {seed}": RUN for name in ("SGD", "own") for seed in (1, 2)}
    kept = {"data": "digits", "sweep": {"SGD": {"0.1": 0.9}}, "runs": runs}
    tuned, seeds = drawn_by_the_plot_cell(tmp_path, monkeypatch, json.dumps(kept))
    assert "SGD: 0.1, loss 0.9" in tuned.alt
    assert "own 10.00 to 10.00" in seeds.alt
    assert (
        "SGD at the end, right on the validation images: 90.00% 90.00%" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"data": "digits", "runs": {"SGD": {"loss": [1.0], "accuracy": [0.5]}}}),
        json.dumps({"data": "digits", "runs": {"SGD": RUN}}),
        json.dumps({"data": "digits", "sweep": {}, "runs": {}}),
        json.dumps({"data": "digits", "sweep": {"SGD": {}}, "runs": {"SGD": vars(History())}}),
        json.dumps([1, 2]),
        '{"data": ',
    ],
    ids=["an earlier year's", "no sweep", "no runs", "nothing in it", "a list", "cut off"],
)
def test_a_comparison_of_another_form_is_one_clear_line(content, tmp_path, monkeypatch, capsys):
    assert drawn_by_the_plot_cell(tmp_path, monkeypatch, content) == []
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("comparison.json has another form: delete it")
