"""Automatic mutants of a solution cell: one small change each, made on its syntax tree.

Only what the student writes is changed, the lines between BEGIN SOLUTION and END SOLUTION. Left
alone are errors that are raised, beyond dropping them, and zip's `strict`: no check can see them.
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import permutations

from byhand.grading.course.notebooks import MARKERS

REGION = re.compile(r"### BEGIN SOLUTION.*?### END SOLUTION", re.DOTALL)
NEIGHBOURS = 3  # other names that are tried in place of a name
OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add, ast.Mult),
    ast.Mult: (ast.Add, ast.Div, ast.Pow),
    ast.Div: (ast.Mult, ast.FloorDiv, ast.Sub),
    ast.FloorDiv: (ast.Div, ast.Mod, ast.Mult),
    ast.Mod: (ast.FloorDiv, ast.Mult),
    ast.Pow: (ast.Mult, ast.Add),
    ast.MatMult: (ast.Mult, ast.Add),
    ast.BitAnd: (ast.BitOr, ast.BitXor),
    ast.BitOr: (ast.BitAnd, ast.BitXor),
}
IN_PLACE = {ast.Add: "iadd", ast.Sub: "isub", ast.Mult: "imul", ast.Div: "itruediv"}
COMMUTATIVE = (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr)
COMPARED = (  # one takes the place of another
    (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq),
    (ast.Is, ast.IsNot),
    (ast.In, ast.NotIn),
)
PAIRS = (
    "sum mean, max min, amax amin, argmax argmin, zeros_like ones_like, zeros ones, sqrt square, "
    "maximum minimum, exp log, train eval, var std, sin cos, any all, floor ceil"
)
FAMILIES = {a: b for pair in PAIRS.split(", ") for a, b in permutations(pair.split())}
REDUCTIONS = "sum mean max min var std argmax argmin any all".split()
AXES = [ast.parse(axis, mode="eval").body for axis in ("0", "1", "-1", "None")]
UNCHANGED = "strict"  # a keyword


@dataclass(frozen=True)
class Mutant:
    """old, new: the changed line before and after, as ast.unparse writes it; source: the cell."""

    old: str
    new: str
    source: str


@dataclass
class Scope:
    """What may stand in for something: names of the function, attributes and methods of self."""

    names: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)

    def inside(self, node: ast.AST) -> "Scope":
        """The scope inside a class or function."""
        if isinstance(node, ast.ClassDef):
            used = list(dict.fromkeys(n.attr for n in ast.walk(node) if _is_own(n)))
            called = {n.func.attr for n in ast.walk(node) if _is_own(getattr(n, "func", None))}
            called |= {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
            methods = [name for name in used if name in called]
            return Scope([], [name for name in used if name not in called], methods)
        if isinstance(node, ast.FunctionDef):
            names = [a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)]
            stored = (n for n in ast.walk(node) if isinstance(n, ast.Name))
            names += [n.id for n in stored if isinstance(n.ctx, ast.Store)]
            names = [n for n in dict.fromkeys(names) if n not in ("self", "ctx", "_")]
            return Scope(names, self.attributes, self.methods)
        return self


def mutants(cell: str) -> list[Mutant]:
    """All mutants of a solution cell with its markers, each source once, without the markers."""
    inside: set[int] = set()
    for region in REGION.finditer(cell):
        first, last = (cell.count("\n", 0, place) + 1 for place in region.span())
        inside |= set(range(first, last + 1))
    lines = cell.splitlines()
    found = {m.source: m for m in _below(ast.parse(cell), None, Scope(), lines, inside)}
    found.pop(MARKERS.sub("", cell), None)
    return list(found.values())


def _below(
    node: ast.AST, statement: ast.stmt | None, scope: Scope, lines: list[str], inside: set[int]
) -> Iterator[Mutant]:
    """The mutants of everything below a node; statement: the one that the node is part of."""
    scope = scope.inside(node)
    for place, key, child in _children(node):
        around = child if isinstance(child, ast.stmt) else statement
        if getattr(child, "lineno", None) in inside:
            old = ast.unparse(around)
            for new in _variants(child, node, scope):
                place[key] = new
                text = ast.unparse(new if around is child else around)
                place[key] = child
                if _parses(text) and text != old:
                    yield Mutant(*_line(old, text), _spliced(lines, around, text))
        if not isinstance(child, ast.Raise) and getattr(child, "arg", None) != UNCHANGED:
            yield from _below(child, around, scope, lines, inside)


def _children(node: ast.AST) -> Iterator[tuple[dict | list, str | int, ast.AST]]:
    """Where each child of a node is kept, under which key, and the child."""
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield vars(node), name, value
        elif isinstance(value, list):
            yield from ((value, i, v) for i, v in enumerate(value) if isinstance(v, ast.AST))


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _line(old: str, new: str) -> tuple[str, str]:
    """The first line that differs, on both sides."""
    pairs = zip(old.splitlines(), new.splitlines(), strict=False)
    return next((a.strip(), b.strip()) for a, b in pairs if a != b)


def _spliced(lines: list[str], statement: ast.stmt, text: str) -> str:
    """The cell with another text for a statement, without the markers."""
    new = textwrap.indent(text, " " * statement.col_offset).splitlines()
    whole = lines[: statement.lineno - 1] + new + lines[statement.end_lineno :]
    return MARKERS.sub("", "\n".join(whole))


def _variants(node: ast.AST, parent: ast.AST, scope: Scope) -> Iterator[ast.AST]:
    """What is put in a node's place, one at a time."""
    match node:
        case ast.Raise() | ast.Expr(ast.Call()) | ast.Assign() | ast.For():
            yield ast.Pass()
        case ast.If(test=test) | ast.While(test=test):
            yield ast.Pass()
            yield _with(node, test=ast.UnaryOp(ast.Not(), test))  # an if's branches swapped
            yield from (_with(node, test=ast.Constant(value)) for value in (True, False))
        case ast.With():
            yield ast.If(ast.Constant(True), node.body, [])
        case ast.AugAssign():
            yield ast.Pass()
            yield ast.Assign([node.target], node.value, lineno=node.lineno)
            for kind in OPERATORS.get(type(node.op), ()):
                yield _with(node, op=kind())
        case ast.Return(ast.expr()):
            yield ast.Return(ast.Constant(None))
        case ast.BinOp():
            yield from (_with(node, op=kind()) for kind in OPERATORS.get(type(node.op), ()))
            yield from (node.left, node.right)
            if not isinstance(node.op, COMMUTATIVE):
                yield _with(node, left=node.right, right=node.left)
            if type(node.op) in IN_PLACE and isinstance(node.left, ast.Name | ast.Attribute):
                method = f"__{IN_PLACE[type(node.op)]}__"  # overwrites the left side
                yield ast.Call(ast.Attribute(node.left, method), [node.right], [])
        case ast.UnaryOp():
            yield node.operand
        case ast.BoolOp():
            yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
            yield from node.values
        case ast.Compare():
            for i, op in enumerate(node.ops):
                for kind in next(alike for alike in COMPARED if type(op) in alike):
                    yield _with(node, ops=[*node.ops[:i], kind(), *node.ops[i + 1 :]])
        case ast.IfExp():
            yield from (node.body, node.orelse)
            yield _with(node, body=node.orelse, orelse=node.body)
        case ast.Constant():
            yield from _constants(node.value)
        case ast.Call():
            yield from _calls(node)
        case ast.keyword(arg="axis" | "dim", value=value):
            yield from (_with(node, value=axis) for axis in _axes(value))
        case ast.Slice():
            yield from _slices(node)
        case ast.Subscript(ctx=ast.Load()):
            yield node.value
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            yield from (_with(node, elts=swapped) for swapped in _swapped(elements))
        case ast.Name() | ast.Attribute():
            yield from _names(node, parent, scope)


