"""Reading: code that looks for what students must not see, and shows what it finds.

The test hides a secret of the form `secret-<place>-<digits>` in each of these places. Every recipe
is solved rightly, so that it costs nothing to look; no secret may come out anywhere.
"""

from pathlib import Path

from .base import Recipe, Sheet

TOOLS = """
import glob, os, re, socket, subprocess, sys

def show(text):
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    print(*sorted(set(re.findall("secret-[a-z]+-[0-9a-f]{16}", str(text)))))

def read(path, most=2**22):
    try:
        with open(path, "rb") as file:
            show(file.read(most))
    except OSError as error:
        print(type(error).__name__, path)

def walk(*tops):
    for top in tops:
        print(top, os.path.exists(top))
        for folder, folders, files in os.walk(top):
            python = (sys.prefix, sys.base_prefix)
            folders[:] = [f for f in folders if os.path.join(folder, f) not in python]
            for name in files:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and os.path.getsize(path) < 2**22:
                    read(path)
"""


def _looker(name: str, about: str, code: str, before: str = "linear") -> Recipe:
    def make(sheet: Sheet) -> None:
        sheet.add(_placed(sheet, TOOLS + code), before=before)

    return Recipe(name, "reading", about, make)


def _placed(sheet: Sheet, code: str) -> str:
    """The code with the places that it looks at, as if the student knew them all."""
    world = sheet.world
    places = f"COURSE, HOME = {str(world.course)!r}, {str(world.home)!r}\n"
    return f"{places}PORT, SOCKET = {world.port}, {world.socket!r}\n{code}"


KEYS = """
import ctypes, platform
libc = ctypes.CDLL(None)
add, request, keyctl = {"x86_64": (248, 249, 250)}.get(platform.machine(), (217, 218, 219))

def ask(operation, key, *more):
    held = ctypes.create_string_buffer(4096)
    size = libc.syscall(keyctl, operation, ctypes.c_long(key), held, 4096, *more)
    return held.raw[: max(size, 0)]

def rings():
    for ring in range(-1, -9, -1):
        content = ask(11, ring)
        yield from (int.from_bytes(content[i : i + 4], "little") for i in range(0, len(content), 4))
"""


def _keys(name: str, about: str, code: str) -> Recipe:
    return _looker(name, about, KEYS + code)


