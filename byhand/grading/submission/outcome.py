"""How a submission fared, for a file and for its reader."""

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from byhand.grading.course.notebooks import task_of
from byhand.grading.submission.names import literal
from byhand.grading.submission.work import Ran

FILE = "outcome.json"  # beside the graded notebook
COURSE_FAULT = "course fault"
UNREAD = "text too long to read"  # which costs nothing
WORDS = {
    "time limit": "ran longer than allowed and was stopped",
    "memory limit": "used more memory than allowed and was stopped",
    "too much output": "printed more than allowed and was stopped",
    "killed": "ended the Python process",
    "unreadable answer": "gave an answer that cannot be read",
    UNREAD: "was too long, or took too long, to be read for the course's rules",
    "time limit of own cells": "came after the time for cells of your own was used up",
    "time limit of the submission": "came after the time for the whole notebook was used up",
}
REST = "Everything else was graded."


@dataclass
class Outcome:
    """status: "graded", "repaired", "failed", or COURSE_FAULT: then nothing has been graded;
    causes: what went wrong, with the tasks it cost."""

    status: str
    repairs: list[str] = field(default_factory=list)
    causes: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    peak_memory: int = 0

    @classmethod
    def of(cls, ran: Ran, told: dict[str, Any], tasks: list[str]) -> "Outcome":
        """From what the worker saw and what reading the file found."""
        causes = [
            {"cause": cause, "cells": cells, "tasks": _of(cells, tasks)}
            for cause, cells in _by_cause(ran.causes).items()
        ]
        if told["unreadable"]:
            cause = {"cause": "unreadable notebook", "cells": [], "tasks": tasks}
            causes = [cause | {"detail": told["unreadable"]}]
        status = "failed" if causes else "repaired" if told["repairs"] else "graded"
        return cls(status, told["repairs"], causes, ran.seconds, ran.peak_memory)

    @classmethod
    def of_course_fault(cls, detail: str, tasks: list[str]) -> "Outcome":
        """Of a submission that the course, nbgrader or this machine failed to grade."""
        cause = {"cause": "a fault of the course", "cells": [], "tasks": tasks, "detail": detail}
        return cls(COURSE_FAULT, causes=[cause])

    def write(self, path: Path, confinement: str, mark: str = "") -> None:
        """Write the outcome as JSON, with how the student's kernel was confined. mark: of what was
        graded."""
        content = asdict(self) | {"confinement": confinement, "mark": mark}
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    def line(self) -> str:
        """For the instructor, in one line."""
        causes = [f"{c['cause']}{_places(' in ', c['cells'], 'their')}" for c in self.causes]
        return "; ".join([*causes, *self.repairs])


def sentence(outcome: Outcome) -> str:
    """For the top of the feedback page; empty if there is nothing to tell."""
    if outcome.status == COURSE_FAULT:
        return (
            "**This notebook has not been graded yet.** A fault of the course stopped it, not "
            "your work. No points were taken, and your instructor knows."
        )
    parts = []
    for cause in outcome.causes:
        if "detail" in cause:
            parts.append(
                f"**This notebook could not be read**: the file {literal(cause['detail'])}. "
                "Every task counts 0 and shows the notebook as it was handed out. Your file is "
                "kept. Open your copy in JupyterLab: if it opens, save it and hand it in again; if "
                "not, look for an older copy in `.ipynb_checkpoints`, and ask your instructor."
            )
        else:
            words = WORDS.get(cause["cause"], cause["cause"])
            where = _places("", cause["cells"], "your")
            rest = "It was graded all the same." if cause["cause"] == UNREAD else REST
            parts.append(f"This {words}: {where}. {rest}")
    if outcome.repairs:
        repairs = "\n".join(f"- {literal(repair)}" for repair in outcome.repairs)
        parts.append(f"The notebook was graded after repairs:\n\n{repairs}")
    return "\n\n".join(parts)


def kept(folder: Path) -> dict[str, Any]:
    """The outcome in a folder of autograded/; empty if there is none."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def mark(*folders: Path, first: str = "") -> str:
    """What tells the files in some folders from all others."""
    digest = sha256(first.encode())
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                content = sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(folder)!s}\0{content}\0".encode(errors="replace"))
    return digest.hexdigest()


def _by_cause(causes: list[tuple[str, str]]) -> dict[str, list[str]]:
    """The cells by cause, each once, in their order."""
    found: dict[str, dict[str, None]] = {}
    for cause, cell in causes:
        found.setdefault(cause, {})[cell] = None
    return {cause: list(cells) for cause, cells in found.items()}


def _places(before: str, cells: list[str], whose: str) -> str:
    names = [cell or f"a cell of {whose} own" for cell in cells]
    return before + ", ".join(names) if names else ""


def _of(cells: list[str], tasks: list[str]) -> list[str]:
    """The tasks that cells belong to, each once."""
    found = (task_of(cell, tasks) for cell in cells)
    return list(dict.fromkeys(task for task in found if task is not None))
