"""The rung without namespaces: what a kernel sees and does that is confined by Landlock."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from byhand.grading.sandbox import bubblewrap, landlock, seccomp
from byhand.grading.sandbox.bubblewrap import SandboxError
from byhand.grading.sandbox.kernel import Limits

from .kernels import SECRET, Kernel

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def confined(files: Path) -> Iterator[Kernel]:
    """One kernel for all tests that only look around."""
    os.environ["BYHAND_TEST_TOKEN"] = SECRET
    try:
        kernel = Kernel(files, rung="landlock")
    finally:
        del os.environ["BYHAND_TEST_TOKEN"]
    yield kernel
    kernel.stop()


def test_its_working_folder_holds_the_files_of_the_submission(confined):
    code = "import os, helper\nprint(os.getcwd(), helper.ANSWER, sorted(os.listdir()))"
    home = confined.folder / "home"
    assert confined.run(code) == f"{home} 42 ['.cache', 'helper.py', 'signal.py']"


def test_the_hosts_files_cannot_be_read(confined, files):
    course = files.parents[1]
    paths = [course / "source.txt", files / "layers.ipynb", REPOSITORY / "pyproject.toml"]
    paths += [Path("/etc/passwd"), Path(__file__), Path(f"/proc/{os.getpid()}/environ")]
    paths += [confined.folder / "stderr", Path("/proc/self/environ"), Path("/dev/tty")]
    folders = [Path("/"), course, files, REPOSITORY, REPOSITORY / "tests", confined.folder]
    folders += map(Path, ["/tmp", "/proc", "/proc/self/fd", "/sys", "/dev", "/dev/shm", "/var"])
    assert all(path.exists() for path in [*paths[:-1], *folders])
    code = f"""
import errno, os
def attempt(read, path):
    try:
        print(path, read(path))
    except OSError as error:
        found.add(errno.errorcode[error.errno])
found = set()
for path in {[str(p) for p in paths]!r}:
    attempt(lambda path: open(path, "rb").read(), path)
    attempt(lambda path: os.link(path, "here"), path)
for path in {[str(p) for p in folders]!r}:
    attempt(os.listdir, path)
print(sorted(found - {{"ENXIO"}}))  # of /dev/tty, where there is none
"""
    assert confined.run(code) == "['EACCES', 'EXDEV']"


def test_the_hosts_files_cannot_be_changed(confined, tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("as it was")
    os.utime(kept, (1, 1))
    before = kept.stat()
    code = f"""
import ctypes, os, shutil, socket
def attempt(change, *words):
    try:
        change(*words)
    except OSError as error:
        found.add(type(error).__name__)
    else:
        print("done:", change, words)
found, kept, folder = set(), {str(kept)!r}, {str(tmp_path)!r}
for change, words in [
    (os.truncate, (kept, 0)), (os.unlink, (kept,)), (os.rename, (kept, "mine")),
    (os.rename, ("helper.py", folder + "/new")), (os.symlink, ("x", folder + "/new")),
    (os.mkdir, (folder + "/new",)), (os.mkfifo, (folder + "/new",)), (os.rmdir, (folder,)),
    (os.chown, (kept, 1000, 1000)), (os.setxattr, (kept, "user.x", b"x")),
    (open, (folder + "/new", "w")), (open, (kept, "a")), (open, (kept, "r+")),
]:
    attempt(change, *words)
for place in ["/tmp", "/dev/shm", "/", "/etc", "/usr", {sys.prefix!r}, {str(REPOSITORY)!r}]:
    attempt(open, place + "/owned-by-a-student", "w")
os.chmod(kept, 0o000), os.utime(kept)  # nothing happens, and nothing is raised
with open(shutil.copy("helper.py", "copied.py")) as copied:
    os.fchmod(copied.fileno(), 0o777)
    print(copied.read().strip(), found)
"""
    assert confined.run(code) == "ANSWER = 42 {'PermissionError'}"
    after = kept.stat()
    assert (kept.read_text(), list(tmp_path.iterdir())) == ("as it was", [kept])
    assert (after.st_mode, after.st_mtime, after.st_uid, after.st_ino) == (
        before.st_mode, before.st_mtime, before.st_uid, before.st_ino,
    )  # fmt: skip


def test_nobody_can_be_called(confined, tmp_path):
    """Not over the network, and not by the Unix sockets on which a machine's services listen."""
    path = str(tmp_path / "service")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service:
        service.bind(path)
        service.setblocking(False)
        code = f"""
import socket
kinds = [socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK, socket.AF_PACKET]
for family in kinds:
    for kind in [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW]:
        try:
            socket.socket(family, kind)
            print("a socket:", family, kind)
        except PermissionError:
            pass
for kind in [socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM, socket.SOCK_RAW]:
    try:
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        ours.sendmsg([b"x"], [], 0, {path!r})
    except OSError as error:
        print(kind.name, error.strerror)
"""
        said = confined.run(code).splitlines()
        with pytest.raises(BlockingIOError):
            service.recv(10)
    assert "SOCK_DGRAM Operation not permitted" in said
    assert "SOCK_RAW Operation not permitted" in said
    assert not [line for line in said if line.startswith("a socket")]