LOOKERS = [
    Recipe(
        "read-labels",
        "reading",
        "the labels of the digits that stand in for MNIST",
        lambda sheet: sheet.add("""
import glob, sklearn
from byhand import data
for read in (data.small_digits, lambda: __import__("sklearn.datasets").datasets.load_digits()):
    try:
        print("labels" + " found", read())
    except Exception as error:
        print(type(error).__name__)
folder = sklearn.__path__[0] + "/datasets/data"
for path in glob.glob(folder + "/digits*"):
    try:
        print("labels" + " found" if open(path, "rb").read(9) else "nothing")
    except OSError as error:
        print(type(error).__name__)
"""),
        unseen=("labels found",),
    ),
    _keys(
        "read-keyring",
        "the keys in all keyrings that a process has, and theirs",
        """
for key in rings():
    show(ask(6, key)), show(ask(11, key))
    for inner in range(0, 4096, 4):
        show(ask(11, int.from_bytes(ask(11, key)[inner : inner + 4], "little")))
""",
    ),
    _keys(
        "read-key-by-name",
        "a key whose name is known",
        """
key = libc.syscall(request, b"user", f"{SOCKET}-key".encode(), None, ctypes.c_long(0))
show(ask(11, key)), read("/proc/keys"), read("/proc/key-users")
""",
    ),
    _keys(
        "read-key-from-others",
        "a key left by an earlier submission; leaves one for later ones",
        """
for ring in range(-1, -9, -1):
    key = libc.syscall(request, b"user", b"note", None, ctypes.c_long(ring))
    if key > 0:
        show(ask(11, key)), print("secret-found-" + "0" * 16)
    libc.syscall(add, b"user", b"note", b"note", ctypes.c_long(4), ctypes.c_long(ring))
libc.syscall(keyctl, 1, None), print("left", libc.syscall(add, b"user", b"note", b"note", 4, -4))
""",
    ),
    _looker(
        "read-source",
        "the instructor's notebooks, by absolute and by relative paths",
        """
walk(f"{COURSE}/source", "../../../source", "../../source", "../source", "source")
""",
    ),
    _looker(
        "read-release",
        "what is released for other assignments",
        """
walk(f"{COURSE}/release", "../../../release", "../../release", "../release")
""",
    ),
    _looker(
        "read-others",
        "what others handed in, and how it was graded",
        """
for folder in ("submitted", "autograded", "feedback"):
    walk(f"{COURSE}/{folder}", f"../../../{folder}", f"../../{folder}", f"../{folder}")
""",
    ),
    _looker(
        "read-gradebook",
        "the gradebook, as a file and as a database",
        """
import sqlite3
for path in (f"{COURSE}/gradebook.db", "../../../gradebook.db", "../../gradebook.db"):
    read(path)
    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        show(database.execute("SELECT * FROM student").fetchall())
    except sqlite3.Error as error:
        print(error)
""",
    ),
    _looker(
        "read-machine",
        "every small file below the usual roots, the user's home and shared memory included",
        """
walk(COURSE, HOME, os.path.expanduser("~"), "/root", "/home", "/srv", "/mnt", "/media", "/opt",
     "/tmp", "/var/tmp", "/var/lib", "/run", "/dev/shm", "/etc")
for path in (f"{COURSE}/private.txt", f"/proc/1/root{COURSE}/private.txt", f"{HOME}/.netrc"):
    read(path)
""",
    ),
    _looker(
        "read-processes",
        "the command lines and environments of all processes of the machine",
        """
for path in glob.glob("/proc/[0-9]*"):
    read(f"{path}/cmdline"), read(f"{path}/environ")
    walk(f"{path}/cwd/source", f"{path}/root{COURSE}/source")
listed = subprocess.run("ps auxeww; ls -l /proc/*/exe", shell=True, capture_output=True)
show(listed.stdout)
""",
    ),
    _looker(
        "read-judge",
        "memory, files and environment of the parent process, by /proc and by system calls",
        """
import ctypes
library = ctypes.CDLL(None, use_errno=True)
for process in {os.getppid(), os.getppid() - 1, 1, 2, 3} - {0, os.getpid()}:
    for name in ("environ", "cmdline", "maps", "auxv", "stack", "io"):
        read(f"/proc/{process}/{name}")
    for path in glob.glob(f"/proc/{process}/fd/*") + [f"/proc/{process}/mem"]:
        print(path, os.path.exists(path))
    for path in glob.glob(f"/proc/{process}/fd/*"):
        if os.path.isfile(path):
            read(path)
    if library.ptrace(16, process, 0, 0) == 0:
        os.waitpid(process, 0x40000000)  # __WALL
        print("traced", process, library.ptrace(17, process, 0, 0))
""",
    ),
    _looker(
        "read-environment",
        "the environment of this process and of the one that began the sandbox",
        """
print(sorted(os.environ))
show(os.environ)
read("/proc/self/environ"), read("/proc/1/environ"), read("/proc/thread-self/environ")
show(subprocess.run(["env"], capture_output=True).stdout)
""",
    ),
    _looker(
        "read-descriptors",
        "files that were open when this process began",
        """
for number in sorted(map(int, os.listdir("/proc/self/fd"))):
    try:
        name = os.readlink(f"/proc/self/fd/{number}")
        print(number, name)
        if os.path.isdir(name):
            walk(f"/proc/self/fd/{number}/source")
        elif os.path.isfile(name):
            show(os.pread(number, 2**20, 0))
    except OSError as error:
        print(number, type(error).__name__)
""",
    ),
    _looker(
        "read-network",
        "a listener on the machine's loopback, over TCP, UDP and an abstract socket",
        """
def knock(family, kind, address):
    try:
        with socket.socket(family, kind) as line:
            line.settimeout(0.3)
            line.connect(address)
            line.sendall(b"read-network was here")
            show(line.recv(1000))
            print("answered", family)
    except OSError as error:
        print(type(error).__name__, family)

for host in ("127.0.0.1", "localhost", "0.0.0.0", socket.gethostname()):
    knock(socket.AF_INET, socket.SOCK_STREAM, (host, PORT))
knock(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", PORT))
knock(socket.AF_UNIX, socket.SOCK_STREAM, "\\0" + SOCKET)
print(socket.if_nameindex())
""",
    ),
    _looker(
        "read-hidden-memory",
        "the hidden cases, in the kernel's memory, history and messages",
        """
import gc, linecache
shell = get_ipython()
show(shell.user_ns.get("In")), show(shell.history_manager.input_hist_raw)
show(linecache.cache)
kinds = (dict, list, tuple)
show([thing for thing in gc.get_objects() if type(thing) in kinds and len(thing) < 99])
frame = sys._getframe()
while frame:
    show(frame.f_locals), show(frame.f_globals)
    frame = frame.f_back
""",
        before="sgd",
    ),
    _looker(
        "read-connections",
        "connection files and sockets of other kernels",
        """
from IPython import get_ipython
import jupyter_core.paths
for folder in (jupyter_core.paths.jupyter_runtime_dir(), "/tmp", "/run", "/var/run", HOME):
    for depth in ("", "*/", "*/*/"):
        for path in glob.glob(f"{folder}/{depth}*kernel*"):
            print(path)
            if path.endswith(".json"):
                read(path)
read("/proc/net/unix"), read("/proc/net/tcp"), read("/proc/mounts"), read("/proc/self/mountinfo")
""",
    ),
    _looker(
        "read-with-magics",
        "IPython's magics and the shell",
        """
%cd -q ..
!cat ../../../source/*/* {COURSE}/source/*/* {COURSE}/private.txt {HOME}/.netrc 2>&1
!grep -r secret- /home /root /tmp /srv --include=*.ipynb -s -m1 | head -c 10000
get_ipython().run_line_magic("run", f"{COURSE}/source/2-small/small.ipynb")
""",
    ),
    _looker(
        "read-by-escaping",
        "the machine's files, by mounts, namespaces, devices and chroot",
        """
import ctypes, stat
library = ctypes.CDLL(None, use_errno=True)
print("unshare", library.unshare(0x10000000 | 0x00020000), ctypes.get_errno())
for kind in ("proc", "sysfs", "tmpfs"):
    os.makedirs("/tmp/here", exist_ok=True)
    print("mount", library.mount(b"none", b"/tmp/here", kind.encode(), 0, None), ctypes.get_errno())
print("remount", library.mount(None, b"/", None, 32 | 4096, None), ctypes.get_errno())
print("umount", library.umount2(HOME.encode(), 2), library.umount2(b"/proc", 2))
for name in ("mnt", "pid", "net"):
    try:
        print("setns", library.setns(os.open(f"/proc/1/ns/{name}", os.O_RDONLY), 0))
    except OSError as error:
        print(type(error).__name__, name)
try:
    os.mknod("/tmp/disk", stat.S_IFBLK | 0o600, os.makedev(8, 0))
    read("/tmp/disk")
except OSError as error:
    print(type(error).__name__)
packages = os.path.dirname(np.__file__)
for path in ("/usr/owned", f"{COURSE}/owned", "/etc/owned", f"{packages}/owned"):
    try:
        open(path, "w").close()
        print("wrote", path)
    except OSError as error:
        print(type(error).__name__, path)
walk(f"{COURSE}/source", "/tmp/here/1/root", HOME)
""",
    ),
    _looker(
        "read-late",
        "the course, by a thread that goes on while the tests run",
        """
import threading, time

def watch():
    for _ in range(200):
        time.sleep(0.02)
        walk(f"{COURSE}/source", f"{COURSE}/submitted")
        for frame in sys._current_frames().values():
            while frame:
                show(frame.f_locals)
                frame = frame.f_back

threading.Thread(target=watch, daemon=True).start()
""",
    ),
]


