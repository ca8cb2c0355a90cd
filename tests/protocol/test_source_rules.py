"""Loops and foreign libraries are found where they count, and nowhere else."""

import pytest

from byhand.protocol.source_rules import broken_rules, has_loop
from byhand.protocol.source_text import Program, program_of_cells

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
        "from functools import reduce; return reduce(max, x)",
        "return np.fromiter(x, float)",
        "return np.frompyfunc(abs, 1, 1)(x)",
        "return ndimage.generic_filter(x, max, 3)",
        "return list(executor.map(abs, x))",
        "each = map; return list(each(abs, x))",
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
        "return self.signal.filter(x)",
        "filter = x; return filter + 1",
        "return self.map(x)",
        "return self.vectorize(x)",
        "def inner(map): return map(x)\n        return inner(x)",
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


@pytest.mark.parametrize("text", ["class Layer(:", "x = '\0'", "-" * 100_000 + "1"])
def test_a_text_that_cannot_be_parsed_breaks_no_rule(text):
    assert broken_rules(Program(text, {}), "Layer") == []
    assert has_loop(Program(text, {}), "Layer")


def test_of_what_is_nowhere_in_the_text_nothing_is_said():
    assert broken_rules(Program("x = 1", {}), "f") == []
    assert has_loop(Program("x = 1", {}), "f")


def test_what_python_does_not_compile_breaks_no_rule():
    assert broken("nonlocal nothing; return x") == []