def _constants(value: object) -> Iterator[ast.expr]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        others = {value + 1, value - 1, 0 * value, value**0, -value} - {value}
        twice = {2 * value} if isinstance(value, float) else set()
        yield from map(_number, sorted(others | twice))


def _number(value: float) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def _calls(node: ast.Call) -> Iterator[ast.expr]:
    """Arguments dropped and swapped; what is called dropped; ranges one longer or shorter."""
    args, keywords = node.args, node.keywords
    for i, keyword in enumerate(keywords):
        if keyword.arg != UNCHANGED:
            yield _with(node, keywords=keywords[:i] + keywords[i + 1 :])
    yield from (_with(node, args=args[:i] + args[i + 1 :]) for i in range(len(args)))
    yield from (_with(node, args=swapped) for swapped in _swapped(args))
    named = {keyword.arg for keyword in keywords}
    match node.func:
        case ast.Name("super"):
            return
        case ast.Name("range"):
            last = len(args) > 1
            for moved in _moved(args[last]):
                yield _with(node, args=[*args[:last], moved, *args[last + 1 :]])
            if not last:
                yield _with(node, args=[ast.Constant(1), *args])
        case ast.Attribute(value=owner, attr=method):
            if "axis" in named and "keepdims" not in named and method in REDUCTIONS:
                kept = ast.keyword("keepdims", ast.Constant(True))
                yield _with(node, keywords=[*keywords, kept])
            if ast.unparse(owner).split(".")[0] not in ("np", "torch"):
                yield owner
                return
    if args:
        yield args[0].value if isinstance(args[0], ast.Starred) else args[0]


