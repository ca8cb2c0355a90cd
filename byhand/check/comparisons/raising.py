"""check.raises: bad arguments must be refused, not computed with."""

from collections.abc import Sequence
from typing import Any

from byhand.check.random_inputs import Draw, written
from byhand.check.report import Line, Report, conclude
from byhand.check.subject import reach
from byhand.protocol.experiment import Experiment


def raises(
    error: type[Exception],
    cls: Any,
    make: dict[str, Any],
    forward: Sequence[int] | None = None,
    seed: int | None = None,
) -> Report | None:
    """Expect `error` from the constructor, or, if `forward` is a shape, from a forward pass on it.

    Raises CheckFailed if something else happens, or nothing.
    """
    [name], runner = reach(cls)
    draw = Draw(seed)
    title = written(name, **make)
    title += "" if forward is None else f" on x of shape {tuple(forward)}"
    report = Report(f"{title} raises {error.__name__}", draw.repeat("raises"))
    experiment = Experiment(seed=draw.seed)
    built = step = experiment.call(name, **make)
    if forward is not None:
        step = experiment.method(built, "forward", draw.normal(forward))
    outcomes = runner.run(experiment)
    failure = outcomes[step.index].failure
    early = forward is not None and outcomes[built.index].failure is not None
    right = failure is not None and failure.type == error.__name__ and not early
    text = "" if right else str(failure or f"nothing was raised, expected {error.__name__}")
    report.lines.append(Line(error.__name__, right, text))
    return conclude(report)
