"""The trusted side: runs test cells, in which unknown names stand for what is the student's."""

import ast
import builtins
from functools import cache, lru_cache
from types import CodeType

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_output

from byhand.check.cell import FAILURES, AllChecks
from byhand.check.random_inputs import Memory
from byhand.check.report import CheckFailed, Failures, Report, showing
from byhand.check.subject import Elsewhere
from byhand.grading.course.notebooks import HIDDEN
from byhand.protocol.runner import Runner


class GradedCells:
    """The test cells of one submission, with a namespace of their own.

    setup: the source of the setup cell, from the course and not from the submission;
    student: carries out the experiments; entropy: the same for all submissions of a class.
    """

    def __init__(self, setup: str, student: Runner, entropy: int = 0):
        self.student, self.memory = student, _memory(entropy)
        self.namespace: dict = {"__name__": "__judge__"}
        exec(compile(setup, "<setup>", "exec"), self.namespace)

    def run(self, source: str) -> list[NotebookNode]:
        """Run one test cell; its outputs, with an error if a check has failed.

        All of the visible checks run, as in the notebook; the hidden ones only if these pass, and
        until one fails.
        Any exception but a failed assertion is a fault of the course, not of the student, and is
        passed on.
        """
        code, names = _compiled(source)
        self.namespace[FAILURES] = Failures()
        for name in names - self.namespace.keys():
            self.namespace[name] = Elsewhere(name, self.student)
        reports: list[Report] = []
        failed = []
        with showing(reports.append), self.memory.of(source):
            try:
                exec(code, self.namespace)
            except CheckFailed as error:
                failed = [_error(error, str(error).splitlines())]
            except AssertionError as error:
                failed = [_error(error, [f"AssertionError: {error}"])]
        return [*map(_card, reports), *failed]


@cache
def _compiled(source: str) -> tuple[CodeType, set[str]]:
    """A test cell, the same for all submissions, and the names that neither it nor Python
    defines."""
    tree = AllChecks(until=_hidden(source)).visit(ast.parse(source))
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    unbound = {node.id for node in names} - bound - vars(builtins).keys()
    return compile(tree, "<test>", "exec"), unbound


def _hidden(source: str) -> int:
    """The line at which hidden cases begin, from 1; the one after the last if there are none."""
    lines = source.splitlines()
    marked = (n for n, line in enumerate(lines, 1) if HIDDEN in line)
    return next(marked, len(lines) + 1)


@lru_cache(maxsize=1)
def _memory(entropy: int) -> Memory:
    """Of all submissions of a class that this process grades."""
    return Memory(entropy)


def _card(report: Report) -> NotebookNode:
    data = {"text/plain": repr(report), "text/html": report._repr_html_()}
    # new_output() would validate it, as nbgrader does with the whole notebook.
    return from_dict({"output_type": "display_data", "metadata": {}, "data": data})


def _error(error: AssertionError, lines: list[str]) -> NotebookNode:
    name = type(error).__name__
    return new_output("error", ename=name, evalue=str(error), traceback=lines)
