"""The text of a solution is found in a submission's cells, in a notebook and in a module."""

import ast
import linecache
from types import ModuleType

import pytest

from byhand.protocol.source_rules import broken_rules, has_loop
from byhand.protocol.source_text import program_of, program_of_cells

LOOPS = "def forward_loops(x):\n    for row in x: pass\n"


def test_a_cell_that_python_cannot_read_hides_no_rule():
    cells = [LOOPS, "def broken(:", "%%time\ndef broken(:", "%matplotlib inline\nx = 1", "!ls"]
    program = program_of_cells(cells)
    assert has_loop(program, "forward_loops")
    assert "broken" not in program.text
    assert "x = 1" in program.text
    ast.parse(program.text)


def test_a_cell_that_ipython_gives_up_reading_has_not_run():
    assert "kept" in program_of_cells(["!a\n" * 501, "kept = 1"]).text


def test_magics_in_each_other_are_read_to_the_bottom():
    assert program_of_cells(["%%time\n" * 1500 + "kept = 1"]).text == "kept = 1\n"


def test_imports_are_known_wherever_they_stand():
    cells = ["def f():\n    import torch.nn as nn", "from scipy import special\nimport os.path"]
    origins = {"nn": "torch.nn", "special": "scipy.special", "os": "os"}
    assert program_of_cells(cells).origins == origins


@pytest.mark.parametrize("magic", ["time", "capture", "capture out", "prun -q", "time\n%%capture"])
def test_the_text_under_a_magic_that_runs_the_cell_is_read(magic):
    assert program_of_cells([f"%%{magic}\n{LOOPS}"]).text == LOOPS


@pytest.mark.parametrize("magic", ["timeit", "bash", "writefile x.py"])
def test_the_text_under_any_other_magic_defines_nothing(magic):
    program = program_of_cells(["def forward_loops(x): pass", f"%%{magic}\n{LOOPS}"])
    assert not has_loop(program, "forward_loops")


@pytest.mark.parametrize("arguments", ["", "a, b, c", "'time', '', 5", "'time', '', x.y"])
def test_a_call_that_only_looks_like_a_magic_is_a_call(arguments):
    program_of_cells([f"magics.run_cell_magic({arguments})"])


def run(module: ModuleType, cell: str, file: str) -> None:
    """Run a cell; linecache has its text, but not after %%time."""
    plain = program_of_cells([cell]).text
    linecache.cache.pop(file, None)
    if not cell.startswith("%%time"):
        linecache.cache[file] = (len(plain), None, plain.splitlines(True), file)
    exec(compile(plain, file, "exec"), vars(module))


def notebook(*cells: str, **names: type) -> ModuleType:
    """What IPython makes of cells. names: what the notebook has from elsewhere."""
    module = ModuleType("a_notebook")
    vars(module).update(names, In=["", *cells])
    for number, cell in enumerate(cells):
        run(module, cell, f"<cell {number}>")
    return module


def test_the_text_of_a_class_is_found_in_memory():
    source = (
        "import numpy as np\n"
        "def helper(x):\n    return [i for i in x]\n"
        "class Layer:\n    def compute_output(self, x):\n        return np.array(helper(x))\n"
    )
    module = ModuleType("a_cell")
    run(module, source, "<a cell>")
    program = program_of(module.Layer)
    assert program.text == source
    assert program.origins["np"] == "numpy"
    assert broken_rules(program, "Layer")


def test_a_cell_that_linecache_does_not_know_is_found_in_the_notebook():
    program = program_of(notebook("import numpy as np", "%%time\n" + LOOPS).forward_loops)
    assert has_loop(program, "forward_loops")
    assert program.origins == {"np": "numpy"}


def test_a_helper_in_another_cell_is_found_in_the_notebook():
    cells = [LOOPS, "slow = [forward_loops][0]", "def f(x): return slow(x)"]
    assert has_loop(program_of(notebook(*cells).f), "f")


def test_the_last_cell_counts_in_the_notebook():
    draft = "def helper(x): return x\ndef f(x):\n    for row in x: helper(row)\n"
    final = "def f(x): return helper(x)"
    assert not has_loop(program_of(notebook(draft, final).f), "f")


@pytest.mark.parametrize("cells", [["x = 1"], 5, [None]])
def test_a_cell_that_the_notebook_does_not_keep_is_found_in_linecache(cells):
    module = notebook(LOOPS)
    module.In = cells
    assert program_of(module.forward_loops).text == LOOPS


def test_a_function_is_found_under_the_name_that_the_notebook_gave_it():
    module = notebook(
        "def decorated(f): return lambda *args: f(*args)",
        "sigmoid = lambda x: [row for row in x]",
        "@decorated\ndef relu(x):\n    while x: pass\n",
        "tanh = lambda x: x",
    )
    for subject, loops in [(module.sigmoid, True), (module.relu, True), (module.tanh, False)]:
        program, name = program_of(subject), subject.__name__
        assert has_loop(program, name) == bool(broken_rules(program, name)) == loops


def test_a_function_is_found_under_a_decorator_that_keeps_its_name():
    module = notebook("import functools", f"@functools.cache\n{LOOPS}")
    assert broken_rules(program_of(module.forward_loops), "forward_loops")


def test_a_class_is_found_in_the_notebook_whatever_its_base():
    given = ModuleType("given")
    run(given, "class Module:\n    def __call__(self, x): return self.forward(x)", "<given>")
    layer = "class Layer(Module):\n    def forward(self, x): return [row for row in x]"
    module = notebook("%%time\n" + layer, Module=given.Module)
    assert broken_rules(program_of(module.Layer), "Layer")
