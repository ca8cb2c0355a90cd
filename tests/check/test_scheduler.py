"""check.scheduler: right schedules pass in any style, wrong ones fail and are told why."""

import math

import pytest
import torch

from byhand import check
from byhand.nn import Scheduler

StepLR = torch.optim.lr_scheduler.StepLR
STAIRS = dict(step_size=3, gamma=0.5)


class Stairs(Scheduler):
    """Right: halves the rate at every third step."""

    def __init__(self, optimizer, step_size, gamma=0.1):
        super().__init__(optimizer)
        self.step_size, self.gamma = step_size, gamma

    def get_lr(self):
        return self.base_lr * self.gamma ** (self.last_epoch // self.step_size)


class Compounding(Stairs):
    """Right as well: goes on from the rate that the optimizer has."""

    def get_lr(self):
        falls = self.last_epoch % self.step_size == 0
        return self.optimizer.lr * (self.gamma if falls else 1)


class Alone(Stairs):
    """Right without the base class's step()."""

    def step(self):
        self.last_epoch += 1
        self.optimizer.lr = self.get_lr()


def failure(cls, like=StepLR, make=STAIRS, **arguments) -> str:
    with pytest.raises(check.CheckFailed) as caught:
        check.scheduler(cls, like=like, make=make, **arguments)
    return str(caught.value)


def wrong(get_lr, **methods):
    return type("Stairs", (Stairs,), {"__module__": __name__, "get_lr": get_lr, **methods})


@pytest.mark.parametrize("cls", [Stairs, Compounding, Alone])
def test_a_right_schedule_passes(cls):
    report = check.scheduler(cls, like=StepLR, make=STAIRS)
    assert [line.name for line in report.lines] == ["from lr=0.1", "from lr=0.03"]


@pytest.mark.parametrize(
    ("cls", "says"),
    [
        (wrong(lambda self: self.base_lr), "It did not change."),
        (wrong(lambda self: self.base_lr, step=lambda self: None), "It did not change."),
        (wrong(lambda self: self.optimizer.lr * 0.5), "It falls at every step"),
        (wrong(lambda self: 0.1 * 0.5 ** (self.last_epoch // 3)), "from lr=0.1"),
        (wrong(lambda self: self.base_lr * 0.5 ** ((self.last_epoch - 1) // 3)), "one step behind"),
        (wrong(lambda self: self.base_lr * 0.5 ** ((self.last_epoch + 1) // 3)), "one step ahead"),
        (wrong(lambda self: math.nan), "rate after step 1"),
        (wrong(lambda self: None), "is None, expected a float"),
        (wrong(lambda self: 1 / 0), "raised ZeroDivisionError"),
        (wrong(Scheduler.get_lr), "get_lr is not implemented yet"),
    ],
)
def test_a_wrong_schedule_is_told_what_is_wrong(cls, says):
    assert says in failure(cls)


def test_state_in_the_class_shows_between_two_optimizers():
    class Shared(Stairs):
        steps = 0

        def get_lr(self):
            Shared.steps += 1
            return self.base_lr * self.gamma ** (Shared.steps // self.step_size)

    assert "rate after step" in failure(Shared)


def test_the_rate_at_the_start_counts():
    class Eager(Stairs):
        def __init__(self, optimizer, step_size, gamma=0.1):
            super().__init__(optimizer, step_size, gamma)
            optimizer.lr *= gamma

    assert "rate at the start" in failure(Eager)


def rates(max_lr, total_steps):
    """PyTorch's rates as plain numbers."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr, total_steps)
    found = schedule.get_last_lr()
    for _ in range(total_steps):
        optimizer.step()
        schedule.step()
        found += schedule.get_last_lr()
    return found


RATES = rates(max_lr=1.0, total_steps=10)


class OneCycle(Scheduler):
    """Right up to the last step, and then goes on without an error."""

    def __init__(self, optimizer, max_lr, total_steps):
        super().__init__(optimizer)
        self.optimizer.lr = self.get_lr()

    def get_lr(self):
        return RATES[min(self.last_epoch, len(RATES) - 1)]


def test_where_pytorch_raises_the_schedule_has_to_raise():
    like, make = torch.optim.lr_scheduler.OneCycleLR, dict(max_lr=1.0, total_steps=10)
    assert check.scheduler(OneCycle, like=like, make=make, steps=10).passed
    text = failure(OneCycle, like=like, make=make, steps=11)
    assert "raises ValueError         nothing was raised, expected ValueError" in text

    class Strict(OneCycle):
        def get_lr(self):
            return RATES[self.last_epoch]

    assert "raised IndexError" in failure(Strict, like=like, make=make, steps=11)


def test_a_suspicion_that_fits_a_right_schedule_too_is_not_told():
    nearly = wrong(lambda self: self.base_lr * (1 if self.last_epoch < 29 else 1 + 1e-8))
    text = failure(nearly, make=dict(step_size=1000))
    assert "rate after step 29" in text
    assert "did not change" not in text