HARM = """
import ctypes, fcntl, os, resource, signal, socket
def attempt(harm, *words):
    try:
        harm(*words)
        print("done:", harm.__name__)
    except PermissionError:
        pass
pid, libc = {pid}, ctypes.CDLL(None, use_errno=True)
attempt(os.kill, pid, 9)
for number in {others}:
    libc.syscall(number, pid, pid, 9, 0)
attempt(os.killpg, {group}, 9)
attempt(signal.pidfd_send_signal, os.pidfd_open(pid), 9)
attempt(os.setpriority, os.PRIO_PROCESS, pid, 19)
attempt(os.sched_setaffinity, pid, [0])
attempt(os.sched_setscheduler, pid, os.SCHED_IDLE, os.sched_param(0))
attempt(resource.prlimit, pid, resource.RLIMIT_NOFILE, (1, 1))
ours, theirs = socket.socketpair()
for command, value in [(8, pid), (10, 9)]:
    attempt(fcntl.fcntl, ours, command, value)
attempt(fcntl.ioctl, ours, 0x8901, pid.to_bytes(4, "little"))
"""


@pytest.mark.parametrize("abi", [None, 5, landlock.OLDEST])
def test_other_processes_are_left_alone(start, monkeypatch, abi):
    if abi is not None:  # an older Linux, as far as Landlock is concerned
        monkeypatch.setattr(landlock, "abi", lambda: abi)
    kernel = start(rung="landlock")
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as other:
        process = psutil.Process(other.pid)
        before = process.nice(), process.cpu_affinity(), process.rlimit(psutil.RLIMIT_NOFILE)
        numbers = [200, 234, 129, 297] if seccomp.number("ptrace") == 101 else [130, 131, 138, 240]
        said = kernel.run(HARM.format(pid=other.pid, group=other.pid, others=numbers))
        try:
            assert said == ""
            assert other.poll() is None
            after = process.nice(), process.cpu_affinity(), process.rlimit(psutil.RLIMIT_NOFILE)
            assert after == before
        finally:
            other.kill()


def test_it_may_not_ask_for_what_no_course_needs(confined):
    from .test_sees import REFUSED

    names = seccomp.NUMBERS | seccomp.WITHOUT_NAMESPACES
    numbers = {name: n for name in names if (n := seccomp.number(name)) is not None}
    assert numbers, "no filter is known for this machine"
    assert confined.run(REFUSED.format(numbers=numbers)) == f"asked for {len(numbers)}"


def test_it_has_no_rights_and_gets_none(confined):
    code = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
header, held = (ctypes.c_int * 2)(0x20080522, 0), (ctypes.c_uint * 6)()
print(libc.capget(header, held), list(held), libc.prctl(39, 0, 0, 0, 0))
for flag in [0x20000, 0x10000000, 0x20000000, 0x40000000]:  # new namespaces
    if libc.syscall({clone}, flag | 17, 0, 0, 0, 0) != -1 or ctypes.get_errno() != 1:
        print("cloned", hex(flag))
print(libc.syscall(435, 0, 0), ctypes.get_errno())  # clone3
print(os.getsid(0) == os.getpid())
"""
    clone = 56 if seccomp.number("ptrace") == 101 else 220
    said = confined.run(code.replace("{clone}", str(clone)))
    assert said == "0 [0, 0, 0, 0, 0, 0] 1\n-1 38\nTrue"


def test_the_hosts_environment_is_not_there(confined):
    code = "import os\nprint(SECRET in repr(os.environ), 'BYHAND_TEST_TOKEN' in os.environ)"
    assert confined.run(code.replace("SECRET", repr(SECRET))) == "False False"


def test_pytorch_can_be_imported_and_not_used(confined):
    said = confined.run("import torch\ntorch.zeros(3)")
    assert said == "AttributeError: torch.zeros: PyTorch is not there while a solution is graded"
    for name in ["torch.nn", "torchgen.model", "functorch.dim"]:
        assert confined.run(f"import {name}").startswith("ModuleNotFoundError")
    # Its own files are there by name, and cannot be read.
    place = bubblewrap.torch_places()[0]
    said = confined.run(f"open({str(place / '__init__.py')!r})")
    assert said.startswith("PermissionError")


def test_pytorch_where_it_is_allowed(start):
    kernel = start(Limits(), torch=True, rung="landlock")
    assert kernel.run("import torch\nprint(torch.ones(3).sum().item())", 60) == "3.0"


def test_what_students_do_works_as_ever(confined):
    code = """
import asyncio, os, subprocess, tempfile, threading
import matplotlib.pyplot, scipy.stats, sklearn.datasets
thread = threading.Thread(target=print, args=("a thread",))
thread.start(), thread.join()
print(subprocess.run(["echo", "a program"], capture_output=True, text=True).stdout.strip())
child = subprocess.Popen(["sleep", "600"])
child.kill(), child.wait()
os.makedirs("folder/deeper"), os.rename("folder/deeper", "deeper")
with tempfile.NamedTemporaryFile("w", dir=tempfile.gettempdir()) as file:
    print(file.write("text"))
await asyncio.sleep(0)
!echo the shell
"""
    assert confined.run(code) == "a thread\na program\n4\nthe shell"


def test_a_course_that_would_be_seen_is_refused(tmp_path):
    with pytest.raises(SandboxError, match="would be visible to student code"):
        landlock.view(tmp_path, False, [Path(sys.prefix) / "share" / "course"])


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (-1, 38, "has no Landlock for this process: Linux 6.2 or newer"),
        (-1, 95, "switched off: add landlock to lsm="),
        (2, 0, "has version 2 of Landlock"),
        (landlock.OLDEST, 0, "cannot confine itself here .no such rights"),
    ],
)
def test_without_landlock_there_is_a_clear_line(monkeypatch, tmp_path, answer, error, said):
    class Linux:
        def syscall(self, *_: object) -> int:
            return answer

    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho no such rights >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(landlock.ctypes, "CDLL", lambda *_, **__: Linux())
    monkeypatch.setattr(landlock.ctypes, "get_errno", lambda: error)
    monkeypatch.setattr(landlock.sys, "executable", str(program))
    with pytest.raises(SandboxError, match=said):
        landlock.abi.__wrapped__()
