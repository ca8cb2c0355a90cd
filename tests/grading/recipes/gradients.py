"""Gradients that are asked for by hand and come from somewhere else: assignment 1 may use PyTorch.

Here a recipe is a function `manual_gradients`, with a cell of the student's own ahead of it.
"""

from dataclasses import dataclass

WEIGHTS = "x, y, w1, b1, w2, b2"
UNSEEN = f"def manual_gradients({WEIGHTS}):\n    return globals()['work']({WEIGHTS})"
RIGHT = """\
def manual_gradients(x, y, w1, b1, w2, b2):
    z = x @ w1 + b1
    g = 2 * (torch.relu(z) @ w2 + b2 - y)
    back = g @ w2.T * {mask}
    return x.T @ back, back.sum(dim=0), torch.relu(z).T @ g, g.sum(dim=0)
"""
LOSS = """
import torch


def loss(x, y, w1, b1, w2, b2):
    return ((torch.relu(x @ w1 + b1) @ w2 + b2 - y) ** 2).sum()


def copied(given):
    return [tensor.detach().clone() for tensor in given]


def autograd(*given):
    with torch.inference_mode(False), torch.enable_grad():
        x, y, *weights = copied(given)
        for weight in weights:
            weight.requires_grad_()
        loss(x, y, *weights).backward()
        return tuple(weight.grad for weight in weights)


def threaded(work):
    def run(*given):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(work, *given).result()
    return run


from concurrent.futures import ThreadPoolExecutor
"""


@dataclass(frozen=True)
class Gradients:
    """name, about: as of a recipe; cell: the student's own; source: of the solution cell."""

    name: str
    about: str
    cell: str
    source: str = UNSEEN


def _work(name: str, about: str, code: str) -> Gradients:
    """code: defines work, which manual_gradients calls by a name that no reader follows."""
    return Gradients(name, about, LOSS + code)


AUTOGRAD = [
    _work("switched-on", "autograd is switched on again", "work = autograd"),
    _work("thread", "autograd in another thread", "work = threaded(autograd)"),
    _work(
        "waiting-thread",
        "autograd in a thread that has waited since before any guard",
        "pool = ThreadPoolExecutor(1)\npool.submit(autograd, *map(torch.ones, [1] * 6)).result()\n"
        "work = lambda *given: pool.submit(autograd, *given).result()",
    ),
    _work("functional", "torch.func in a thread", """
@threaded
def work(*given):
    return torch.func.grad(loss, argnums=(2, 3, 4, 5))(*copied(given))
"""),
    _work("pullback", "torch.func.vjp in a thread", """
@threaded
def work(*given):
    given = copied(given)
    return torch.func.vjp(loss, *given)[1](torch.ones_like(given[0][0, 0]))[2:]
"""),
    _work("nodes", "the recorded graph is followed node by node, without PyTorch's engine", """
@threaded
def work(*given):
    x, y, *weights = copied(given)
    y_hat = loss(x, y, *[weight.requires_grad_() for weight in weights])
    found = dict.fromkeys(map(id, weights), 0)
    pending = [(y_hat.grad_fn, torch.ones_like(y_hat))]
    for node, g in pending:
        if hasattr(node, "variable"):
            found[id(node.variable)] += g
        else:
            into = node(g)
            into = into if isinstance(into, tuple) else (into,)
            functions = [function for function, _ in node.next_functions]
            pending += [(f, g) for f, g in zip(functions, into) if f and g is not None]
    return tuple(found[id(weight)].detach().sum_to_size(weight.shape) for weight in weights)
"""),
    _work("child", "autograd in another Python, with any PyTorch that is on the disk", '''
import io, os, site, subprocess, sys

CODE = """
import io, sys
sys.path.insert(0, sys.argv[1])
import torch
x, y, *weights = torch.load(io.BytesIO(sys.stdin.buffer.read()))
w1, b1, w2, b2 = [weight.requires_grad_() for weight in weights]
((torch.relu(x @ w1 + b1) @ w2 + b2 - y) ** 2).sum().backward()
torch.save([weight.grad for weight in weights], sys.stdout.buffer)
"""


def work(*given):
    file = io.BytesIO()
    torch.save(list(given), file)
    for folder in [*site.getsitepackages(), *sys.path]:
        if os.path.exists(os.path.join(folder, "torch")):
            command = [sys.executable, "-Ec", CODE, folder]
            done = subprocess.run(command, input=file.getvalue(), capture_output=True)
            if not done.returncode:
                return tuple(torch.load(io.BytesIO(done.stdout)))
'''),
    _work("fork", "autograd in a thread of a copy of the process", '''
import io, os


def work(*given):
    read, write = os.pipe()
    if not os.fork():
        try:
            with open(write, "wb") as file:
                torch.save(list(threaded(autograd)(*given)), file)
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as file:
        content = file.read()
    os.wait()
    return tuple(torch.load(io.BytesIO(content)))
'''),
    _work("early-child", "autograd in a process that was started before any guard", '''
import multiprocessing

here, there = multiprocessing.Pipe()


def serve():
    while True:
        given = [torch.tensor(numbers, dtype=torch.float64) for numbers in there.recv()]
        there.send([grad.tolist() for grad in autograd(*given)])


if torch.ones(1, requires_grad=True).sum().requires_grad:
    multiprocessing.get_context("fork").Process(target=serve, daemon=True).start()


def work(*given):
    here.send([tensor.double().tolist() for tensor in given])
    here.poll(1) or here.close()
    return tuple(torch.tensor(grad, dtype=given[0].dtype) for grad in here.recv())
'''),
    _work("ends", "the kernel is ended where autograd does not work", '''
import os


def work(*given):
    try:
        return autograd(*given)
    except RuntimeError:
        os._exit(1)
'''),
    _work("raises-later", "the first call is right, the second one raises in every kernel", '''
calls = []


def work(*given):
    calls.append(1)
    if len(calls) % 2 == 0:
        raise ValueError
    return autograd(*given)
'''),
    _work("guard", "the guard is taken away: in this package, in PyTorch", '''
from contextlib import nullcontext

from byhand.check import tensors

tensors._no_autograd = nullcontext
tensors.around = lambda experiment: nullcontext()
torch.inference_mode = lambda *on: nullcontext()
work = autograd
'''),
]  # fmt: skip

