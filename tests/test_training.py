"""A run keeps the history of a loop, says what is wrong with it, and never gets in its way."""

import contextlib
import math
from types import SimpleNamespace

import numpy as np
import pytest

from byhand import training
from byhand.measures import NotFiniteError
from byhand.nn import Criterion, Module, Optimizer, Scheduler
from byhand.threads import Threads
from byhand.training import InterruptedRunError, Run


class Scale(Module):
    """y = w x with one weight."""

    def __init__(self, weight=0.0):
        super().__init__()
        self.weight = np.array([weight])
        self.grad_weight = np.zeros(1)

    def compute_output(self, x):
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
        pairs = zip(self.module.parameters(), self.module.parameters_grad(), strict=True)
        for parameter, grad in pairs:
            parameter -= self.lr * grad


class Slower(Scheduler):
    """base_lr / (1 + last_epoch)"""

    def get_lr(self):
        return self.base_lr / (1 + self.last_epoch)


def batches(*pairs):
    return [(np.array(x, float)[:, None], np.array(y, float)[:, None]) for x, y in pairs]


TRAIN = batches(([1, 2, 3], [2, 4, 6]), ([4], [8]))
CLASSES = [
    (np.array([[1.0, 2.0], [4.0, 3.0]]), np.array([1, 0])),
    (np.array([[6.0, 5.0]]), np.array([1])),
]


def step(run, X, y):
    """A step on a batch by the parts of a run; returns the loss."""
    criterion = SquaredError()
    run.optimizer.zero_grad()
    prediction = run.network(X)
    loss = criterion(prediction, y)
    run.network.backward(X, criterion.backward(prediction, y))
    run.optimizer.step()
    if run.scheduler is not None:
        run.scheduler.step()
    return loss


def trained(epochs=3, lr=0.02, weight=0.0, train=TRAIN, scheduler=None, **options):
    """A run over batches whose targets are numbers."""
    optimizer = Descent(Scale(weight), lr)
    scheduler = scheduler(optimizer) if scheduler else None
    return learn(Run(optimizer.module, optimizer, scheduler, epochs=epochs, **options), train)


def learn(run, train=TRAIN):
    """The loop; returns the run."""
    with run:
        for _ in run.epochs():
            for X, y in run.batches(train):
                run.loss = step(run, X, y)
            run.validation_loss = float(run.network.weight[0]) ** 2
    return run


def classified(loss=1.0, accuracy=0.5, train=CLASSES, validation_loss=None, **options):
    """A run of two epochs over batches of classes; the network gives its input back."""
    optimizer = Descent(Scale(1.0), 0.1)
    with Run(optimizer.module, optimizer, epochs=2, **options) as run:
        for epoch in run.epochs():
            for X, _ in run.batches(train):
                run.network(X)
                run.loss = loss
            run.validation_accuracy = accuracy - epoch / 10
            if validation_loss is not None:
                run.validation_loss = validation_loss
    return run


def test_training_finds_the_weight():
    run = trained(epochs=200)
    assert run.network.weight == pytest.approx(2.0)
    assert run.history.train_loss[-1] < 1e-9


def test_history_has_one_entry_of_each_kind_per_epoch_and_per_step():
    history = trained(epochs=4, scheduler=Slower).history
    for values in (history.train_loss, history.validation_loss, history.seconds):
        assert len(values) == 4
        assert all(type(value) is float for value in values)
    assert min(history.seconds) > 0
    assert history.lr == pytest.approx([0.02 / n for n in range(1, 9)])
    assert len(history.loss) == 8
    assert len(history.threads) == 4
    assert min(history.threads) >= 1


def test_the_training_loss_is_the_mean_over_samples_before_each_step():
    zero = trained(epochs=1, lr=0.0).history
    assert zero.loss == [pytest.approx(56 / 3), 64.0]
    assert zero.train_loss == [pytest.approx((56 + 64) / 4)]


def test_accuracy_is_the_share_of_samples_whose_largest_output_is_their_class():
    history = classified().history
    assert history.train_accuracy == [2 / 3, 2 / 3]
    assert history.validation_accuracy == [0.5, 0.4]


@pytest.mark.parametrize(
    "train",
    [
        [(X, y.astype(float)) for X, y in CLASSES],
        [(X, X.astype(int)) for X, _ in CLASSES],
        [(X, np.zeros(5, int)) for X, _ in CLASSES],
    ],
)
def test_targets_that_are_no_classes_have_no_accuracy(train):
    assert classified(train=train).history.train_accuracy == []


def test_the_best_epoch_is_that_of_the_highest_accuracy_or_of_the_lowest_loss():
    assert classified().history.best == 0
    falling = training.History(validation_loss=[3.0, 1.0, 2.0], seconds=[1.0] * 3)
    assert falling.best == 1
    assert training.History(seconds=[1.0] * 3).best == 2
    assert training.History().best == -1


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_training_that_diverges_stops_in_one_line():
    with pytest.raises(NotFiniteError, match="learning rate is too high") as caught:
        trained(epochs=1000, lr=50.0)
    assert "Training stopped in epoch 27 of 1000: the training loss is inf." in str(caught.value)
    assert str(caught.value).endswith("(Learning rate 50.)")
    [line] = caught.value._render_traceback_()
    assert line == f"NotFiniteError: {caught.value}"


def test_data_that_is_not_finite_is_named():
    with pytest.raises(NotFiniteError, match=r"loss is nan\. The training data holds"):
        trained(train=batches(([1, math.nan], [1, 1])))


