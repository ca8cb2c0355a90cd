import math

import numpy as np
import pytest

from byhand.nn import Criterion, Module, Optimizer, Scheduler
from byhand.training import TrainingStoppedError, fit, measure, train_epoch


class Scale(Module):
    """y = w x with one weight; notes the mode of each forward pass."""

    def __init__(self, weight=0.0):
        super().__init__()
        self.weight = np.array([weight])
        self.grad_weight = np.zeros(1)
        self.modes = []

    def compute_output(self, x):
        self.modes.append(self.training)
        return x * self.weight

    def compute_grad_input(self, x, grad_output):
        return grad_output * self.weight

    def update_grad_parameters(self, x, grad_output):
        self.grad_weight += (grad_output * x).sum()


class SquaredError(Criterion):
    """The mean of the squared differences."""

    def compute_output(self, prediction, target):
        return float(((prediction - target) ** 2).mean())

    def compute_grad_input(self, prediction, target):
        return 2 * (prediction - target) / prediction.size


class Descent(Optimizer):
    """w -= lr dl/dw"""

    def step(self):
        for parameter, grad in zip(
            self.module.parameters(), self.module.parameters_grad(), strict=True
        ):
            parameter -= self.lr * grad


def batches(*pairs):
    return [(np.array(x, float)[:, None], np.array(y, float)[:, None]) for x, y in pairs]


TRAIN = batches(([1, 2, 3], [2, 4, 6]), ([4], [8]))
TEST = batches(([1, 1, 1], [0, 0, 0]), ([2], [0]))


def trained(epochs=3, lr=0.02, weight=0.0, train=TRAIN, test=TEST):
    network = Scale(weight)
    return network, fit(network, SquaredError(), Descent(network, lr), train, test, epochs)


def test_training_finds_the_weight():
    network, history = trained(epochs=200)
    assert network.weight == pytest.approx(2.0)
    assert history.train_loss[-1] < 1e-9


def test_history_has_one_entry_of_each_kind_per_epoch():
    _, history = trained(epochs=4)
    for values in (history.train_loss, history.test_loss, history.seconds):
        assert len(values) == 4
        assert all(type(value) is float for value in values)
    assert min(history.seconds) > 0


def test_test_loss_is_the_mean_over_samples_not_over_batches():
    # Three samples with error 1 and one with error 4; the mean over batches would be 2.5.
    assert measure(Scale(1.0), SquaredError(), TEST) == (pytest.approx(7 / 4), None)


def test_train_loss_is_the_mean_over_samples_before_each_step():
    network = Scale(1.0)
    loss, _ = train_epoch(network, SquaredError(), Descent(network, 0.0), TEST)
    assert loss == pytest.approx(7 / 4)


def test_every_batch_is_one_step_from_its_own_gradient():
    network = Scale(0.0)
    train_epoch(network, SquaredError(), Descent(network, 0.1), TRAIN)
    first = 0.0 - 0.1 * 2 * np.mean([1 * (0 - 2), 2 * (0 - 4), 3 * (0 - 6)])
    second = first - 0.1 * 2 * 4 * (4 * first - 8)
    assert network.weight == pytest.approx(second)


def test_training_runs_in_train_mode_and_testing_in_eval_mode():
    network, _ = trained(epochs=2)
    assert network.modes == [True, True, False, False] * 2


def test_testing_changes_no_parameter():
    network = Scale(1.5)
    measure(network, SquaredError(), TEST)
    assert network.weight == 1.5


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_training_that_diverges_stops_and_keeps_its_history():
    with pytest.raises(TrainingStoppedError, match="learning rate is too high") as caught:
        trained(epochs=1000, lr=50.0)
    message, history = str(caught.value), caught.value.history
    finished = len(history.train_loss)
    assert 0 < finished < 1000
    assert f"epoch {finished + 1} of 1000" in message
    assert "Learning rate 50" in message
    assert all(map(math.isfinite, history.train_loss + history.test_loss))
    assert len(history.test_loss) == len(history.seconds) == finished


