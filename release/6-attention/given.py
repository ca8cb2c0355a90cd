"""What 6-attention uses of 3-layers and 4-optimizers: the reference solutions.

Made by `byhand release`: do not edit it.
"""

import numpy as np

from byhand.nn import Criterion, Module, Optimizer, Scheduler


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


class AdamW(Optimizer):
    """Adam with weight decay apart from the moments, as torch.optim.AdamW.

    state: what you need to remember, under a key of your choice for every parameter.
    """

    def __init__(
        self,
        module: Module,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
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
        for i, (parameter, g) in enumerate(pairs):
            m, v = self.state.setdefault(i, (np.zeros_like(g), np.zeros_like(g)))
            m += (1 - beta1) * (g - m)
            v += (1 - beta2) * (g**2 - v)
            m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
            parameter *= 1 - self.lr * self.weight_decay
            parameter -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)


class OneCycleLR(Scheduler):
    """Up from max_lr / div_factor to max_lr, then down to almost nothing, along two half cosines.

    total_steps: how often step() may be called; pct_start: the share of them that goes up;
    the last rate is the first one divided by final_div_factor.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ):
        super().__init__(optimizer)
        self.max_lr = max_lr
        self.total_steps = total_steps
        self.pct_start = pct_start
        self.div_factor = div_factor
        self.final_div_factor = final_div_factor
        # Set optimizer.lr to the first rate:
        optimizer.lr = self.get_lr()

    def get_lr(self) -> float:
        """The learning rate after step last_epoch; ValueError if that is beyond total_steps"""
        if self.last_epoch > self.total_steps:
            raise ValueError(f"step {self.last_epoch} of {self.total_steps}")
        first = self.max_lr / self.div_factor
        last = first / self.final_div_factor
        peak, end = self.pct_start * self.total_steps - 1, self.total_steps - 1
        if self.last_epoch <= peak:
            return self.between(first, self.max_lr, self.last_epoch / peak)
        return self.between(self.max_lr, last, (self.last_epoch - peak) / (end - peak))

    def between(self, start: float, end: float, share: float) -> float:
        """From start to end by a share, along half a cosine. A helper for get_lr."""
        return end + (start - end) / 2 * (1 + float(np.cos(np.pi * share)))
