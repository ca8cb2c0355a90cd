"""How far a class has come, while it is graded: for whoever sits at a terminal."""

import time
from collections import Counter
from weakref import finalize

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

FEW = 2  # submissions that need no bar


class Watch:
    """A bar on stderr, where that is a terminal: how many are done, run and failed, how many a
    minute, and the time left. Then a line with the outcomes.

    total: how many submissions there are.
    """

    def __init__(self, total: int):
        self.console, self.total = Console(stderr=True), total
        self.began, self.outcomes = time.monotonic(), Counter()
        self.shown = self.console.is_terminal and total > FEW
        columns = BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}")
        self.bar = Progress(*columns, TimeRemainingColumn(), console=self.console, transient=True)
        self.task = self.bar.add_task("", total=total)
        if self.shown:
            self.bar.start()
            self.end = finalize(self, self.bar.stop)

    def tell(self, running: int, outcome: str = "") -> None:
        """outcome: of the submission that was graded just now."""
        self.outcomes[outcome] += bool(outcome)
        done = self.outcomes.total()
        rate = 60 * done / (time.monotonic() - self.began)
        words = f"{running} under way, {self.outcomes['failed']} failed, {rate:.0f} a minute"
        self.bar.update(self.task, completed=done, description=words)
        if done == self.total and self.shown:
            self.end()
            kinds = ", ".join(f"{count} {kind}" for kind, count in self.outcomes.items() if kind)
            minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
            self.console.print(f"{done} submissions in {minutes}:{seconds:02}: {kinds}")
