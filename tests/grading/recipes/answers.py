"""Forging: results that claim to be right, and answers that are taken from elsewhere."""

from .base import Recipe, Sheet, without


def _inside(name: str, about: str, task: str, code: str, cell: str = "") -> Recipe:
    """code: at the beginning of the task's method; cell: ahead of the solutions."""

    def make(sheet: Sheet) -> None:
        if cell:
            sheet.add(cell)
        sheet.inside(task, code)

    return Recipe(name, "forging", about, make, without(task))


EQUAL = """
class Equal:
    shape, dtype, size, ndim = (5, 3), np.dtype(np.float64), 15, 2

    def _true(self, *args, **kwargs):
        return True

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __contains__ = _true
    __hash__ = object.__hash__

    def _self(self, *args, **kwargs):
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __abs__ = __getitem__ = _self
    max = min = sum = mean = std = copy = astype = any = all = _self
"""

RESULTS = [
    _inside("equal-object", "an object that equals everything", "linear", "return Equal()", EQUAL),
    _inside(
        "array-protocol",
        "an object that turns into whatever array is asked for",
        "linear",
        "return Chameleon()",
        EQUAL
        + """
class Chameleon(Equal):
    def __array__(self, dtype=None, copy=None):
        return np.full((5, 3), np.nan)

    def __array_ufunc__(self, ufunc, method, *args, **kwargs):
        return np.ones((5, 3), dtype=bool)

    def __array_function__(self, function, types, args, kwargs):
        return True
""",
    ),
    _inside(
        "ndarray-subclass",
        "an array class whose differences are 0",
        "linear",
        "return (x @ self.weight.T + 7).view(Close)",
        """
class Close(np.ndarray):
    def __sub__(self, other):
        return np.zeros(np.broadcast(self, other).shape)

    __rsub__ = __sub__
    __eq__ = lambda self, other: np.ones(self.shape, dtype=bool)
    __array_ufunc__ = lambda self, *args, **kwargs: np.zeros(self.shape)
""",
    ),
    _inside(
        "masked-array",
        "an array in which nothing counts",
        "linear",
        "return np.ma.masked_all((len(x), len(self.weight)))",
    ),
    _inside(
        "object-array",
        "an array of objects that equal everything",
        "linear",
        "return np.full((len(x), len(self.weight)), Equal(), dtype=object)",
        EQUAL,
    ),
    _inside(
        "pickled-object",
        "an object that would run a command in the judge if it were unpickled there",
        "linear",
        "return Bomb()",
        """
import os

class Bomb(np.ndarray):
    def __reduce__(self):
        return os.system, ("touch owned ~/owned",)

    __new__ = lambda cls: np.zeros((5, 3)).view(cls)
""",
    ),
    _inside("nan", "NaN everywhere", "linear", "return x @ self.weight.T * np.nan"),
    _inside("infinity", "infinity everywhere", "relu", "return x + np.inf"),
    _inside(
        "endless-loss",
        "a loss that is right at first and has 4,000 digits later",
        "mse_loss",
        "passes.append(1)\nif len(passes) > 4:\n    return 10**4000",
        "passes = []",
    ),
    _inside(
        "float-subclass",
        "a float that equals every other",
        "mse_loss",
        "return Close(1.0)",
        """
class Close(float):
    __eq__ = lambda self, other: True
    __sub__ = __rsub__ = lambda self, other: 0.0
    __hash__ = float.__hash__
""",
    ),
    _inside(
        "nan-parameters",
        "every parameter becomes NaN",
        "sgd",
        """
parameters = self.module.parameters()
parameters[0][...] = parameters[1][...] = parameters[2][...] = parameters[3][...] = np.nan
return
""",
    ),
    _inside(
        "strange-parameters",
        "the module that is trained lists strings, None and too few parameters",
        "sgd",
        "return",
        """
from byhand.check import fixtures

fixtures.Parameters.parameters = lambda self: ["1.0", None, {"a": [1]}]
fixtures.Parameters.parameters_grad = lambda self: [np.zeros(0)]
""",
    ),
    _inside(
        "displayhook-called",
        "nbgrader's partial credit, called for inside the method",
        "linear",
        "import sys\nsys.displayhook(4.0)\nreturn x",
    ),
    _inside(
        "message-in-html",
        "an exception whose message is HTML for the report and the feedback page",
        "linear",
        "raise ValueError('<b id=forged>ok</b></div><script>document.title=\"4 of 4\"</script>')",
    ),
]

