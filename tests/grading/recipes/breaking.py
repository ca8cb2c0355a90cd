"""Breaking: code that kills the kernel, hangs it, or asks for more than there is.

None of this may ever run outside a sandbox with small limits.
"""

from .base import Cause, Recipe, Sheet, without


def own_cell(
    name: str,
    about: str,
    code: str,
    *causes: str,
    before: str = "linear",
    unseen: tuple[str, ...] = (),
) -> Recipe:
    """A cell of the student's own: it costs nothing. causes: none given if they are left open."""
    expected = tuple(Cause(words) for words in causes) or None
    return Recipe(
        name,
        "breaking",
        about,
        lambda sheet: sheet.add(code, before),
        causes=expected,
        unseen=unseen,
    )


def _method(name: str, about: str, task: str, code: str, *causes: str) -> Recipe:
    """Code at the beginning of a task's method: it costs that task. causes: see _caused."""
    expected = _caused(task, causes)
    return Recipe(
        name, "breaking", about, lambda sheet: sheet.inside(task, code), without(task), expected
    )


def _solution(name: str, about: str, task: str, source: str, *causes: str) -> Recipe:
    """The whole solution cell of a task: it costs that task. causes: see _caused."""
    expected = _caused(task, causes)
    return Recipe(
        name, "breaking", about, lambda sheet: sheet.write(task, source), without(task), expected
    )


def _caused(task: str, causes: tuple[str, ...]) -> tuple[Cause, ...] | None:
    """The causes in one task; "any": whether there is one, and which, is left open."""
    return None if causes == ("any",) else tuple(Cause(words, (task,)) for words in causes)


DEATHS = [
    _method("exit-in-method", "os._exit", "linear", "import os\nos._exit(1)", "killed"),
    own_cell("exit-in-cell", "os._exit", "import os\nos._exit(0)", "killed"),
    own_cell(
        "exit-between",
        "os._exit after Linear was defined, before the rest is",
        "import os\nos._exit(0)",
        "killed",
        before="relu",
    ),
    _solution(
        "exit-in-solution", "os._exit in a solution cell", "sgd", "import os\nos._exit(3)", "killed"
    ),
    _method(
        "segmentation-fault",
        "reads address 0",
        "relu",
        "import ctypes\nctypes.string_at(0)",
        "killed",
    ),
    _method(
        "stack-overflow",
        "a recursion through C without a limit",
        "mse_loss",
        """
import sys
sys.setrecursionlimit(10**8)
deep = type("Deep", (), {"__repr__": lambda self: repr(self)})
repr(deep())
""",
        "killed",
    ),
    own_cell("exit-function", "IPython's exit(), which ends the kernel a little later", "exit()"),
    _method("system-exit", "raises SystemExit", "linear", "import sys\nsys.exit(0)", "any"),
    _solution("syntax-error", "a syntax error", "sgd", "class SGD(Optimizer)\n    pass"),
]

HANGS = [
    own_cell("endless-cell", "while True", "while True:\n    pass", "time limit"),
    own_cell(
        "stubborn-cell",
        "while True, deaf to KeyboardInterrupt and to signals",
        """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
""",
        "time limit",
        before="sgd",
    ),
    _method("endless-method", "while True", "linear", "while True:\n    pass", "time limit"),
    _method(
        "stubborn-method",
        "while True, deaf to every exception",
        "relu",
        """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
""",
        "time limit",
    ),
    _method(
        "held-lock",
        "a loop in C that holds Python's lock and never looks for signals",
        "mse_loss",
        "import collections, itertools\ncollections.deque(itertools.repeat(0), maxlen=0)",
        "time limit",
    ),
    _method(
        "stopped",
        "the process stops itself",
        "sgd",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nos.killpg(0, signal.SIGSTOP)",
        "time limit|killed",
    ),
    own_cell(
        "silent-kernel",
        "the kernel sends no message any more",
        "from byhand.protocol.channel import Channel\nChannel.send = lambda *args, **kwargs: None",
        "time limit|killed",
    ),
    own_cell(
        "closed-descriptors",
        "closes every file and socket of the kernel",
        "import os\nos.closerange(0, 4096)",
        "time limit|killed",
    ),
    own_cell(
        "closed-stdout",
        "closes stdout and stderr",
        "import os, sys\nsys.stdout.close(), sys.stderr.close()\nos.close(1), os.close(2)",
    ),
    own_cell("input", "asks a question", "name = input('Who are you? ')"),
]

FLOODS = [
    own_cell(
        "fork-bomb",
        "every process forks as fast as it can",
        """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
""",
        "time limit|killed",
    ),
    own_cell(
        "thread-flood",
        "a thousand threads",
        """
import threading, time
for _ in range(1000):
    threading.Thread(target=time.sleep, args=(999,), daemon=True).start()
""",
    ),
    _method(
        "memory-in-method",
        "100 GiB of memory, 64 MiB at a time",
        "relu",
        "hoard = list(map(np.ones, [2**23] * 1600))",
        "memory limit",
    ),
    own_cell(
        "disk",
        "10 GiB of files, wherever a file can be written",
        """
import os
total, block = 0, bytes(2**20)
for folder in [".", os.path.expanduser("~"), "/tmp", "/var/tmp", "/dev/shm", "/run"]:
    for number in range(2000):
        try:
            with open(f"{folder}/fill-{number}", "wb", buffering=0) as file:
                for _ in range(10):
                    total += file.write(block)
                    assert total < 10 * 2**30
        except OSError:
            if number > 40:
                break
print("wrote", "too" if total > 2**26 else "not too", "much")
""",
        unseen=("wrote too much",),
    ),
    own_cell(
        "print-in-cell",
        "100 MiB printed",
        "for _ in range(1000):\n    print('x' * 104_857)",
        "too much output",
    ),
    _method(
        "print-in-method",
        "100 MiB printed, in one piece",
        "linear",
        "print('x' * 100 * 2**20)",
        "too much output|memory limit|time limit",
    ),
    own_cell(
        "displays",
        "a million display messages",
        "for number in range(1_000_000):\n    display(number)",
        "too much output|time limit",
    ),
    own_cell(
        "picture",
        "a picture of 50 MiB",
        """
from IPython.display import Image
Image(data=np.random.bytes(50 * 2**20), format="png")
""",
        "too much output",
    ),
    own_cell(
        "long-message",
        "an exception with a message of 50 MiB",
        "raise ValueError('x' * 50 * 2**20)",
        "too much output",
    ),
    _method(
        "large-answer",
        "an answer of 200 MiB",
        "linear",
        "return np.zeros((25, 2**20))",
        "any",
    ),
]


def _everything(sheet: Sheet) -> None:
    sheet.inside("linear", "import os\nos._exit(1)")
    sheet.inside("relu", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    sheet.inside("mse_loss", "raise ValueError")


TOGETHER = [
    Recipe(
        "three-broken",
        "breaking",
        "two methods kill the kernel, one raises, one is right",
        _everything,
        without("linear", "relu", "mse_loss"),
        (Cause("killed", ("linear", "relu")),),
    )
]

BREAKING = DEATHS + HANGS + FLOODS + TOGETHER
