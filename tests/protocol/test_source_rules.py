"""Loops and foreign libraries are found where they count, and nowhere else."""

import linecache
from types import ModuleType

import pytest

from byhand.protocol.source_rules import Program, broken_rules, program_of

LAYER = """
class Layer:
    def compute_output(self, x):
        {body}

    def show(self):
        for row in self.rows:
            print(row)
"""


def broken(body, origins=None, **options):
    return broken_rules(Program(LAYER.format(body=body), origins or {}), "Layer", **options)


@pytest.mark.parametrize(
    "body",
    [
        "for row in x: pass",
        "while x: pass",
        "return [row for row in x]",
        "return sum(row for row in x)",
        "return {i: row for i, row in x}",
        "return list(map(abs, x))",
        "return np.vectorize(abs)(x)",
        "return np.apply_along_axis(abs, 0, x)",
        "return list(np.nditer(x))",
        "return functools.reduce(max, x)",
    ],
)
def test_a_loop_is_found(body):
    [message] = broken(body)[:1]
    assert message.startswith("compute_output loops with ")
    assert broken(body, loops=True) == []


@pytest.mark.parametrize(
    "body",
    [
        "return x @ self.weight.T",
        "return np.add.reduce(x)",
        "filter = x; return filter + 1",
        "return self.map(x)",
        "return np.where(x > 0, x, 0)",
    ],
)
def test_array_operations_are_no_loops(body):
    assert broken(body) == []


def test_a_loop_in_a_helper_counts():
    text = (
        LAYER.format(body="return self.help(x)")
        + "    def help(self, x):\n        for i in x: pass\n"
    )
    assert broken_rules(Program(text, {}), "Layer")[0].startswith("help loops with `for`")


def test_a_loop_in_a_function_outside_the_class_counts():
    text = "def outside(x):\n    return [i for i in x]\n" + LAYER.format(body="return outside(x)")
    assert broken_rules(Program(text, {}), "Layer")[0].startswith("outside loops")


def test_a_loop_in_a_base_class_counts():
    text = LAYER.format(body="for i in x: pass") + "\nclass Mine(Layer):\n    pass\n"
    assert broken_rules(Program(text, {}), "Mine")


def test_another_name_for_a_class_is_the_class():
    text = LAYER.format(body="for i in x: pass") + "\nLinear = Layer\n"
    assert broken_rules(Program(text, {}), "Linear")


def test_a_foreign_library_is_named():
    [message] = broken("return F.softmax(x)", {"F": "torch.nn.functional"})
    assert "compute_output uses torch.nn.functional" in message
    assert broken("import torch\n        return x")
    assert broken("return special.expit(x)", {"special": "scipy.special"}) == []


def test_a_text_that_does_not_parse_breaks_no_rule():
    assert broken_rules(Program("class Layer(:", {}), "Layer") == []


def test_the_text_of_a_class_is_found_in_memory():
    source = (
        "import numpy as np\n"
        "def helper(x):\n    return [i for i in x]\n"
        "class Layer:\n    def compute_output(self, x):\n        return np.array(helper(x))\n"
    )
    module = ModuleType("a_cell")
    linecache.cache["<a cell>"] = (len(source), None, source.splitlines(True), "<a cell>")
    exec(compile(source, "<a cell>", "exec"), vars(module))
    program = program_of(module.Layer)
    assert program.text == source
    assert program.origins["np"] == "numpy"
    assert broken_rules(program, "Layer")


@pytest.mark.parametrize(
    ("body", "origins"),
    [
        ("loss.backward()", {}),
        ("return torch.autograd.grad(loss, x)", {}),
        ("return torch.func.grad(self.loss)(x)", {}),
        ("return slope(self.loss)(x)", {"slope": "torch.func"}),
        ("from torch.autograd import grad", {}),
    ],
)
def test_autograd_is_found_where_it_is_not_allowed(body, origins):
    [message] = broken(body, origins, torch=True, autograd=False)
    assert "uses autograd" in message
    assert broken(body, origins, torch=True) == []


@pytest.mark.parametrize(
    "body",
    [
        "with torch.inference_mode(): return x",
        "with torch.no_grad(): return x",
        "return torch.zeros(3, requires_grad=False)",
        "x.requires_grad_(False)",
    ],
)
def test_to_switch_autograd_off_is_not_to_use_it(body):
    assert broken(body, {}, torch=True, autograd=False) == []


def test_what_may_be_used_is_said():
    [message] = broken("import jax", {}, torch=True)
    assert "NumPy, SciPy and PyTorch only" in message
    [message] = broken("import torch", {})
    assert "NumPy and SciPy only" in message