def test_a_loss_that_is_not_finite_by_itself_is_named():
    with pytest.raises(NotFiniteError, match=r"epoch 1 of 2.*inf.*look at the loss"):
        classified(loss=math.inf)


def test_a_validation_loss_that_is_not_finite_is_named():
    with pytest.raises(NotFiniteError, match="epoch 1 of 2: the validation loss is nan"):
        classified(validation_loss=math.nan)


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (None, "run.loss is None, not a number. Does your step end with `return loss`?"),
        ("1", "run.loss is a str, not a number."),
        (np.ones(2), "run.loss is a ndarray, not a number."),
        (True, "run.loss is a bool, not a number."),
    ],
)
def test_a_loss_that_is_no_number_is_named(loss, says):
    with pytest.raises(TypeError) as caught:
        classified(loss=loss)
    assert says in str(caught.value)


@pytest.mark.parametrize("loss", [1, np.float32(1), np.float64(1), np.array(1.0)])
def test_every_kind_of_number_is_a_loss(loss):
    assert classified(loss=loss).history.loss == [1.0] * 4


@pytest.mark.parametrize("accuracy", [98.5, -0.1, math.nan])
def test_an_accuracy_in_percent_is_refused(accuracy):
    with pytest.raises(ValueError, match="from 0 to 1"):
        classified(accuracy=accuracy)


def test_a_loop_that_tells_no_loss_is_told_so():
    run = Run(Scale(), Descent(Scale(), 0.1), epochs=1)
    batches_of_run = run.batches(TRAIN)
    next(batches_of_run)
    with pytest.raises(ValueError, match=r"run\.loss = \.\.\."):
        next(batches_of_run)


@pytest.mark.parametrize("train", [[], iter(TRAIN)])
def test_a_loader_that_gives_nothing_is_an_error(train):
    with pytest.raises(ValueError, match="only the first time it is iterated over"):
        trained(epochs=2, train=train)


def test_a_loader_without_a_length_will_do():
    class Endless:
        def __iter__(self):
            return iter(TRAIN)

    assert len(trained(train=Endless()).history.loss) == 6


def test_a_loop_may_end_early(capsys):
    optimizer = Descent(Scale(), 0.1)
    with Run(optimizer.module, optimizer, epochs=9) as run:
        for _ in run.epochs():
            for X, y in run.batches(TRAIN):
                run.loss = step(run, X, y)
            if len(run.history.loss) == 4:
                break
    assert capsys.readouterr().out.startswith("1 epochs in 0 s.")


def test_an_interrupt_is_one_line_and_stops_the_cell(capsys):
    class Interrupted(Scale):
        def compute_output(self, x):
            if self.weight > 1:
                raise KeyboardInterrupt
            return super().compute_output(x)

    optimizer = Descent(Interrupted(), 0.02)
    with pytest.raises(InterruptedRunError) as caught:
        learn(Run(optimizer.module, optimizer, epochs=5))
    [line] = caught.value._render_traceback_()
    assert (
        line == "Interrupted in epoch 2. Nothing of it is kept: run the cell again to begin anew."
    )
    assert caught.value.__suppress_context__
    assert capsys.readouterr().out == ""


def test_other_errors_pass_and_say_nothing_else(capsys):
    with pytest.raises(ZeroDivisionError):
        trained(watch=lambda run: 1 / 0 if not run.over else None)
    assert capsys.readouterr().out == ""


def test_the_bar_says_the_time_left_and_two_numbers_and_fits_700_pixels(capsys):
    run = trained(epochs=3)
    shown = capsys.readouterr().err.split("\r")
    last = next(line for line in reversed(shown) if line.strip())
    assert last.startswith("epoch 3/3 100%|")
    expected = f"00:00 left, loss {run.history.loss[-1]:.4g}, validation "
    assert last.rstrip().endswith(expected + f"{run.history.validation_loss[-1]:.4g}")
    words = last.replace("|", "").replace("█", "").rstrip()
    assert len(words) < 65  # 8 pixels each, and the rest is for the bar


def test_the_bar_goes_and_a_line_stays(capsys):
    run = classified(file=None)
    out, err = capsys.readouterr()
    assert out == "2 epochs in 0 s, the best epoch 1 with 50.00% on the validation data.\n"
    assert err.endswith("\r")
    assert run.over


def test_the_picture_is_drawn_at_the_first_step_in_the_end_and_seldom_between(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("byhand.training.time.thread_time", lambda: clock.now)
    seen = []

    def watch(run):
        clock.now += 0.1
        seen.append((len(run.history.loss), run.over))

    def slow(train):
        for batch in train:
            clock.now += 0.2
            yield batch

    class Loader(list):
        def __iter__(self):
            return slow(list.__iter__(self))

    trained(epochs=4, train=Loader(TRAIN * 2), watch=watch)
    steps = [done for done, _ in seen]
    assert steps == [1, 4, 7, 10, 13, 16, 16, 16]
    assert [over for _, over in seen] == [False] * 7 + [True]


@pytest.mark.parametrize("lr", [0.02, math.nan])
def test_a_run_gives_back_the_threads_it_found(monkeypatch, lr):
    given_back = []

    class Noted(Threads):
        def restore(self):
            given_back.append(self)
            super().restore()

    monkeypatch.setattr(training, "Threads", Noted)
    with contextlib.suppress(NotFiniteError):
        trained(lr=lr)
    assert len(given_back) == 1


def test_the_loop_itself_adds_next_to_nothing():
    history = trained(epochs=100, lr=0.001, train=TRAIN * 16).history
    # 32 steps of a network that costs some 20 microseconds; generous for a busy machine.
    assert sorted(history.seconds)[50] < 0.01