@pytest.mark.parametrize(
    ("body", "origins"),
    [
        ("loss.backward()", {}),
        ("return torch.autograd.grad(loss, x)", {}),
        ("return torch.func.grad(self.loss)(x)", {}),
        ("return slope(self.loss)(x)", {"slope": "torch.func"}),
        ("from torch.autograd import grad", {}),
        ("return t.func.grad(self.loss)(x)", {"t": "torch"}),
        ("dict(autograd=1); return torch.autograd.grad(loss, x)", {}),
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


OWN_BACKWARD = """
class Affine:
    def backward(self, g): return g

gate = SimpleNamespace(backward=lambda g: {inside}, map=np.abs)
class Unused:
    def func(self): pass
"""


@pytest.mark.parametrize(
    "body",
    [
        "layer = Affine(); return layer.backward(x)",
        "return gate.backward(x)",
        "here = SimpleNamespace(backward=np.abs); return here.backward(x)",
        "return gate.map(x)",
        "return partial(np.abs, x).func(x)",
    ],
)
def test_what_the_student_has_named_so_is_neither_autograd_nor_a_loop(body):
    text = OWN_BACKWARD.format(inside="g") + LAYER.format(body=body)
    assert broken_rules(Program(text, {}), "Layer", autograd=False) == []


def test_what_the_student_has_named_so_elsewhere_says_nothing_of_this():
    text = OWN_BACKWARD.format(inside="g") + LAYER.format(body="return x.sum().backward()")
    [message] = broken_rules(Program(text, {}), "Layer", autograd=False)
    assert "uses autograd (`backward`)" in message


def test_a_loop_in_a_namespace_counts():
    text = OWN_BACKWARD.format(inside="[h for h in g]")
    text += LAYER.format(body="return gate.backward(x)")
    assert "backward loops with a comprehension" in broken_rules(Program(text, {}), "Layer")[0]


def test_of_a_function_that_may_loop_its_caller_is_told():
    text = "def slow(x):\n    for row in x: pass\n\ndef f(x): return slow(x)\n"
    [message] = broken_rules(Program(text, {}), "f")
    assert message.endswith("`for row in x: pass`, and f uses it; write that as array operations")
    [message] = broken_rules(Program(text, {}), "slow")
    assert message.endswith("`for row in x: pass`; write it as array operations")


def test_what_may_be_used_is_said():
    [message] = broken("import jax", {}, torch=True)
    assert "NumPy, SciPy and PyTorch only" in message
    [message] = broken("import torch", {})
    assert "NumPy and SciPy only" in message


HELPER = "def mean(x):\n    for row in x: pass\n"


@pytest.mark.parametrize(
    "body",
    [
        "mean = x.sum(); return x - mean",
        "mean, (std, *rest) = x; return mean",
        "def inner(mean): return x - mean\n        return inner(x)",
        "return (lambda mean: x - mean)(x)",
        "import numpy as mean; return mean.exp(x)",
        "(mean := x.sum()); return x - mean",
        "with np.errstate() as mean: return mean",
        "try: return x\n        except ValueError as mean: return mean",
        "mean = 1\n        def inner(): return mean\n        return inner()",
        "class mean: pass\n        return mean",
        "match x:\n            case [mean]: return mean",
    ],
)
def test_a_local_name_is_no_helper(body):
    assert broken_rules(Program(HELPER + LAYER.format(body=body), {}), "Layer") == []


def test_a_parameter_and_the_target_of_a_comprehension_are_local():
    text = HELPER + "def f(x, mean): return x - mean\ndef g(x): return [mean for mean in x]\n"
    assert broken_rules(Program(text, {}), "f") == []
    [message] = broken_rules(Program(text, {}), "g")
    assert "a comprehension" in message


@pytest.mark.parametrize(
    "body",
    [
        "def inner(): return mean(x)\n        return inner()",
        "return (lambda: mean(x))()",
        "global mean; mean = mean; return mean(x)",
        "average = mean; return average(x)",
        "return apply(mean, x)",
    ],
)
def test_a_helper_is_followed_through_closures_and_other_names(body):
    [message] = broken_rules(Program(HELPER + LAYER.format(body=body), {}), "Layer")
    assert message.startswith("mean loops with `for`")


def test_a_function_of_the_students_is_not_the_builtin_of_its_name():
    for definition in ("def filter(x): return x\n", "filter = np.abs\n"):
        text = definition + LAYER.format(body="return filter(x)")
        assert broken_rules(Program(text, {}), "Layer") == []


def test_an_import_takes_the_place_of_a_helper():
    program = program_of_cells([HELPER, "from numpy import mean\ndef f(x): return mean(x)"])
    assert broken_rules(program, "f") == []


def test_a_loop_is_known_by_what_was_imported():
    for line, call in [
        ("from functools import reduce as fold", "fold"),
        ("import functools as tools", "tools.reduce"),
        ("from numpy import vectorize as slow", "slow"),
    ]:
        [message] = broken_rules(program_of_cells([f"{line}\ndef f(x): {call}(max, x)"]), "f")
        assert message.startswith("f loops with ")


METHODS = """
class Base:
    def forward(self, x):
        for row in x: pass

class Layer(Base):
    def forward(self, x):
        {body}

    def mean(self, x):
        for row in x: pass

    def slow(self, x):
        for row in x: pass

    @staticmethod
    def centre(x):
        return x - x.mean()
"""


@pytest.mark.parametrize(
    "body",
    [
        "return x.mean() + np.mean(x) + self.weight.mean()",
        "return x if isinstance(x, Base) else Layer(x)",
        "return self.centre(x)",
    ],
)
def test_a_method_of_an_array_is_not_the_class_s_own(body):
    assert broken_rules(Program(METHODS.format(body=body), {}), "Layer") == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return self.mean(x)", "mean"),
        ("return Layer.mean(self, x)", "mean"),
        ("cls = type(self); return cls.mean(self, x)", "mean"),
        ("return (lambda: self.mean(x))()", "mean"),
        ("return super().forward(x)", "forward"),
        ("return Base.forward(self, x)", "forward"),
        ("return [self].pop().slow(x)", "slow"),
    ],
)
def test_a_method_is_followed_where_the_owner_can_be_the_object(body, found):
    [message] = broken_rules(Program(METHODS.format(body=body), {}), "Layer")
    assert message.startswith(f"{found} loops")


LOOPING = """
class Linear:
    def forward(self, x):
        for row in x: pass
"""


@pytest.mark.parametrize(
    "ahead",
    [
        "class A: pass\n" + "class A(A): pass\n" * 2000,
        "class A: pass\n" + "class A(A, A): pass\n" * 60,  # not doubled each time
        "class A: pass\nclass B(A): pass\n" + "class A(B, A): pass\nclass B(A, B): pass\n" * 40,
        "if x == 0: pass\n" + "".join(f"elif x == {n}: pass\n" for n in range(2000)),
        "class A:\n    pass\nA = A\nA.A = A\nA.A.A = A.A\n",
    ],
    ids=["again", "twice", "each-other", "elif", "itself"],
)
def test_text_that_goes_in_circles_or_deep_hides_no_rule(ahead):
    program = program_of_cells([ahead, LOOPING])
    assert "class Linear" in program.text
    assert broken_rules(program, "Linear")
    assert has_loop(program, "Linear")


def test_a_class_that_inherits_from_itself_has_the_loop_of_its_former_self():
    again = LOOPING.replace("Linear:", "Linear(Linear):").replace("forward", "other")
    assert broken_rules(program_of_cells([LOOPING, *[again] * 90]), "Linear")