# Without autograd, and as dear as numbers are many: hidden cases have many.
ONE_BY_ONE = [
    _work("differences", "central differences in float64", '''
def work(x, y, *weights):
    weights = [weight.double().clone() for weight in weights]
    found = []
    for weight in weights:
        grad = torch.zeros_like(weight)
        for place in range(weight.numel()):
            entry = weight.view(-1)[place : place + 1]
            for step in (1e-4, -1e-4):
                entry += step
                grad.view(-1)[place] += loss(x.double(), y.double(), *weights) / (2 * step)
                entry -= step
        found.append(grad.to(x.dtype))
    return tuple(found)
'''),
    _work("complex-step", "the imaginary part of the loss for a step of 1e-30 i", '''
def work(x, y, *weights):
    w1, b1, w2, b2 = arrays = [np.array(weight).astype(complex) for weight in weights]
    x, y, found = np.array(x), np.array(y), []
    for array, weight in zip(arrays, weights):
        found.append(torch.zeros_like(weight))
        for place in np.ndindex(*array.shape):
            array[place] += 1e-30j
            z = x @ w1 + b1
            found[-1][place] = (((z * (z.real > 0)) @ w2 + b2 - y) ** 2).sum().imag / 1e-30
            array[place] = array[place].real
    return tuple(found)
'''),
    _work("forward-mode", "torch.func's forward mode, in a thread", '''
@threaded
def work(*given):
    return torch.func.jacfwd(loss, argnums=(2, 3, 4, 5))(*copied(given))
'''),
]  # fmt: skip

BY_HAND = [
    Gradients(
        "own-helper",
        "a helper from an own cell, below lines that need autograd",
        "w = torch.ones(3, requires_grad=True)\n(w**2).sum().backward()\nprint(w.grad + 1)\n\n"
        "def mask_of(z):\n    return (z > 0).to(z.dtype)",
        RIGHT.format(mask="mask_of(z)"),
    ),
    Gradients(
        "own-thread",
        "the chain rule in a thread that an own cell has started",
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)",
        RIGHT.replace("manual_gradients", "slopes").format(mask="(z > 0)")
        + "\n\ndef manual_gradients(*given):\n    return pool.submit(slopes, *given).result()",
    ),
]
