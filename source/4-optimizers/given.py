"""What 4-optimizers uses of 3-layers: the reference solutions.

Made by `byhand release`: do not edit it.
"""

import numpy as np

from byhand.nn import Criterion, Module, Optimizer


class Linear(Module):
    """y = x Wᵀ + b.

    weight: (out_features, in_features); bias: (out_features,) or None.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True):
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        bound = 1 / np.sqrt(in_features)
        self.weight = np.random.uniform(-bound, bound, (out_features, in_features))
        self.bias = np.random.uniform(-bound, bound, out_features) if bias else None
        self.grad_weight = np.zeros_like(self.weight)
        self.grad_bias = np.zeros_like(self.bias) if bias else None

    def compute_output(self, x):
        """(B, in_features) -> (B, out_features)"""
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias

    def compute_grad_input(self, x, grad_output):
        """dl/dx: (B, out_features) -> (B, in_features)"""
        return grad_output @ self.weight

    def update_grad_parameters(self, x, grad_output):
        """Add dl/dW to grad_weight and, if there is a bias, dl/db to grad_bias."""
        self.grad_weight += grad_output.T @ x
        if self.bias is not None:
            self.grad_bias += grad_output.sum(axis=0)


class Sigmoid(Module):
    """y = 1 / (1 + exp(-x)), entry by entry."""

    def compute_output(self, x):
        """Any shape to the same shape; right for x of ±1e4, too"""
        with np.errstate(over="ignore"):  # where e^-x is infinite, 1 / (1 + e^-x) is 0: right
            return 1 / (1 + np.exp(-x))

    def compute_grad_input(self, x, grad_output):
        """dl/dx, of x's shape"""
        y = self.compute_output(x)
        return grad_output * y * (1 - y)


class BatchNormalization(Module):
    """y = weight · x̂ + bias, where x̂ is x with mean 0 and variance 1 in every feature.

    running_mean, running_var, weight, bias: (num_features,); weight and bias are None
    if affine is False.
    """

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True
    ):
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.running_mean = np.zeros(num_features)
        self.running_var = np.ones(num_features)
        self.weight = np.ones(num_features) if affine else None
        self.bias = np.zeros(num_features) if affine else None
        self.grad_weight = np.zeros(num_features) if affine else None
        self.grad_bias = np.zeros(num_features) if affine else None

    def compute_output(self, x):
        """(B, N) -> (B, N); in train mode the running statistics take their step.

        Raises ValueError in train mode if the batch has only one sample.
        """
        if not self.training:
            centred, var = x - self.running_mean, self.running_var
        else:
            count = len(x)
            if count == 1:
                raise ValueError("BatchNormalization needs more than one sample in train mode")
            mean = x.mean(axis=0)
            centred = x - mean
            var = (centred**2).mean(axis=0)
            self.running_mean += self.momentum * (mean - self.running_mean)
            self.running_var += self.momentum * (count / (count - 1) * var - self.running_var)
        self.std = np.sqrt(var + self.eps)  # it and x_hat are kept for the backward pass
        self.x_hat = centred / self.std
        return self.weight * self.x_hat + self.bias if self.affine else self.x_hat

    def compute_grad_input(self, x, grad_output):
        """dl/dx: (B, N) -> (B, N), in train mode and in eval mode"""
        g = grad_output * self.weight if self.affine else grad_output
        if self.training:
            g = g - g.mean(axis=0) - self.x_hat * (g * self.x_hat).mean(axis=0)
        return g / self.std

    def update_grad_parameters(self, x, grad_output):
        """Add dl/dweight to grad_weight and dl/dbias to grad_bias, unless affine is False."""
        if self.affine:
            self.grad_weight += (grad_output * self.x_hat).sum(axis=0)
            self.grad_bias += grad_output.sum(axis=0)


class Dropout(Module):
    """In train mode, y = x · mask, where an entry of mask is 0 with probability p, else 1/(1-p).

    Raises ValueError if p is not in [0, 1].
    """

    def __init__(self, p: float = 0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"p is a probability, between 0 and 1, not {p}")
        self.p = p
        self.mask = None

    def compute_output(self, x):
        """Any shape to the same shape; in eval mode y equals x"""
        self.mask = np.ones_like(x)
        if self.training:
            self.mask[np.random.random(x.shape) < self.p] = 0
            self.mask /= 1 - self.p if self.p < 1 else 1
        return x * self.mask

    def compute_grad_input(self, x, grad_output):
        """dl/dx, of x's shape, through the mask of the last forward pass"""
        return grad_output * self.mask


