"""check.raises: the errors that a class has to raise."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from byhand.check.core import Check
from byhand.check.random_inputs import calm, is_shape, written
from byhand.check.report import Report
from byhand.check.script import Script


@calm()
def raises(
    error: type[Exception],
    cls: Any,
    make: dict[str, Any],
    forward: Sequence | None = None,
    seed: int | None = None,
) -> Report | None:
    """Expect `error` from the constructor or, if `forward` is a shape or an input, from a pass
    on it.

    Raises CheckFailed if something else happens, or nothing.
    """
    check = Check("raises", cls, seed=seed)
    given = forward is None or is_shape(forward)
    x = forward if given else np.array(forward)
    where = "" if x is None else f" on x of shape {x}" if given else f" on x = {forward}"
    check.report.title = f"{written(check.name, **make)}{where} raises {error.__name__}"

    def refuse(*_: Any, **__: Any) -> None:
        raise error

    def write(script: Script, dtype: type) -> None:
        script.refusal = error.__name__
        made = script.call(check.name, **make)
        if forward is not None:
            script.method(made, "forward", check.draw.normal(x) if given else x)

    oracle = refuse if forward is None else lambda **_: SimpleNamespace(forward=refuse)
    return check.differential(oracle, write, dtypes=[np.float64])
