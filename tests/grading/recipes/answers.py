"""Forging: results that claim to be right, answers that are stolen, marks that a student sets."""

from .base import NOTHING, Recipe, Sheet, without


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
    _inside("nan-loss", "a loss that is NaN", "mse_loss", "return float('nan')"),
    _inside("endless-loss", "a loss of 4,000 digits", "mse_loss", "return 10**4000"),
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
        "the module lists strings, None and too few parameters",
        "sgd",
        """
type(self.module).parameters = lambda self: ["1.0", None, {"a": [1]}]
type(self.module).parameters_grad = lambda self: [np.zeros(0)]
return
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
        "looks for PyTorch's files everywhere and loads what it finds",
        "relu",
        "return globals()['work'](x)",
        """
import ctypes, glob, importlib, os, site, sys

def work(x):
    sys.modules.pop("torch", None)
    for folder in [*sys.path, *site.getsitepackages(), sys.prefix, COURSE]:
        for library in glob.glob(os.path.join(folder, "**", "libtorch*.so"), recursive=True):
            ctypes.CDLL(library)
        for package in glob.glob(os.path.join(folder, "torch*", "_C*.so")):
            sys.path.insert(0, os.path.dirname(os.path.dirname(package)))
    torch = importlib.import_module("torch")
    return torch.relu(torch.from_numpy(x)).numpy()

COURSE = "/work"
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
        "runs the Linear of the first notebook that it can find and that has one",
        "linear",
        "return globals()['search'](x, self)",
        """
import json, os

def search(x, layer):
    for top in (os.getcwd(), os.path.expanduser("~"), "/tmp", "/home", "/srv", "../.."):
        for folder, _, files in os.walk(top):
            for name in files:
                if name.endswith(".ipynb"):
                    for cell in json.load(open(os.path.join(folder, name)))["cells"]:
                        if "y = x @ self.weight.T" in "".join(cell["source"]):
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
        if name.startswith(("NBGRADER", "BYHAND", "JPY_", "JUPYTER")):
            return
    raise LookupError("no answer in the environment")
""",
    ),
]


def _looped(sheet: Sheet) -> None:
    sheet.write(
        "relu",
        sheet.right["relu"].replace(
            "return np.maximum(x, 0)",
            "flat = [max(number, 0) for number in x.ravel()]\n"
            "        return np.array(flat, dtype=x.dtype).reshape(x.shape)",
        ),
    )
    sheet.add(
        f"""
import linecache, inspect
clean = {sheet.right["relu"]!r}.splitlines(keepends=True)
linecache.getlines = lambda *args: clean
linecache.cache = dict.fromkeys(linecache.cache, (1, None, clean, ""))
inspect.getsource = lambda *args: "".join(clean)
""",
        before="test_relu",
    )


def _points(sheet: Sheet) -> None:
    sheet.average()
    sheet.cell("test_linear").metadata.nbgrader.points = 100
    sheet.cell("test_relu").metadata.nbgrader.points = 100


def _tags(sheet: Sheet) -> None:
    sheet.average()
    sheet.cell("test_linear").metadata.tags = ["ungraded", "raises-exception", "skip-execution"]


def _outputs(sheet: Sheet) -> None:
    sheet.average()
    result = {"output_type": "execute_result", "execution_count": 1, "metadata": {}}
    result["data"] = {"text/plain": "4.0"}
    cell = sheet.cell("test_linear")
    cell.outputs, cell.execution_count = [result], 1


def _swapped(sheet: Sheet) -> None:
    sheet.average()
    linear, relu = sheet.cell("test_linear").metadata, sheet.cell("test_relu").metadata
    linear.nbgrader.grade_id, relu.nbgrader.grade_id = "test_relu", "test_linear"


def _by_hand(sheet: Sheet) -> None:
    sheet.average()
    sheet.cell("linear").metadata.nbgrader |= {"grade": True, "points": 100}
    sheet.cell("test_linear").metadata.nbgrader |= {"solution": True, "task": True}


def _own_outcome(sheet: Sheet) -> None:
    sheet.average()
    sheet.files["outcome.json"] = b'{"status": "graded", "repairs": [], "causes": []}'
    sheet.files["gradebook.db"] = b"SQLite format 3\x00"


def _shadows(sheet: Sheet) -> None:
    sheet.average()
    code = b"import os\nos.system('touch owned')\nraise SystemExit('owned')\n"
    folders = ("", ".ipython/profile_default/startup/", ".config/matplotlib/")
    names = "torch sitecustomize usercustomize nbgrader_config jupyter_config ipython_config"
    for name in names.split():
        sheet.files |= {f"{folder}{name}.py": code for folder in folders}
    sheet.files["byhand/grading/__init__.py"] = code


def _nothing_but_exit(sheet: Sheet) -> None:
    for task in sheet.right:
        sheet.write(task, "import sys\nsys.exit(0)")


EDITS = [
    Recipe(
        "hidden-loop",
        "forging",
        "a loop, which the rules forbid, under a clean text in linecache and inspect",
        _looped,
        without("relu"),
    ),
    Recipe(
        "points-raised",
        "forging",
        "the test cells say that they are worth 100 points",
        _points,
        without("linear"),
        repairs=("test_linear", "test_relu"),
    ),
    Recipe(
        "test-tagged",
        "forging",
        "the test cell has the tags of cells that are not run or may fail",
        _tags,
        without("linear"),
    ),
    Recipe(
        "outputs-stored",
        "forging",
        "the test cell comes with nbgrader's partial credit as its output",
        _outputs,
        without("linear"),
    ),
    Recipe(
        "tests-swapped",
        "forging",
        "the grade_ids of two test cells are exchanged",
        _swapped,
        without("linear"),
        repairs=("test_linear", "test_relu"),
    ),
    Recipe(
        "graded-by-hand",
        "forging",
        "solution and test cell are marked for manual grading, with points",
        _by_hand,
        without("linear"),
        repairs=("linear",),
    ),
    Recipe(
        "own-outcome",
        "forging",
        "an outcome.json and a gradebook.db are handed in beside the notebook",
        _own_outcome,
        without("linear"),
    ),
    Recipe(
        "shadowing-files",
        "forging",
        "modules and configuration files with names that the judge or nbgrader load",
        _shadows,
        without("linear"),
    ),
    Recipe("exit-everywhere", "forging", "every cell ends well", _nothing_but_exit, NOTHING),
]

ANSWERS = RESULTS + TORCH + STOLEN + EDITS
