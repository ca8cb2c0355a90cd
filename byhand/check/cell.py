"""A cell with several checks: all of them run, then the cell fails if one of them has failed.

A check is a statement that calls check.something, in a loop as well. Anything else that raises an
exception ends the cell, as ever.
"""

import ast

from byhand.check import __all__

FAILURES = "_byhand_failures"  # a name in the cell's namespace: its report.Failures
CHECKS = set(__all__) - {"scoreboard"}  # which is shown, as the last expression of its cell
OWN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Try, ast.TryStar)


class AllChecks(ast.NodeTransformer):
    """Rewrites a cell, so that it goes on after a check that fails and fails at its end.

    until: the line from which on it stops at the first, as a cell does that is not rewritten.
    """

    def __init__(self, until: float = float("inf")):
        self.until = until

    def visit(self, node: ast.AST) -> ast.AST:
        """The node, rewritten; as it is, if it runs elsewhere or handles exceptions itself."""
        return node if isinstance(node, OWN) else super().visit(node)

    def visit_Module(self, tree: ast.Module) -> ast.Module:
        """Each statement; then what makes the cell fail, where the rewritten part ends."""
        first = [node for node in tree.body if node.lineno < self.until]
        rest = tree.body[len(first) :]
        self.found = False
        tree.body = [self.visit(node) for node in first]
        if self.found:
            settle = ast.parse(f"{FAILURES}.settle()").body
            tree.body += [ast.copy_location(node, tree.body[-1]) for node in settle]
        tree.body += rest
        return ast.fix_missing_locations(tree)

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        """A check is put into a `with`."""
        match node.value:
            case ast.Call(ast.Attribute(ast.Name("check"), name)) if name in CHECKS:
                self.found = True
                kept = ast.withitem(ast.Name(FAILURES, ast.Load()))
                return ast.copy_location(ast.With([kept], [node]), node)
        return node
