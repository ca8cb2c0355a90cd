"""Forging: what a student does to the messages that carry experiments and their outcomes."""

from .base import Recipe, Sheet, without

# What is done to the messages that carry experiments, for those about Linear only: its constructor
# says so. The other tasks answer as they should and keep their points.
TAMPERED = """
session = get_ipython().kernel.session
send = session.send

def tampered(stream, message, content=None, *args, **kwargs):
    kind = message if isinstance(message, str) else message.get("msg_type", "")
    if not (Linear.asked and (kind.startswith("comm") or kwargs.get("buffers"))):
        return send(stream, message, content, *args, **kwargs)
    Linear.asked = False
    return answer(stream, message, content, *args, **kwargs)

session.send = tampered
"""
ANSWERS = {
    "comm-twice": (
        "every answer about Linear is sent twice, and once more under other names",
        """
def answer(stream, message, content=None, *args, **kwargs):
    send(stream, message, {**(content or {}), "comm_id": "0" * 32}, *args, **kwargs)
    send(stream, message, content, *args, **kwargs)
    return send(stream, message, content, *args, **kwargs)
""",
    ),
    "comm-empty": (
        "answers about Linear say that there was nothing to do",
        """
def answer(stream, message, content=None, *args, **kwargs):
    emptied = {**(content or {}), "data": {"outcomes": [], "status": "ok"}}
    return send(stream, message, emptied, *args, **{**kwargs, "buffers": []})
""",
    ),
    "comm-pickle": (
        "answers about Linear carry pickles that would run in the judge",
        """
import io, os

class Bomb:
    def __reduce__(self):
        return os.system, (f"touch {COURSE}/owned",)

def answer(stream, message, content=None, *args, **kwargs):
    file = io.BytesIO()
    np.save(file, np.array([Bomb()], dtype=object), allow_pickle=True)
    pickled = [file.getvalue() for _ in kwargs.get("buffers") or [b""]]
    return send(stream, message, content, *args, **{**kwargs, "buffers": pickled})
""",
    ),
    "comm-lies": (
        "answers about Linear claim shapes of 10^18 numbers, numbers of 4,000 digits and depth",
        """
def deep(level):
    return {"dict": {"a": deep(level - 1)}} if level else {"array": ["<f8", [10**18], 0]}

def answer(stream, message, content=None, *args, **kwargs):
    lies = [{"value": value, "failure": None, "changed": [10**18], "warnings": ["<b>" * 9999]}
            for value in (deep(1), deep(200), 10**4000, {"array": ["O", [1], 0]}, {"ref": -1})]
    lied = {**(content or {}), "data": {"outcomes": lies * 1000}}
    return send(stream, message, lied, *args, **kwargs)
""",
    ),
}


def _tamper(name: str, about: str, answer: str) -> Recipe:
    def make(sheet: Sheet) -> None:
        sheet.average()
        source = sheet.cell("linear").source
        asked = source.replace(
            "super().__init__()", "super().__init__()\n        Linear.asked = True"
        )
        assert asked != source
        sheet.write("linear", f"{asked}\n\n\nLinear.asked = False")
        sheet.add(
            f"COURSE = {str(sheet.world.course)!r}\n{answer}\n{TAMPERED}", before="test_linear"
        )

    return Recipe(name, "forging", about, make, without("linear"), causes=None)


MESSAGES = [_tamper(name, about, answer) for name, (about, answer) in ANSWERS.items()]