@pytest.mark.parametrize("name", ["train", "test"])
def test_data_that_is_not_finite_is_named(name):
    broken = batches(([1, math.nan], [1, 1]))
    with pytest.raises(TrainingStoppedError, match=f"the {name} loss is nan. The {name} data"):
        trained(**{name: broken})


def test_a_loss_that_is_not_finite_by_itself_is_named():
    class Broken(SquaredError):
        def compute_output(self, prediction, target):
            return math.inf

    network = Scale(1.0)
    with pytest.raises(
        TrainingStoppedError, match=r"epoch 1 of 2.*inf.*look at the loss"
    ) as caught:
        fit(network, Broken(), Descent(network, 0.1), TRAIN, TEST, 2)
    assert caught.value.history.train_loss == []
    assert network.weight == 1.0


@pytest.mark.parametrize("name", ["train", "test"])
def test_a_loader_that_gives_nothing_is_an_error(name):
    with pytest.raises(ValueError, match=f"the {name} loader gave no batches"):
        trained(**{name: []})


def test_a_loader_that_can_be_used_only_once_is_an_error():
    with pytest.raises(ValueError, match="only the first time"):
        trained(epochs=2, train=iter(TRAIN))


def test_the_progress_bar_carries_both_losses(capsys):
    _, history = trained(epochs=3)
    last = capsys.readouterr().err.rsplit("\r", 1)[-1]
    assert "epoch 3/3" in last
    assert "6/6" in last
    assert f"train loss={history.train_loss[-1]:.4g}" in last
    assert f"test loss={history.test_loss[-1]:.4g}" in last


CLASSES = [
    (np.array([[1.0, 2.0], [4.0, 3.0]]), np.array([1, 0])),
    (np.array([[6.0, 5.0]]), np.array([1])),
]


class Mean(Criterion):
    """The mean of all outputs, whatever the class."""

    def compute_output(self, prediction, target):
        return float(prediction.mean())

    def compute_grad_input(self, prediction, target):
        return np.full_like(prediction, 1 / prediction.size)


class Slower(Scheduler):
    """base_lr / (1 + last_epoch)"""

    def get_lr(self):
        return self.base_lr / (1 + self.last_epoch)


def classified(**options):
    network = Scale(1.0)
    optimizer = Descent(network, 0.0)
    return fit(network, Mean(), optimizer, CLASSES, CLASSES, 2, **options)


def test_accuracy_is_the_share_of_samples_whose_largest_output_is_their_class():
    history = classified()
    assert history.train_accuracy == history.test_accuracy == [2 / 3, 2 / 3]


def test_targets_that_are_no_classes_have_no_accuracy():
    _, history = trained()
    assert history.train_accuracy == history.test_accuracy == []
    flat = [(X, y.astype(float)) for X, y in CLASSES]
    assert measure(Scale(1.0), SquaredError(), [(X, X) for X, _ in CLASSES])[1] is None
    assert measure(Scale(1.0), Mean(), flat)[1] is None


def test_the_progress_bar_carries_accuracy_learning_rate_and_seconds(capsys):
    history = classified()
    last = capsys.readouterr().err.rsplit("\r", 1)[-1]
    assert "test accuracy=66.67%" in last
    assert "lr=0," in last
    assert f"s/epoch={history.seconds[-1]:.2g}" in last


def test_the_scheduler_steps_after_every_batch_and_the_rate_of_each_step_is_kept():
    network = Scale()
    optimizer = Descent(network, 0.1)
    scheduler = Slower(optimizer)
    history = fit(network, SquaredError(), optimizer, TRAIN, TEST, 2, scheduler=scheduler)
    assert history.lr == pytest.approx([0.1, 0.1 / 2, 0.1 / 3, 0.1 / 4])
    assert scheduler.last_epoch == 4


def test_the_watcher_sees_the_history_after_every_epoch():
    seen = []
    classified(watch=lambda history: seen.append(len(history.test_loss)))
    assert seen == [1, 2]


def test_the_loop_itself_adds_next_to_nothing():
    _, history = trained(epochs=100, lr=0.001, train=TRAIN * 16)
    # 32 steps of a network that costs some 10 microseconds; generous for a busy machine.
    assert sorted(history.seconds)[50] < 0.01
