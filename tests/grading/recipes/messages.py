"""What a student does to the channel that carries experiments and their outcomes."""

from .base import Recipe, Sheet, without

CHANNEL = """
import gc, os, socket, struct, time
from byhand.protocol.channel import HEAD, Channel
channel = next(thing for thing in gc.get_objects() if isinstance(thing, Channel))
send = Channel.send
"""
# What is done to outcomes of experiments about Linear only: its constructor says which these are.
# The other tasks answer as they should and keep their points.
TAMPERED = """
def tampered(self, head, buffers=(), deadline=None):
    if not (Linear.asked and "outcomes" in head):
        return send(self, head, buffers, deadline)
    Linear.asked = False
    return answer(head, list(buffers))

Channel.send = tampered
"""
ANSWERS = {
    "answer-twice": (
        "every answer about Linear is sent under another name, then twice under its own",
        """
def answer(head, buffers):
    send(channel, {**head, "done": "0" * 32}, buffers)
    send(channel, head, buffers)
    send(channel, head, buffers)
""",
    ),
    "answer-empty": (
        "answers about Linear say that there was nothing to do",
        """
def answer(head, buffers):
    send(channel, {**head, "outcomes": [], "status": "ok"})
""",
    ),
    "answer-pickle": (
        "answers about Linear carry pickles that would run in the judge",
        """
import io

class Bomb:
    def __reduce__(self):
        return os.system, (f"touch {COURSE}/owned",)

def answer(head, buffers):
    file = io.BytesIO()
    np.save(file, np.array([Bomb()], dtype=object), allow_pickle=True)
    send(channel, head, [file.getvalue() for _ in buffers or [b""]])
""",
    ),
    "answer-lies": (
        "answers about Linear claim shapes of 10^18 numbers, and depth",
        """
def deep(level):
    return {"dict": {"a": deep(level - 1)}} if level else {"array": ["<f8", [10**18], 0]}

def answer(head, buffers):
    lies = [{"value": value, "failure": None, "changed": [10**18], "warnings": ["<b>" * 999]}
            for value in (deep(1), deep(200), {"array": ["O", [1], 0]}, {"ref": -1})]
    send(channel, {**head, "outcomes": lies * 100}, buffers)
""",
    ),
    "answer-many-from-one": (
        "answers about Linear unpack one buffer of 30 MB into 10,000 arrays",
        """
def answer(head, buffers):
    array = {"array": ["<f8", [30_000_000 // 8], 0]}
    outcome = {"value": [array] * 10_000, "failure": None, "changed": [], "warnings": []}
    send(channel, {**head, "outcomes": [outcome] * len(head["outcomes"])}, [bytes(30_000_000)])
""",
    ),
    "answer-many-lists": (
        "answers about Linear are five million empty lists",
        """
def answer(head, buffers):
    outcome = {"value": [[]] * 1_400_000, "failure": None, "changed": [], "warnings": []}
    send(channel, {**head, "outcomes": [outcome]})
""",
    ),
    "answer-wrong-types": (
        "answers about Linear have lists for strings, strings for lists and numbers for both",
        """
def answer(head, buffers):
    odd = [{"value": {"array": [1, "a", []]}, "failure": 5, "changed": "x", "warnings": 7},
           {"value": {"tensor": 1}, "failure": [[], {}], "changed": [None], "warnings": {}},
           [], None, 10**300, {"value": {"dict": []}, "failure": ["raised", 1, 2, 3, 4]}]
    send(channel, {**head, "outcomes": [odd[i % 6] for i in range(len(head["outcomes"]))]})
""",
    ),
    "answer-asks": (
        "in place of answers about Linear come questions to what is no function",
        """
def answer(head, buffers):
    for step in (0, -1, 10**18, "put", None, 0.5):
        send(channel, {**head, "asks": step, "outcomes": head["outcomes"][:1]}, buffers)
""",
    ),
    "answer-infinite": (
        "answers about Linear are written with Infinity, NaN and numbers of 5,000 digits",
        """
def answer(head, buffers):
    text = b'{"done": Infinity, "outcomes": [NaN, 1e999, ' + b"9" * 5000 + b"]}"
    channel.sock.sendall(HEAD.pack(len(text), 0) + text)
""",
    ),
    "answer-surrogates": (
        "answers about Linear raise errors and warnings in halves of characters",
        """
def answer(head, buffers):
    bad = "\\ud800" + chr(0) + chr(27) + "[2J"
    failure = ["raised", bad, bad, bad, bad]
    outcome = {"value": bad, "failure": failure, "changed": [], "warnings": [bad]}
    send(channel, {**head, "outcomes": [outcome] * len(head["outcomes"])})
""",
    ),
}
# Sent by a cell of the student's own, beside right solutions: it costs nothing.
FRAMES = {
    "frame-garbage": ("random bytes", "channel.sock.sendall(os.urandom(5000))"),
    "frame-claims-4-gib": (
        "a frame of 4 GiB of JSON",
        "channel.sock.sendall(HEAD.pack(2**32 - 1, 0))",
    ),
    "frame-claims-an-exabyte": (
        "a frame with a buffer of 2^60 bytes",
        "channel.sock.sendall(HEAD.pack(2, 1) + struct.pack('<Q', 2**60))",
    ),
    "frame-of-many-buffers": (
        "a frame with four billion buffers",
        "channel.sock.sendall(HEAD.pack(2, 2**32 - 1) + bytes(10_000))",
    ),
    "frame-of-600-mib": (
        "a frame of 600 MiB, and all of it",
        """
channel.sock.sendall(HEAD.pack(2, 600) + struct.pack("<Q", 2**20) * 600 + b"{}")
for _ in range(600):
    channel.sock.sendall(bytes(2**20))
""",
    ),
    "frame-without-end": (
        "a frame that never ends",
        "channel.sock.sendall(HEAD.pack(1000, 0) + b'[')\ntime.sleep(999)",
    ),
    "frame-drip": (
        "a frame that comes byte by byte",
        """
channel.sock.sendall(HEAD.pack(1000, 0))
for _ in range(900):
    channel.sock.sendall(b"[")
    time.sleep(0.1)
""",
    ),
    "frame-unlike-json": ("frames that are not JSON, or too deep", """
for text in (b"", b"{", bytes([255, 254]), b"[" * 100_000):
    channel.sock.sendall(HEAD.pack(len(text), 0) + text)
"""),
    "frame-of-wrong-types": ("frames with anything in the place of anything", """
odd = [None, 5, "text", [], {}, [[]], {"a": 1}, True, 1e300, "\\ud800", float("inf")]
kinds = ["stream", "display_data", "execute_result", "error", "pickle", None, [], {}]
for kind in kinds:
    for value in odd:
        output = dict.fromkeys(["text", "name", "data", "ename", "evalue", "traceback"], value)
        send(channel, {"output": {"output_type": kind, **output}})
        send(channel, {"output": {"output_type": kind, "data": {"text/plain": value, "": value}}})
        send(channel, {"output": value, "done": value, "ready": value})
"""),
    "frame-asks": ("a question while no experiment is carried out", """
outcome = {"value": [1, 2], "failure": None, "changed": [], "warnings": []}
send(channel, {"asks": 0, "outcomes": [outcome]})
time.sleep(1)
"""),
    "frame-of-no-object": ("a frame that is a list", "send(channel, [1, 2, 3])"),
    "frames-without-number": ("a million empty frames", """
for _ in range(1_000_000):
    send(channel, {})
"""),
    "frames-of-the-largest-size": ("frames as large as they may be, without end", """
while True:
    send(channel, {"done": "x"}, [bytes(31 * 2**20)])
"""),
    "half-characters": ("prints, shows, warns and raises halves of characters", """
import sys, warnings
bad = "\\ud83d \\udc00" + chr(0)
print(bad), print(bad, file=sys.stderr), display(bad), warnings.warn(bad)
display({"text/plain": bad, "text/html": bad}, raw=True)
raise ValueError(bad)
"""),
    "odd-displays": ("shows what is no output: wrong types, unknown kinds, infinities", """
class Odd:
    def _repr_mimebundle_(self, include=None, exclude=None):
        odd = {"text/plain": 5, "image/png": [1], "application/json": float("inf"), "x": {}}
        return odd, {1: 2}
    def __repr__(self):
        return "odd"
display(Odd()), display({"text/plain": None, "": b"\\xff"}, raw=True)
class Worse(Exception):
    def __str__(self):
        return 5
get_ipython().tell({"output_type": "stream"})
raise Worse
"""),
}  # fmt: skip


def _tamper(name: str, about: str, answer: str) -> Recipe:
    def make(sheet: Sheet) -> None:
        sheet.average()
        source = sheet.cell("linear").source
        asked = source.replace(
            "super().__init__()", "super().__init__()\n        Linear.asked = True"
        )
        assert asked != source
        sheet.write("linear", f"{asked}\n\n\nLinear.asked = False")
        course = f"COURSE = {str(sheet.world.course)!r}\n"
        sheet.add(course + CHANNEL + answer + TAMPERED, before="test_linear")

    return Recipe(name, "forging", about, make, without("linear"), causes=None)


def _send(name: str, about: str, code: str) -> Recipe:
    def make(sheet: Sheet) -> None:
        sheet.add(CHANNEL + code, before="relu")

    return Recipe(name, "breaking", about, make, causes=None)


MESSAGES = [_tamper(name, about, answer) for name, (about, answer) in ANSWERS.items()]
MESSAGES += [_send(name, about, code) for name, (about, code) in FRAMES.items()]