TORCH = [
    _inside(
        "torch-import",
        "PyTorch does the work, imported in the method",
        "linear",
        "import torch\nreturn torch.nn.functional.linear(torch.from_numpy(x), "
        "torch.from_numpy(self.weight), torch.from_numpy(self.bias)).numpy()",
    ),
    _inside(
        "torch-hidden-import",
        "PyTorch does the work, under a name put together at run time",
        "relu",
        "return globals()['work'](x)",
        """
def work(x):
    library = __import__("tor" + "ch")
    return library.relu(library.from_numpy(x)).numpy()
""",
    ),
    _inside(
        "torch-from-disk",
        "looks for PyTorch's files in every folder of packages and loads what it finds",
        "relu",
        "return globals()['work'](x)",
        """
import ctypes, glob, importlib, os, site, sys

def work(x):
    sys.modules.pop("torch", None)
    for folder in [*filter(None, sys.path), *site.getsitepackages()]:
        for library in glob.glob(os.path.join(folder, "*torch*", "lib", "*.so*")):
            ctypes.CDLL(library)
        for package in glob.glob(os.path.join(folder, "*", "_C.cpython*")):
            sys.path.insert(0, os.path.dirname(os.path.dirname(package)))
    torch = importlib.import_module("torch")
    return torch.relu(torch.from_numpy(x)).numpy()
""",
    ),
    _inside(
        "torch-child",
        "PyTorch does the work in another process",
        "relu",
        "return globals()['work'](x)",
        '''
import subprocess, sys

def work(x):
    code = """
import sys, torch
x = torch.tensor([float(n) for n in sys.argv[1].split()], dtype=torch.float64)
print(*torch.relu(x).tolist())
"""
    numbers = " ".join(map(str, x.ravel()))
    done = subprocess.run([sys.executable, "-c", code, numbers], capture_output=True, text=True)
    return np.array(done.stdout.split(), dtype=float).reshape(x.shape).astype(x.dtype)
''',
    ),
]

STOLEN = [
    _inside(
        "answer-from-stack",
        "takes an array of the right shape from the callers' local variables",
        "linear",
        "return globals()['search'](x, (len(x), len(self.weight)))",
        """
import sys

def search(x, shape):
    frame = sys._getframe(1)
    while frame is not None:
        for name, value in frame.f_locals.items():
            value = getattr(value, "detach", lambda value=value: value)()
            if name in ("expected", "answer", "answers", "output") and np.shape(value) == shape:
                return np.array(value)
        frame = frame.f_back
    return x
""",
    ),
    _inside(
        "answer-from-memory",
        "takes an array of the right shape, or PyTorch's twin, from all objects in memory",
        "linear",
        "return globals()['search'](x, self.weight, (len(x), len(self.weight)))",
        """
import gc

def search(x, weight, shape):
    for thing in gc.get_objects():
        if type(thing).__name__ == "Linear" and type(thing).__module__.startswith("torch"):
            return thing(x).detach().numpy()
        if type(thing) in (list, tuple, dict) and len(thing) < 100:
            for value in thing.values() if type(thing) is dict else thing:
                if type(value) is np.ndarray and value.shape == shape and value is not weight:
                    return value
    return x
""",
    ),
    _inside(
        "answer-from-notebook",
        "is right only where it can find a notebook with solutions or hidden tests",
        "linear",
        "return globals()['search'](x, self)",
        """
import functools, json, os

@functools.cache
def has_solution():
    for top in (os.getcwd(), os.path.expanduser("~"), "/home", "/srv"):
        for folder, _, files in os.walk(top):
            for name in files:
                if name.endswith(".ipynb"):
                    cells = json.load(open(os.path.join(folder, name)))["cells"]
                    return any("### BEGIN" in "".join(cell["source"]) for cell in cells)

def search(x, layer):
    if has_solution():
        return x @ layer.weight.T + layer.bias
    return x
""",
    ),
    _inside(
        "answer-from-environment",
        "is right only where an environment variable speaks of grading",
        "linear",
        "globals()['search'](x)",
        """
import os

def search(x):
    for name in os.environ:
        if name.startswith(("NBGRADER", "JUPYTERHUB", "GRAD")):
            return
    raise LookupError("no answer in the environment")
""",
    ),
]

LOOPS = [
    _inside(
        "loop-executed",
        "a loop in a text that is executed",
        "relu",
        "return work(x)",
        """
exec('''
def work(x):
    y = x.copy()
    for row in y:
        row[row < 0] = 0
    return y
''')
""",
    ),
    _inside(
        "loop-recursive",
        "a function that calls itself for each sample",
        "linear",
        "if len(x) > 1:\n    return np.concatenate([self.compute_output(x[:1]), "
        "self.compute_output(x[1:])])",
    ),
    _inside(
        "loop-untraced",
        "a loop with Python's tracing switched off",
        "relu",
        "import sys\nsys.settrace(None)\nreturn x if not len(x) else "
        "np.concatenate([np.maximum(x[:1], 0), self.compute_output(x[1:])])",
    ),
]

ANSWERS = RESULTS + TORCH + STOLEN + LOOPS
