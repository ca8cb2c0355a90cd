"""The student's side where PyTorch may be used: a second kernel, in which it has no autograd.

A gradient that is asked for by hand counts as it comes from the second kernel. PyTorch's files are
changed there, and so autograd is nowhere: in no thread and no child process, whatever a student's
code does to this package or to PyTorch.
"""

from dataclasses import replace

from nbformat import NotebookNode

from byhand.grading.sandbox.kernel_session import Allowed, KernelSession
from byhand.protocol.experiment import Experiment, StepResult
from byhand.protocol.wire import pack_outcomes


def open_session(files: dict[str, bytes], allowed: Allowed) -> KernelSession:
    """The session that a submission needs. Without a sandbox there is one kernel only."""
    two = allowed.torch and allowed.rung != "none"
    return TorchSession(files, allowed) if two else KernelSession(files, allowed)


class TorchSession(KernelSession):
    """A session with a twin that has run the same cells without autograd.

    Cells of the student's own take long there and are seldom needed: the twin leaves them out as
    long as both have the same results.
    """

    def __post_init__(self):
        super().__post_init__()
        self.cells_run: list[tuple[str, bool]] = []  # own or not
        self.twin = KernelSession(self.files, replace(self.allowed, autograd=False), self.causes)
        self.twin.began = self.began
        self.followed, self.whole = 0, False  # how many of the cells the twin has seen; all of them

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.twin.drop()
        self.peak_memory = max(self.peak_memory, self.twin.peak_memory)

    def start(self) -> None:
        """Start both kernels: in the twin's, PyTorch takes long to load."""
        super().start()
        if self.twin.kernel is None:
            self.twin.start()

    def run_cell(self, source: str, own: bool = False) -> list[NotebookNode]:
        """Run one of the student's cells; its outputs. own: it belongs to no task."""
        self.cells_run.append((source, own))
        return super().run_cell(source, own)

    def run(self, experiment: Experiment) -> list[StepResult]:
        """Carry an experiment out, in the twin if it forbids autograd."""
        results = super().run(experiment)
        if experiment.autograd or all(result.failure for result in results):
            return results
        found = self._without_autograd(experiment)
        if not self.whole and _values(found) != _values(results):
            self.twin.drop()
            self.twin.done, self.followed, self.whole = [], 0, True
            found = self._without_autograd(experiment)
        return found

    def _without_autograd(self, experiment: Experiment) -> list[StepResult]:
        """The twin's results, once it has run the new cells."""
        for source, own in self.cells_run[self.followed :]:
            if self.whole or not own:
                self.twin.at = "" if own else self.at
                self.twin.outputs(source, own)
        self.followed, self.twin.at = len(self.cells_run), self.at
        return self.twin.run(experiment)


def _values(results: list[StepResult]) -> tuple:
    """What came of each step, to be compared; why a step has failed does not count."""
    packed = pack_outcomes([StepResult(result.value) for result in results])
    return packed, [result.failure is None for result in results]