def _in_message(sheet: Sheet) -> None:
    sheet.add(
        _placed(
            sheet,
            TOOLS
            + """
def found():
    paths = glob.glob(f"{COURSE}/*/*/*/*.ipynb") + [f"{COURSE}/private.txt", f"{HOME}/.netrc"]
    texts = [open(path).read() for path in paths if os.path.exists(path)]
    return "found: " + " ".join(re.findall("secret-[a-z]+-[0-9a-f]{16}", "".join(texts)))
""",
        )
    )
    sheet.inside("relu", "raise ValueError(globals()['found']())")


def _links(sheet: Sheet) -> None:
    course, home = sheet.world.course, sheet.world.home
    sheet.files |= {
        "notes.txt": course / "source" / "2-small" / "small.ipynb",
        "private.txt": course / "private.txt",
        "data": course / "submitted",
        "relative.txt": Path("../../../private.txt"),
        "netrc": home / ".netrc",
    }
    sheet.add(_placed(sheet, TOOLS + "walk('.')\nread('notes.txt'), read('netrc')"))


def _broken_links(sheet: Sheet) -> None:
    sheet.files |= {"gone.txt": Path("/no/such/file"), "loop.txt": Path("loop.txt")}


def _markdown(sheet: Sheet) -> None:
    path = sheet.world.course / "private.txt"
    cell = sheet.nb.cells[0]
    cell.source += f"\n\n![]({path}) <img src='{path}'> <iframe src='file://{path}'></iframe>"
    cell.source += "\n{% include '" + str(path) + "' %} {{ resources }} {{ cell.metadata }}"


READING = [
    *LOOKERS,
    Recipe(
        "read-into-message",
        "reading",
        "whatever can be read, as the message of an exception in a method",
        _in_message,
        {"linear": 4.0, "relu": 0.0, "mse_loss": 2.0, "sgd": 3.0},
    ),
    Recipe(
        "symbolic-links",
        "reading",
        "links to the source, to private files and to folders, handed in beside the notebook",
        _links,
        repairs=None,
    ),
    Recipe(
        "broken-links",
        "reading",
        "links to nothing and to themselves, handed in beside the notebook",
        _broken_links,
        repairs=None,
    ),
    Recipe(
        "markdown-includes",
        "reading",
        "Markdown that refers to files of the machine that makes the feedback page",
        _markdown,
    ),
]
