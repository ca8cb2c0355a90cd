"""The rules see a definition wherever it stands and however it was made."""

from textwrap import indent

import pytest

from byhand.protocol.source_rules import broken_rules, has_loop
from byhand.protocol.source_text import Program

LOOP = "for row in x: pass"


@pytest.mark.parametrize(
    "statement",
    [
        "if True:",
        "if 0: pass\nelse:",
        "if ready: pass\nelse:",
        "try: pass\nfinally:",
        "try: nothing\nexcept NameError:",
        "with open('x') as file:",
        "for _ in range(1):",
        "while True:",
        "match 1:\n  case 1:",
    ],
)
@pytest.mark.parametrize("body", [LOOP, "return x"])
def test_a_definition_is_seen_inside_another_statement(statement, body):
    function = f"\n      def forward(self, x):\n        {body}\n"
    assert has_loop(Program(statement + function, {}), "forward") == (body == LOOP)
    layer = "\n    class Layer:" + function
    assert bool(broken_rules(Program(statement + layer, {}), "Layer")) == (body == LOOP)
    layer = "class Layer:\n" + indent(statement + function, "  ")
    assert bool(broken_rules(Program(layer, {}), "Layer")) == (body == LOOP)


def test_what_never_runs_does_not_count():
    text = f"def f(x): return x\nif False:\n    def f(x):\n        {LOOP}\n"
    assert not has_loop(Program(text, {}), "f")


CLASS = """
def same(f): return f
def each(f): return np.vectorize(f)
mapped = functools.partial(each)
def helper(x, *more):
    {body}
class Basis:
    def run(self, x): return helper(x)
class Tool(Basis): pass
tool = Tool()
@functools.total_ordering
class Layer:
    def show(self):
        for row in self.rows: print(row)
    {member}
"""
FORWARD = "def forward(self, x): return helper(x)"


@pytest.mark.parametrize(
    "member",
    [
        "forward = helper",
        "forward = staticmethod(helper)",
        "forward: object = helper",
        "forward = lambda self, x: helper(x)",
        f"@same\n    {FORWARD}",
        "def compute_output(self, x): return helper(x)\n    forward = same(compute_output)",
        f"{FORWARD}\n    forward = same(forward)",
        "pass\nLayer.forward = helper",
        "pass\nhelp = functools.partial(helper)\nLayer.forward = functools.partial(help)",
        f"{FORWARD}\nLayer.forward = same(same(Layer.forward))",
        f"{FORWARD}\nLayer = same(Layer)",
        "def forward(self, x): return tool.run(x)",
        "def forward(self, x): return Tool().run(x)",
        "def forward(self, x): return self.run(x)\n    run = functools.partial(helper)",
    ],
)
def test_a_method_is_seen_however_it_came_into_the_class(member):
    text = CLASS.format(body=LOOP, member=member)
    assert broken_rules(Program(text, {}), "Layer")
    text = CLASS.format(body="return x", member=member)
    assert broken_rules(Program(text, {}), "Layer") == []


@pytest.mark.parametrize(
    "member",
    [
        "@each\n    def forward(self, x): return x",
        "@mapped\n    def forward(self, x): return x",
        "def compute_output(self, x): return x\n    forward = each(compute_output)",
        "forward = lambda self, x: [row for row in x]",
    ],
)
def test_a_method_that_is_made_into_a_loop_is_seen(member):
    text = CLASS.format(body="return x", member=member)
    assert broken_rules(Program(text, {}), "Layer")


def test_a_method_is_replaced_by_what_is_assigned_last():
    member = f"def forward(self, x):\n        {LOOP}\nLayer.forward = helper"
    text = CLASS.format(body="return x", member=member)
    assert broken_rules(Program(text, {}), "Layer") == []


VALUE = """
def f(x): return x
def loop(x):
    while x: pass
def make(*more):
    def inner(x): return loop(x)
    return inner
class Slow:
    def __call__(self, x): return loop(x)
    def run(x): return loop(x)
class Quick: pass
slow = f
slow = {value}
def graded(x): return slow(x)
def other(x): return x
"""


@pytest.mark.parametrize(
    "value",
    [
        "lambda x: [row for row in x]",
        "lambda x: reduce(f, x)",
        "lambda x: list(filter(f, x))",
        "lambda x: np.fromiter(x, float)",
        "lambda x: ndimage.generic_filter(x, f, 3)",
        "lambda x: list(executor.map(f, x))",
        "np.vectorize(f)",
        "np.frompyfunc(f, 1, 1)",
        "functools.partial(map, f)",
        "functools.partial(loop)",
        "loop if x else f",
        "loop",
        "make()",
        "make(Quick)",
        "Slow()",
        "Slow.run",
    ],
)
def test_a_helper_that_was_assigned_is_followed(value):
    program = Program(VALUE.format(value=value), {})
    assert has_loop(program, "graded")
    assert has_loop(program, "slow")
    assert not has_loop(program, "other")


def test_a_function_that_is_wrapped_under_its_own_name_is_followed():
    text = f"def f(x):\n    {LOOP}\nf = functools.partial(f)\nf = functools.partial(f)\n"
    assert has_loop(Program(text, {}), "f")


def test_a_lambda_calls_what_its_names_stand_for_in_the_end():
    text = f"def g(x):\n    {LOOP}\nf = lambda x: g(x)\ndef g(x): return x\n"
    assert not has_loop(Program(text, {}), "f")


def test_a_table_is_made_once_and_is_no_loop():
    text = (
        "def build(): return [i for i in range(9)]\n"
        "TABLE = np.array([i for i in build()])\n"
        "NAMES = build()\n"
        "look_up = functools.partial(np.take, TABLE)\n"
        "def f(x): return TABLE[x] * TABLE.take(x) + NAMES.index(x) + look_up(x) + np.sum(NAMES)\n"
    )
    assert broken_rules(Program(text, {}), "f") == []
