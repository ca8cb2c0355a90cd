"""What a student's kernel sees of the machine, and what it can do there."""

import ctypes
import os
import socket
import sys
from pathlib import Path

import pytest

from byhand.grading.sandbox import bubblewrap, seccomp
from byhand.grading.sandbox.kernel import Limits


def test_the_kernel_answers(shared):
    assert shared.run("print(1 + 1)") == "2"
    assert shared.kernel.is_alive()


def test_its_working_folder_holds_the_files_of_the_submission(shared):
    code = "import os, helper\nprint(os.getcwd(), helper.ANSWER, sorted(os.listdir()))"
    assert shared.run(code) == f"{bubblewrap.HOME} 42 ['.cache', 'helper.py', 'signal.py']"


def test_the_hosts_files_are_not_there(shared, files):
    course = files.parents[1]
    repository = Path(__file__).parents[3]
    paths = [course / "source.txt", files / "layers.ipynb", files, course, repository / "tests"]
    paths += [repository / "source", repository / "pyproject.toml", Path("/etc/shadow")]
    paths += [Path("/sys"), Path("/var"), Path("/run"), Path("/boot"), Path("/mnt")]
    assert all(path.exists() for path in paths[:7])
    code = f"import os\nprint([p for p in {[str(p) for p in paths]!r} if os.path.lexists(p)])"
    assert shared.run(code) == "[]"


def test_of_roots_home_at_most_the_way_to_python_is_there(shared):
    code = """
import sys
from pathlib import Path
way = [Path(sys.base_prefix), Path(sys.prefix)]
for home in map(Path, ["/root", "/home"]):
    for path in [home, *home.rglob("*")] if home.exists() else []:
        own = any(path.is_relative_to(p) or p.is_relative_to(path) for p in way)
        if not own and not path.is_relative_to("/home/student") and path != home:
            print(path)
"""
    assert shared.run(code) == ""


def test_no_process_of_the_host_is_there(shared):
    code = f"""
import os
print(sorted(int(p) for p in os.listdir("/proc") if p.isdigit()), os.getpid(), os.getppid())
try:
    os.kill({os.getpid()}, 0)
except ProcessLookupError:
    print("no such process")
"""
    assert shared.run(code) == "[1, 2] 2 1\nno such process"


def test_the_hosts_environment_is_not_there(shared):
    code = """
import os
text = repr(dict(os.environ))
for process in ["self", "1", "2"]:
    text += open(f"/proc/{process}/environ").read() + open(f"/proc/{process}/cmdline").read()
print("a-secret" in text, "TEST_TOKEN" in text, "submitted" in text)
print([name for name in os.environ if "NBGRADER" in name or name.startswith("JUPYTER")])
"""
    assert shared.run(code) == "False False False\n[]"


def test_the_host_cannot_be_reached_over_the_network(shared):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as named:
        named.bind("\0byhand-test")
        named.listen()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            pass  # it listens
        code = f"""
import socket
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=2)
except OSError as error:
    print(type(error).__name__)
try:
    socket.socket(socket.AF_UNIX).connect("\\0byhand-test")
except OSError as error:
    print(type(error).__name__)
print([name for _, name in socket.if_nameindex()])
"""
        assert shared.run(code) == "ConnectionRefusedError\nConnectionRefusedError\n['lo']"


def test_it_has_no_rights(shared):
    code = """
import os, subprocess
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(os.getuid(), os.getgid(), os.uname().nodename)
print({int(status[f"Cap{kind}"], 16) for kind in ["Inh", "Prm", "Eff", "Bnd", "Amb"]})
print(status["NoNewPrivs"].strip())
print(subprocess.run(["unshare", "--user", "true"], stderr=subprocess.DEVNULL).returncode != 0)
"""
    assert shared.run(code) == "1000 1000 sandbox\n{0}\n1\nTrue"


