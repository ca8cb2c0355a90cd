import numpy as np
import pytest

from byhand.nn import Criterion, Module, Optimizer, Scheduler


class Affine(Module):
    """y = w x + b, per feature; without a bias, b is None."""

    def __init__(self, bias=True):
        super().__init__()
        self.weight = np.array([2.0, 3.0])
        self.bias = np.array([1.0, -1.0]) if bias else None
        self.grad_weight = np.zeros(2)
        self.grad_bias = np.zeros(2) if bias else None
        self.running_mean = np.zeros(2)

    def compute_output(self, x):
        return x * self.weight + (0 if self.bias is None else self.bias)

    def compute_grad_input(self, x, grad_output):
        return grad_output * self.weight

    def update_grad_parameters(self, x, grad_output):
        self.grad_weight += (grad_output * x).sum(axis=0)
        if self.bias is not None:
            self.grad_bias += grad_output.sum(axis=0)


class Doubling(Module):
    """y = 2x, without parameters."""

    def compute_output(self, x):
        return 2 * x

    def compute_grad_input(self, x, grad_output):
        return 2 * grad_output


class Difference(Criterion):
    """The sum of the differences."""

    def compute_output(self, prediction, target):
        return float((prediction - target).sum())

    def compute_grad_input(self, prediction, target):
        return np.ones_like(prediction)


class Halving(Scheduler):
    """Half the rate at every step."""

    def get_lr(self):
        return self.base_lr / 2**self.last_epoch


X = np.array([[1.0, 2.0], [3.0, 4.0]])
G = np.array([[1.0, 0.0], [2.0, 5.0]])


def test_forward_returns_the_output_and_keeps_it():
    layer = Affine()
    y = layer.forward(X)
    assert y.tolist() == [[3, 5], [7, 11]]
    assert layer.output is y


def test_calling_a_module_is_its_forward_pass():
    layer = Affine()
    assert layer(X).tolist() == [[3, 5], [7, 11]]
    assert layer.output.tolist() == [[3, 5], [7, 11]]


def test_backward_returns_the_input_gradient_and_adds_up_the_parameter_gradients():
    layer = Affine()
    assert layer.backward(X, G).tolist() == [[2, 0], [4, 15]]
    assert layer.grad_weight.tolist() == [7, 20]
    layer.backward(X, G)
    assert layer.grad_weight.tolist() == [14, 40]
    assert layer.grad_bias.tolist() == [6, 10]


def test_a_module_without_parameters_needs_no_parameter_methods():
    layer = Doubling()
    assert layer.backward(X, G).tolist() == [[2, 0], [4, 10]]
    assert layer.parameters() == layer.parameters_grad() == []
    layer.zero_grad()


def test_parameters_are_the_arrays_themselves_in_order_of_definition():
    layer = Affine()
    assert [id(p) for p in layer.parameters()] == [id(layer.weight), id(layer.bias)]
    assert [id(g) for g in layer.parameters_grad()] == [id(layer.grad_weight), id(layer.grad_bias)]


def test_a_bias_of_none_is_no_parameter():
    layer = Affine(bias=False)
    assert [id(p) for p in layer.parameters()] == [id(layer.weight)]
    assert [id(g) for g in layer.parameters_grad()] == [id(layer.grad_weight)]


def test_a_bias_of_none_with_a_gradient_is_no_parameter_either():
    layer = Affine(bias=False)
    layer.grad_bias = np.zeros(2)
    assert [id(p) for p in layer.parameters()] == [id(layer.weight)]
    assert [id(g) for g in layer.parameters_grad()] == [id(layer.grad_weight)]


def test_zero_grad_keeps_the_arrays():
    layer = Affine()
    layer.backward(X, G)
    grads = layer.parameters_grad()
    layer.zero_grad()
    assert [grad.tolist() for grad in grads] == [[0, 0], [0, 0]]
    assert [id(grad) for grad in grads] == [id(grad) for grad in layer.parameters_grad()]


def test_a_module_starts_in_train_mode_and_switching_returns_it():
    layer = Affine()
    assert layer.training is True
    assert layer.eval() is layer
    assert layer.training is False
    assert layer.train() is layer
    assert layer.training is True


@pytest.mark.parametrize("method", ["forward", "compute_output"])
def test_a_module_without_its_own_methods_is_not_implemented(method):
    with pytest.raises(NotImplementedError):
        getattr(Module(), method)(X)
    with pytest.raises(NotImplementedError):
        Module().backward(X, G)


def test_a_criterion_returns_the_loss_and_keeps_it():
    criterion = Difference()
    assert criterion.output is None
    assert criterion.forward(X, G) == 2
    assert criterion.output == 2
    assert criterion(X, 0 * G) == 10
    assert criterion.output == 10
    assert criterion.backward(X, G).tolist() == [[1, 1], [1, 1]]


def test_a_criterion_without_its_own_methods_is_not_implemented():
    with pytest.raises(NotImplementedError):
        Criterion().forward(X, G)
    with pytest.raises(NotImplementedError):
        Criterion().backward(X, G)


def test_an_optimizer_zeroes_the_gradients_of_its_module():
    layer = Affine()
    optimizer = Optimizer(layer, lr=0.1)
    layer.backward(X, G)
    optimizer.zero_grad()
    assert layer.grad_weight.tolist() == [0, 0]
    assert (optimizer.module, optimizer.lr, optimizer.state) == (layer, 0.1, {})


def test_two_optimizers_share_no_state():
    first, second = Optimizer(Affine(), 0.1), Optimizer(Affine(), 0.1)
    first.state["step"] = 1
    assert second.state == {}


def test_an_optimizer_without_its_own_step_is_not_implemented():
    with pytest.raises(NotImplementedError):
        Optimizer(Affine(), lr=0.1).step()


def test_a_scheduler_sets_the_rate_of_its_optimizer_from_the_rate_at_the_start():
    optimizer = Optimizer(Affine(), lr=0.8)
    scheduler = Halving(optimizer)
    assert (scheduler.last_epoch, optimizer.lr) == (0, 0.8)
    rates = []
    for _ in range(3):
        scheduler.step()
        rates.append(optimizer.lr)
    assert rates == [0.4, 0.2, 0.1]
    assert (scheduler.last_epoch, scheduler.base_lr) == (3, 0.8)


def test_a_scheduler_without_its_own_rate_is_not_implemented():
    with pytest.raises(NotImplementedError):
        Scheduler(Optimizer(Affine(), lr=0.1)).step()


def test_modules_and_criteria_show_their_class():
    assert repr(Doubling()) == "Doubling()"
    assert repr(Difference()) == "Difference()"


@pytest.mark.parametrize("loss", [2, 2.0, np.float32(2), np.array(2.0), np.array([2.0])[0]])
def test_a_loss_is_a_numpy_float64_whatever_number_was_computed(loss):
    criterion = type("Loss", (Criterion,), {"compute_output": lambda self, p, t: loss})()
    value = criterion(np.ones(2), np.ones(2))
    assert type(value) is np.float64
    assert type(criterion.output) is np.float64
    assert value == 2


@pytest.mark.parametrize("loss", [None, True, "2", [2.0]])
def test_what_is_no_number_stays_what_it_is(loss):
    criterion = type("Loss", (Criterion,), {"compute_output": lambda self, p, t: loss})()
    assert criterion(np.ones(2), np.ones(2)) is loss