def _axes(value: ast.expr) -> Iterator[ast.expr]:
    """Other axes, and fewer of them."""
    yield from AXES
    if isinstance(value, ast.Tuple):
        for i in range(len(value.elts)):
            yield _with(value, elts=value.elts[:i] + value.elts[i + 1 :])


def _slices(node: ast.Slice) -> Iterator[ast.Slice]:
    """Each end dropped, or one further or nearer; the step dropped."""
    for end, missing in (("lower", 1), ("upper", -1)):
        given = getattr(node, end)
        others = [_number(missing)] if given is None else [None, *_moved(given)]
        yield from (_with(node, **{end: other}) for other in others)
    if node.step is not None:
        yield _with(node, step=None)


def _moved(number: ast.expr) -> list[ast.expr]:
    """One more and one less."""
    return [ast.BinOp(number, kind(), ast.Constant(1)) for kind in (ast.Add, ast.Sub)]


def _swapped(items: list[ast.expr]) -> Iterator[list[ast.expr]]:
    """Two neighbours exchanged."""
    for i in range(len(items) - 1):
        yield [*items[:i], items[i + 1], items[i], *items[i + 2 :]]


def _names(node: ast.Name | ast.Attribute, parent: ast.AST, scope: Scope) -> Iterator[ast.expr]:
    """Other names of the function, other attributes of self, functions of the same family."""
    read = isinstance(node.ctx, ast.Load) or isinstance(parent, ast.AugAssign)
    if isinstance(node, ast.Name):
        if read and node.id in scope.names:
            yield from (_with(node, id=name) for name in _next(scope.names, node.id))
        elif node.id in FAMILIES:
            yield _with(node, id=FAMILIES[node.id])
        return
    if node.attr == "T":
        yield node.value
    if node.attr in FAMILIES:
        yield _with(node, attr=FAMILIES[node.attr])
    if _is_own(node):
        called = isinstance(parent, ast.Call) and parent.func is node
        others = scope.methods if called else scope.attributes
        yield from (_with(node, attr=name) for name in _next(others, node.attr))


def _next(names: list[str], name: str) -> list[str]:
    """The names after this one, the first again after the last."""
    place = names.index(name) if name in names else 0
    return [other for other in (names * 2)[place + 1 :] if other != name][:NEIGHBOURS]


def _is_own(node: ast.AST | None) -> bool:
    """Whether this is self.something."""
    return isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self"


def _with(node: ast.AST, **changes: object) -> ast.AST:
    """A copy of a node with some fields changed."""
    return type(node)(**(dict(ast.iter_fields(node)) | changes), lineno=getattr(node, "lineno", 1))