def test_it_cannot_write_outside_its_folders(shared):
    places = ["/", "/etc", "/usr", "/opt/files", "/opt/library/byhand", "/home", "/dev"]
    places += [sys.prefix, sys.base_prefix, str(Path(np_folder()).parent / "torch")]
    code = f"""
import errno, os
for place in {places!r}:
    try:
        open(os.path.join(place, "x"), "w").close()
        print("wrote in", place)
    except OSError as error:
        if error.errno != errno.EROFS:
            print(place, error)
# Harmless where it could be written: the sandbox has a host name of its own.
try:
    open("/proc/sys/kernel/hostname", "w").write("x")
    print("wrote in /proc/sys")
except OSError as error:
    print(error.errno == errno.EROFS)
for place in ["/tmp", "/dev/shm", "/home/student"]:
    open(os.path.join(place, "x"), "w").close()
"""
    assert shared.run(code) == "True"


def np_folder() -> str:
    import numpy

    return str(Path(numpy.__file__).parent)


def test_pytorch_can_be_imported_and_not_used(shared):
    said = shared.run("import torch\ntorch.zeros(3)")
    assert said == ("AttributeError: torch.zeros: PyTorch is not there while a solution is graded")
    assert "is not there" in shared.run("import torch\ntorch.Tensor([1.0])")
    for name in ["torch.nn", "torchgen.model", "functorch.dim"]:
        assert shared.run(f"import {name}").startswith("ModuleNotFoundError")
    code = "import importlib.metadata as m\nprint(m.files('torch'))"
    assert shared.run(code) == "None"


def test_scipy_works_beside_the_stub(shared):
    code = "import torch, scipy.stats\nprint(scipy.stats.norm.cdf(0.0))"
    assert shared.run(code) == "0.5"


def test_pytorch_where_it_is_allowed(start):
    kernel = start(Limits(), torch=True)
    assert kernel.run("import torch\nprint(torch.ones(3).sum().item())", 60) == "3.0"


def test_an_interrupt_stops_the_cell_and_no_more(shared):
    shared.run("x = 5")
    shared.start("print('on')\nwhile True: pass", seconds=0.3)
    assert shared.run("print(x)") == "on\nKeyboardInterrupt: 5"


REFUSED = """
import ctypes, errno, os, platform
numbers = {numbers!r}
libc = ctypes.CDLL(None, use_errno=True)
for name, number in numbers.items():
    ctypes.set_errno(0)
    libc.syscall(number, -1, -1, -1, -1, -1)
    if ctypes.get_errno() != errno.EPERM:
        print(name, errno.errorcode.get(ctypes.get_errno()))
print("asked for", len(numbers))
"""


def test_it_may_not_ask_for_what_no_course_needs(shared):
    numbers = {name: seccomp.number(name) for name in seccomp.NUMBERS}
    assert None not in numbers.values(), "no filter is known for this machine"
    assert shared.run(REFUSED.format(numbers=numbers)) == f"asked for {len(numbers)}"


@pytest.mark.parametrize(
    ("rung", "filtered"), [("bubblewrap", True), ("bubblewrap", False), ("landlock", True)]
)
def test_it_has_no_key_of_the_grader(start, monkeypatch, filtered, rung):
    if not filtered:  # then its own session keyring alone keeps it away
        monkeypatch.setattr(seccomp, "program", lambda: None)
    libc, session = ctypes.CDLL(None, use_errno=True), ctypes.c_long(-3)
    add, request, keyctl = map(seccomp.number, ("add_key", "request_key", "keyctl"))
    key = libc.syscall(add, b"user", b"byhand-test", b"a-secret", 8, session)
    if key < 0:
        pytest.fail("this machine does not let a test add a key to its session keyring")
    try:
        code = f"""
import ctypes
libc = ctypes.CDLL(None)
held = ctypes.create_string_buffer(99)
print(libc.syscall({keyctl}, 11, {key}, held, 99))
print(libc.syscall({request}, b"user", b"byhand-test", 0, 0))
print(held.value)
"""
        assert start(rung=rung).run(code) == "-1\n-1\nb''"
    finally:
        libc.syscall(keyctl, 21, ctypes.c_long(key))
