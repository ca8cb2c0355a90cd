"""What the student's kernel does: run cells and carry out experiments that come over a channel.

Nothing here is secret, and nothing it sends is trusted: the student's code may change all of it.
"""

import base64
import gc
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from byhand.check import fixtures, tensors
from byhand.protocol import experiment
from byhand.protocol.channel import Channel
from byhand.protocol.experiment import Given, StepResult
from byhand.protocol.runner import LocalRunner
from byhand.protocol.wire import pack_outcomes, unpack_experiment, unpack_outcomes

PAUSE = 0.05  # seconds between two frames of printed text, while more comes
CONFIG = {
    "HistoryManager": {"enabled": False},  # the history stays in memory: no database, no thread
    "InteractiveShell": {"colors": "nocolor"},
}


class Stream(io.TextIOBase):
    """What is printed, sent in pieces. In a child process it goes nowhere."""

    encoding = "utf-8"

    def __init__(self, name: str, tell: Callable[[dict], None]):
        self.stream, self.tell = name, tell
        self.text, self.sent, self.home = "", 0.0, os.getpid()
        self.lock = threading.RLock()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() takes a string, not {type(text).__name__}")
        if os.getpid() != self.home:
            return len(text)
        with self.lock:
            self.text += text
        whole = "\n" in text and time.monotonic() > self.sent + PAUSE
        if whole or len(self.text) > io.DEFAULT_BUFFER_SIZE:
            self.flush()
        return len(text)

    def flush(self) -> None:
        if os.getpid() != self.home:
            return
        with self.lock:
            text, self.text = self.text, ""
            self.sent = time.monotonic()
        if text:
            self.tell({"output_type": "stream", "name": self.stream, "text": text})


class Publisher(DisplayPublisher):
    """Sends what is displayed; updates of an earlier display are left out."""

    def publish(self, data: dict, metadata: Any = None, *, update: bool = False, **_: Any) -> None:
        if not update:
            self.shell.tell({"output_type": "display_data", "data": plain(data)})

    def clear_output(self, wait: bool = False) -> None:
        """What was displayed stays."""


class Hook(DisplayHook):
    """Sends the value of a cell's last line."""

    def write_output_prompt(self) -> None:
        """There is none."""

    def write_format_data(self, format_dict: dict, md_dict: dict | None = None) -> None:
        self.shell.tell({"output_type": "execute_result", "data": plain(format_dict)})

    def finish_displayhook(self) -> None:
        """Nothing was printed."""


class Shell(InteractiveShell):
    """IPython without a terminal. tell: sends an output."""

    display_pub_class = Type(Publisher)
    displayhook_class = Type(Hook)

    def tell(self, output: dict) -> None:
        """Replaced before the first cell."""

    def system(self, cmd: str) -> None:
        """Run a line in the shell, as `!` does, without a terminal: not every sandbox has one."""
        print(self.getoutput(cmd, split=False, depth=1), end="")

    def enable_gui(self, gui: str | None = None) -> None:
        """There is none."""

    def ask_exit(self) -> None:
        print("exit() does nothing while a solution is graded")

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        """Called by IPython in place of printing."""
        told = {"ename": str(getattr(etype, "__name__", etype)), "evalue": str(evalue)}
        self.tell({"output_type": "error", **told, "traceback": list(stb)})


class Undeterred(Shell):
    """Goes on with a cell after an error: where PyTorch has no autograd a cell that uses it fails,
    and may define what another one needs."""

    async def run_code(self, *args: Any, **kwargs: Any) -> bool:
        """Called by IPython for each statement; says that there was no error."""
        await super().run_code(*args, **kwargs)
        return False


def serve(channel: Channel, kind: type[Shell] = Shell) -> None:
    """Do what comes, one request after the other, until the channel ends."""
    shell, home = kind.instance(config=Config(CONFIG)), os.getpid()
    gc.freeze()  # what was loaded stays: nobody looks through it for what can go
    gc.enable()

    def tell(output: dict) -> None:
        for stream in streams if output["output_type"] != "stream" else ():
            stream.flush()
        if os.getpid() == home:
            channel.send({"output": output})

    asking = threading.Lock()

    def ask(given: Given) -> Callable:
        """What stands for a function of the judge's."""

        def question(*args: Any) -> Any:
            values = [experiment.plain(np.asarray(arg)) for arg in args]
            packed, arrays = pack_outcomes([StepResult(values)])
            with asking:
                channel.send({**packed, "asks": given.function}, arrays)
                [found] = unpack_outcomes(*channel.receive(), 1)
            if found.failure is not None:
                raise ValueError(found.failure.message)
            return found.value

        return question

    shell.tell = tell
    streams = sys.stdout, sys.stderr = [Stream(name, tell) for name in ("stdout", "stderr")]
    channel.send({"ready": True})
    while True:
        try:
            request, buffers = channel.receive()
        except EOFError:
            return
        if "id" not in request:
            continue  # an answer that came after the time limit
        if "cell" in request:
            run_cell(shell, request["cell"], request["seconds"])
            for stream in streams:
                stream.flush()
            channel.send({"done": request["id"]})
        else:
            todo, seconds = unpack_experiment(request, buffers), request["seconds"]
            runner = LocalRunner(shell.user_ns, vars(fixtures), tensors, seconds=seconds, ask=ask)
            packed, arrays = pack_outcomes(runner.run(todo))
            channel.send({**packed, "done": request["id"]}, arrays)


def run_cell(shell: Shell, source: str, seconds: float) -> None:
    """Run a cell; when the time is up, it is interrupted as by the stop button."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        shell.run_cell(source, store_history=True)
    except KeyboardInterrupt:
        shell.showtraceback()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def plain(data: dict) -> dict:
    """What is displayed, pictures as text."""
    return {
        kind: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for kind, value in data.items()
        if isinstance(value, str | bytes)
    }
