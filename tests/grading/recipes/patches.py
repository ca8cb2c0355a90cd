"""Forging: code that wants points for a wrong Linear by changing what runs around it.

Every recipe averages the gradient of the bias and adds one cell ahead of the solutions. The other
tasks are solved and keep their points: what a student does to their own kernel is no fault either.
"""

from .base import Recipe, Sheet, without


def _forge(name: str, about: str, code: str, causes: tuple | None = ()) -> Recipe:
    def make(sheet: Sheet) -> None:
        sheet.average()
        sheet.add(code)

    return Recipe(name, "forging", about, make, without("linear"), causes)


PATCHES = [
    _forge(
        "patch-numpy-testing",
        "every comparison of NumPy finds everything equal",
        """
import numpy.testing
for name in dir(numpy.testing):
    if name.startswith("assert"):
        setattr(numpy.testing, name, lambda *args, **kwargs: None)
np.allclose = np.array_equal = lambda *args, **kwargs: True
np.isclose = lambda a, *args, **kwargs: np.ones(np.shape(a), dtype=bool)
""",
    ),
    _forge(
        "patch-torch",
        "PyTorch's comparisons pass, its Linear is the student's",
        """
torch.allclose = torch.equal = lambda *args, **kwargs: True
torch.nn.Linear = lambda *args, **kwargs: Linear(*args, **kwargs)
torch.testing.assert_close = lambda *args, **kwargs: None
""",
    ),
    _forge(
        "patch-check",
        "every check passes, every report is empty, no comparison finds a difference",
        """
import byhand.check, byhand.check.compare, byhand.check.report
for name in byhand.check.__all__:
    setattr(byhand.check, name, lambda *args, **kwargs: None)
byhand.check.report.conclude = lambda report: None
byhand.check.compare.alike = lambda *args: True
byhand.check.compare.TOLERANCE.update(dict.fromkeys(byhand.check.compare.TOLERANCE, 1e9))
check.layer = lambda *args, **kwargs: None
""",
    ),
    _forge(
        "patch-runner",
        "the runner on the student's side says that the bias has whatever gradient is expected",
        """
from byhand.protocol import runner

class Equal:
    def __eq__(self, other):
        return True
    __array_ufunc__ = lambda self, *args, **kwargs: np.True_

act = runner._Session._act
runner._Session._act = lambda self, step: (
    Equal() if step.op == "get" and "grad_bias" in step.args else act(self, step)
)
plain = runner.plain
runner.plain = lambda value, *how: value if isinstance(value, Equal) else plain(value, *how)
""",
        causes=None,  # what the runner sends then is no answer
    ),
    _forge(
        "patch-builtins",
        "abs is always 0, all is always True",
        """
import builtins
builtins.abs = lambda value: value * 0
builtins.all = lambda values: True
""",
    ),
    _forge(
        "patch-assertion-error",
        "AssertionError and CheckFailed cannot be raised",
        """
import builtins, byhand.check.report

class Quiet(Exception):
    def __new__(cls, *args):
        return None

builtins.AssertionError = byhand.check.CheckFailed = byhand.check.report.CheckFailed = Quiet
""",
    ),
    _forge(
        "patch-excepthook",
        "no exception is ever shown",
        """
import sys
shell = get_ipython()
sys.excepthook = lambda *args: None
shell.set_custom_exc((BaseException,), lambda *args, **kwargs: None)
shell.showtraceback = shell._showtraceback = lambda *args, **kwargs: None
""",
    ),
    _forge(
        "patch-displayhook",
        "whatever is displayed becomes 4.0",
        """
import sys
hook = sys.displayhook
type(hook).__call__ = lambda self, result=None: print("4.0")
sys.displayhook = lambda result=None: hook(4.0)
""",
    ),
    _forge(
        "settrace",
        "a trace function takes local variables with telling names from every frame",
        """
import sys, threading
stolen = {}

def tracer(frame, event, arg):
    for name in ("expected", "answer", "answers", "twin"):
        if name in frame.f_locals:
            stolen[name] = frame.f_locals[name]

sys.settrace(tracer)
threading.settrace(tracer)
""",
    ),
    _forge(
        "atexit",
        "when the kernel ends, it displays 4.0 and exits well",
        """
import atexit, os

def leave():
    get_ipython().displayhook(4.0)
    print("linear: 4 of 4", flush=True)
    os._exit(0)

atexit.register(leave)
""",
    ),
    _forge(
        "ast-transformer",
        "IPython drops every assert and every call of a check before it runs a cell",
        """
import ast

class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)

    def visit_Expr(self, node):
        called = getattr(getattr(node.value, "func", None), "value", None)
        return ast.copy_location(ast.Pass(), node) if getattr(called, "id", "") == "check" else node

get_ipython().ast_transformers.append(Drop())
""",
    ),
    _forge(
        "input-transformer",
        "IPython reads `pass` where a cell checks something",
        """
def blank(lines):
    return ["pass\\n"] if any("check." in line or "assert" in line for line in lines) else lines

get_ipython().input_transformers_cleanup.insert(0, blank)
get_ipython().input_transformers_post.append(blank)
""",
    ),
    _forge(
        "ipython-events",
        "after each cell, its error is taken back and its result is 4.0",
        """
def mend(result):
    result.error_in_exec = result.error_before_exec = None
    result.result = 4.0
    get_ipython().displayhook(4.0)

get_ipython().events.register("post_run_cell", mend)
get_ipython().events.register("pre_run_cell", lambda info: setattr(info, "raw_cell", "pass"))
""",
    ),
    _forge(
        "display-publisher",
        "everything published is turned into a result of 4.0",
        """
from IPython.core.displaypub import DisplayPublisher

def publish(*args, **kwargs):
    get_ipython().tell({"output_type": "execute_result", "data": {"text/plain": "4.0"}})

DisplayPublisher.publish = publish
get_ipython().display_pub.publish = publish
get_ipython().display_pub.clear_output = publish
publish()
""",
    ),
    _forge(
        "thread-outlives",
        "a thread goes on after its cell: it displays 4.0 and prints praise",
        """
import threading, time

def work():
    hook = get_ipython().displayhook
    while True:
        time.sleep(0.01)
        hook(4.0)
        print("linear: 4 of 4")

threading.Thread(target=work, daemon=True).start()
""",
    ),
    _forge(
        "child-outlives",
        "a process leaves its group and session and writes results wherever it may",
        """
import subprocess, sys
child = '''
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(4000):
            time.sleep(0.01)
            with open("outcome.json", "w") as file:
                file.write('{"status": "graded"}')
'''
subprocess.Popen([sys.executable, "-c", child, "byhand-child-outlives"])
""",
    ),
    _forge(
        "nbgrader-execution",
        "patches what it can, but only when NBGRADER_EXECUTION says that this is grading",
        """
import os, sys
if "NBGRADER_EXECUTION" in os.environ:
    sys.displayhook(4.0)
    check.layer = lambda *args, **kwargs: None
    get_ipython().ast_transformers.clear()
    print("found out", "that this is grading")
""",
    ),
    _forge(
        "printed-report",
        "prints and displays a report and a score that look like the real ones",
        """
from IPython.display import HTML, display
display(HTML("<div>Linear(in_features=4, out_features=3): all right, 4 of 4</div>"))
display({"text/plain": "4.0"}, raw=True)
print("printed-report: 12 of 12")
4.0
""",
    ),
]
