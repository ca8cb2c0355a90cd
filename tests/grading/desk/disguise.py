"""A copied solution, made to look like one's own."""

import ast
from itertools import pairwise


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