class ReLU(Module):
    """y = max(x, 0), entry by entry."""

    def compute_output(self, x):
        """Any shape to the same shape"""
        return np.maximum(x, np.zeros_like(x[:1]))  # the number 0 would do, more slowly

    def compute_grad_input(self, x, grad_output):
        """dl/dx, of x's shape; the derivative at 0 is 0"""
        return grad_output * (x > 0)


class Sequential(Module):
    """The modules one after the other: each gets what the one before it returned."""

    def __init__(self, *modules: Module):
        super().__init__()
        self.modules = list(modules)

    def compute_output(self, x):
        """The output of the last module; x itself if there are none"""
        self.inputs = []
        for module in self.modules:
            self.inputs.append(x)
            x = module.forward(x)
        return x

    def compute_grad_input(self, x, grad_output):
        """dl/dx; the modules' own backward() adds to the gradients of their parameters"""
        for module, x_module in zip(reversed(self.modules), reversed(self.inputs), strict=True):
            grad_output = module.backward(x_module, grad_output)
        return grad_output

    def parameters(self):
        """The parameters of all modules in one flat list: the arrays themselves"""
        return [p for module in self.modules for p in module.parameters()]

    def parameters_grad(self):
        """Their gradients, in the same order"""
        return [grad for module in self.modules for grad in module.parameters_grad()]

    def train(self):
        """Switch this module and all modules in it to train mode; returns self"""
        for module in self.modules:
            module.train()
        return super().train()

    def eval(self):
        """Switch this module and all modules in it to eval mode; returns self"""
        for module in self.modules:
            module.eval()
        return super().eval()


class CrossEntropyLoss(Criterion):
    """The mean over the batch of -log softmax(prediction) at the right class."""

    def compute_output(self, prediction, target):
        """Logits (B, C) and class numbers (B,), from 0 to C - 1 -> a float"""
        shifted = prediction - prediction.max(axis=1, keepdims=True)
        log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return float(-log_softmax[np.arange(len(target)), target].mean())

    def compute_grad_input(self, prediction, target):
        """dl/dprediction: (B, C)"""
        e = np.exp(prediction - prediction.max(axis=1, keepdims=True))
        grad = e / e.sum(axis=1, keepdims=True)
        grad[np.arange(len(target)), target] -= 1
        return grad / len(target)


class Adam(Optimizer):
    """Adam with weight decay added to the gradient, as torch.optim.Adam.

    state: what you need to remember, under a key of your choice for every parameter.
    """

    def __init__(
        self,
        module: Module,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        super().__init__(module, lr)
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay

    def step(self):
        """Update every parameter in place; leave the gradients alone"""
        beta1, beta2 = self.betas
        t = self.state["step"] = self.state.get("step", 0) + 1
        pairs = zip(self.module.parameters(), self.module.parameters_grad(), strict=True)
        for i, (parameter, grad) in enumerate(pairs):
            g = grad + self.weight_decay * parameter
            m, v = self.state.setdefault(i, (np.zeros_like(g), np.zeros_like(g)))
            m += (1 - beta1) * (g - m)
            v += (1 - beta2) * (g**2 - v)
            m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
            parameter -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)


class DataLoader:
    """Batches (X, y) of at most batch_size samples; the last may be shorter.

    X: (n, ...); y: (n,) or (n, 1). With shuffle, every pass has an order of its own.
    """

    def __init__(self, X, y, batch_size: int = 1, shuffle: bool = False):
        self.X = X
        self.y = y
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.order = np.arange(len(X))  # the order of the samples in this pass
        self.position = 0  # how many of them have been handed out

    def __len__(self) -> int:
        """The number of batches in one pass"""
        return -(-self.num_samples() // self.batch_size)

    def num_samples(self) -> int:
        """The number of samples in one pass"""
        return len(self.X)

    def __iter__(self):
        """Start a new pass, in a new order if shuffle is True; returns self (or yields batches)"""
        self.position = 0
        if self.shuffle:
            self.order = np.random.permutation(self.num_samples())
        return self

    def __next__(self):
        """The next batch (X, y); raises StopIteration when the pass is over"""
        batch = self.order[self.position : self.position + self.batch_size]
        if len(batch) == 0:
            raise StopIteration
        self.position += len(batch)
        return self.X[batch], self.y[batch]


def train_step(network, criterion, optimizer, X, t):
    """One step of training on the batch (X, t), in train mode; returns the loss before it."""
    network.train()
    optimizer.zero_grad()
    y = network(X)
    loss = criterion(y, t)
    network.backward(X, criterion.backward(y, t))
    optimizer.step()
    return loss
