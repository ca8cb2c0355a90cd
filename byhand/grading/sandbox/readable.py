"""Which of a student's texts the judge reads for the course's rules, in its own process.

To parse short text takes little time and memory, whatever it says. Long text, and text with many
lines for the shell (IPython's time for those grows with their square), is parsed in a process of
its own first, which may take a second.
"""

import subprocess
import sys
import time
from dataclasses import dataclass

from byhand.grading.sandbox.inside import limit
from byhand.protocol.source_text import plain_of_cell

SHORT, SHELL_LINES = 20_000, 50  # characters, lines: up to here nothing takes 0.1 s
LONGEST, ALL = 200_000, 1_000_000  # characters of a cell, of a submission
SECONDS, ALL_SECONDS = 1.0, 10.0  # for a long cell, for a submission
MEMORY = 600 * 2**20  # bytes of address space of the process that tries
START = 20.0  # seconds for that process to start on a busy machine
READY = "ready"


@dataclass
class Reader:
    """What is left of a submission's share."""

    characters: int = ALL
    seconds: float = ALL_SECONDS

    def reads(self, text: str) -> bool:
        """Whether a cell's text may be parsed here; it has been tried."""
        self.characters -= len(text)
        began = time.monotonic()
        fine = len(text) <= LONGEST and self.characters >= 0 and self.seconds > 0 and _fine(text)
        self.seconds -= time.monotonic() - began
        return fine


def _fine(text: str) -> bool:
    shell = sum(line.lstrip()[:1] in ("!", "%", "?") for line in text.splitlines())
    if (len(text) > SHORT or shell > SHELL_LINES) and not _tried(text):
        return False
    plain_of_cell(text)
    return True


def _tried(text: str) -> bool:
    """Whether a process of its own can parse it within its limits."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            child.stdout.readline()  # it is ready
            child.communicate(text.encode("utf-8", "replace"), timeout=SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
        return child.wait() == 0


def main() -> None:
    """Parse what comes on standard input, within limits."""
    plain_of_cell("!ls")  # loads what it takes
    limit({"RLIMIT_AS": MEMORY, "RLIMIT_CPU": int(START), "RLIMIT_CORE": 0})
    print(READY, flush=True)
    text = sys.stdin.buffer.read().decode()
    plain = plain_of_cell(text)
    if plain is not None:
        compile(plain, "<cell>", "exec")


if __name__ == "__main__":
    main()
