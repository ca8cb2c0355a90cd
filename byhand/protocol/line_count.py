"""Whether longer arrays make a student's code run more lines: what is vectorised does not."""

import sys
from collections.abc import Callable
from typing import Any

from byhand.protocol.runner import ELSEWHERE, Told


def more_lines(calls: dict[str, int], small: list, large: list) -> list[int]:
    """How many more lines of the student's own code each call runs with the large arguments.

    calls: methods, and how many of the arguments they get; small, large: an object and arguments.
    A call that fails is left out. Raises Told if Python's tracing does not stay on.
    """
    counts = [
        [_lines_of(owner, name, args[:count]) for name, count in calls.items()]
        for owner, *args in (small, large)
    ]
    return [many - few for few, many in zip(*counts, strict=True) if None not in (few, many)]


def _lines_of(owner: Any, method: str, args: list) -> int | None:
    """The lines; a call from one counts too: `map` has no lines of its own."""
    count, before = 0, sys.gettrace()

    def trace(frame: Any, event: str, _: Any) -> Callable | None:
        nonlocal count
        own, by_own = _is_own(frame), _is_own(frame.f_back)
        count += event == "line" or (event == "call" and (own or by_own))
        return trace if own else None

    try:
        getattr(owner, method)(*args)  # what is set up for a new size is no loop
        sys.settrace(trace)
        getattr(owner, method)(*args)
    except Exception:  # noqa: BLE001 - other looks say what is wrong
        return None
    finally:
        kept = sys.gettrace()
        sys.settrace(before)
    if kept is not trace:
        raise Told("switches Python's tracing off, without which loops cannot be seen")
    return count


def _is_own(frame: Any) -> bool:
    return frame is not None and not frame.f_code.co_filename.startswith(ELSEWHERE)
