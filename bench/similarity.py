"""How alike are independent solutions, and disguised copies? python bench/similarity.py

Right solutions in other styles (mistakes/*/correct) are compared with each other and with the
reference; each is then disguised and compared with itself. A task with fewer than SHORTEST runs
of characters of its own is never shown by itself, and not counted here.
"""

import ast
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np

from byhand.grading.course.mistakes import variants
from byhand.grading.course.notebooks import assignments, solution_cells, source_notebook
from byhand.grading.desk.similarity import ALIKE, SHORTEST, fingerprints, handed_out

COURSE = Path(__file__).parents[1]


def disguise(source: str) -> str:
    """The same solution with other names, methods in another order, statements that do not need
    each other swapped, no comments and another layout."""
    tree = ast.parse(source)
    names = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return ast.unparse(_Disguise(sorted(names - {"self"})).visit(tree))


class _Disguise(ast.NodeTransformer):
    def __init__(self, names: list[str]):
        self.names = {name: f"value_{number}" for number, name in enumerate(names)}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self.names.get(node.arg, node.arg)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self.generic_visit(node)
        methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
        node.body = [part for part in node.body if part not in methods] + methods[::-1]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        for place, (first, second) in enumerate(pairwise(list(node.body))):
            if node.body[place] is first and _independent(first, second):
                node.body[place : place + 2] = second, first
        return node


def _independent(first: ast.stmt, second: ast.stmt) -> bool:
    """Whether two assignments can change places."""
    if not (isinstance(first, ast.Assign) and isinstance(second, ast.Assign)):
        return False
    return not (
        _names(first, ast.Store) & _names(second) or _names(second, ast.Store) & _names(first)
    )


def _names(node: ast.AST, context: type = ast.expr_context) -> set[str]:
    found = [n for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)]
    found = [n for n in found if isinstance(n.ctx, context)]
    return {n.id if isinstance(n, ast.Name) else n.attr for n in found} - {"self"}


def shares(course: Path) -> tuple[list[float], list[float], list[float]]:
    """The shares of common runs: of two styles of a task, of a copy, of a copy of a notebook."""
    styles, copies, whole = [], [], []
    for assignment in assignments(course):
        given = handed_out(course, assignment)
        right = solution_cells(source_notebook(course, assignment))
        texts = {task: [source] for task, source in right.items()}
        for one in variants(course / "mistakes" / assignment):
            texts[one.task].append(one.source)
        everything = np.zeros(2)
        for task, sources in texts.items():
            styles += [_share(*_runs(*two, task, given[task])) for two in combinations(sources, 2)]
            pairs = [_runs(source, disguise(source), task, given[task]) for source in sources]
            copies += [_share(*pair) for pair in pairs]
            first, second = pairs[0]  # the reference
            everything += 2 * len(first & second), len(first) + len(second)
        whole.append(everything[0] / everything[1])
    return [s for s in styles if s is not None], [s for s in copies if s is not None], whole


def _runs(first: str, second: str, task: str, template: str) -> tuple[set[int], set[int]]:
    made = fingerprints({"a": {task: first}, "b": {task: second}}, {task: template})[task]
    return tuple(made[who].hashes if who in made else set() for who in "ab")


def _share(first: set[int], second: set[int]) -> float | None:
    if min(len(first), len(second)) < SHORTEST:
        return None
    return 2 * len(first & second) / (len(first) + len(second))


def main() -> None:
    """Print the figures."""
    styles, copies, whole = map(np.array, shares(COURSE))
    found = np.mean(copies >= ALIKE)
    print(f"share of common runs; a pair is shown from {ALIKE:.0%} on")
    print(f"{len(styles)} pairs of styles: median {np.median(styles):.0%}, most {styles.max():.0%}")
    print(f"{len(copies)} disguised copies of a task: median {np.median(copies):.0%},", end=" ")
    print(f"{found:.0%} shown")
    print(f"{len(whole)} disguised copies of a notebook: {whole.min():.0%} to {whole.max():.0%}")


if __name__ == "__main__":
    main()
