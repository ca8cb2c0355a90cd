"""What a check is about: something of the student's, in this process or elsewhere, by its name."""

from dataclasses import dataclass
from typing import Any

from byhand.check import fixtures, tensors
from byhand.protocol.experiment import Experiment
from byhand.protocol.runner import LocalRunner, Runner


@dataclass(frozen=True)
class Elsewhere:
    """Stands for something of the student's in another process: its name, and who can run it.

    A function can be called as if it were here: data goes there, data comes back.
    """

    name: str
    runner: Runner

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the student's function returns. Raises AssertionError if it returns nothing."""
        experiment = Experiment()
        experiment.call(self.name, *args, **kwargs)
        [result] = self.runner.run(experiment)
        if result.failure is not None:
            raise AssertionError(f"{self.name}: {result.failure}")
        return result.value


def reach(*subjects: Any) -> tuple[list[str], Runner]:
    """The names under which an experiment calls the subjects, and one runner that knows them all.

    What the course gives out beside the notebook is the judge's own; there its name will do.
    Raises TypeError, with one line to show, if a subject is no class or function.
    """
    names = [s.name if isinstance(s, Elsewhere) else _name(s) for s in subjects]
    away = [s.runner for s in subjects if isinstance(s, Elsewhere)]
    if away:
        return names, away[0]
    here = dict(zip(names, subjects, strict=True))
    return names, LocalRunner(here, vars(fixtures), tensors, guard=tensors.guard)


def _name(subject: Any) -> str:
    name = getattr(subject, "__name__", None)
    if not callable(subject) or not isinstance(name, str):
        raise TypeError(
            f"the check was called with {type(subject).__name__} {subject!r:.40} where a class "
            f"or function belongs: run the cell that defines it"
        )
    return name
